//! Proof of origin for what arrives and leaves by webhook: pure functions of bytes, headers, secrets and a given time.
//!
//! Not here: reading the request, the inbox, the HTTP answer (intake), what the payload means (`connection`).

mod content;
mod key;
mod refusal;
pub mod schemes;
mod spec;
pub mod standard;
mod verify;

pub use content::{ContentPart, ContentTemplate};
pub use key::KeyDecoding;
pub use refusal::Refusal;
pub use spec::{
    HashAlgorithm, HmacSpec, SignatureEncoding, SignatureForm, SpecError, TimestampSource, TimestampUnit, Variant,
};
pub use verify::{Delivery, Verified, Verifier};
