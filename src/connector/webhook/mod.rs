//! Proof of origin for what arrives and leaves by webhook, and what a genuine delivery says: pure functions of bytes,
//! headers, secrets and a given time.
//!
//! Not here: reading the request, the inbox, the HTTP answer (intake), fetching what a delivery only hints at (`connection`).

mod certificate;
mod interpret;
mod items;
mod key;
mod proof;
mod refusal;
pub(crate) mod sign;
pub mod standard;
mod url_escapes;
mod verify;

pub(crate) use certificate::Certificates;
pub(crate) use interpret::version_of;
pub use key::SecretError;
pub(crate) use proof::single as single_header;
pub use refusal::Refusal;
pub use verify::{Delivery, Verified, Verifier, Voucher};
