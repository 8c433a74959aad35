//! The pages that people keep open: server-rendered on top of the API's own reading and acting functions; not here:
//! state changes that the API lacks.
//!
//! Readable without JavaScript; the one small script keeps numbers and times moving.

mod actor_cookie;
mod assets;
mod attention;
mod break_list;
mod form;
mod href;
mod integration_map;
mod layout;
mod mark;
mod money;
mod pages;
mod pretty;
mod recon_words;
mod router;
mod sides;
mod spark;
mod table;

pub use pretty::pretty;
pub use router::{PAGES, app};
