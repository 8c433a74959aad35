//! Calls to vendors over HTTP: addresses, limits, authentication, bodies, pages and the meaning of every answer.
//!
//! Not here: which calls a connector makes (its manifest), retries that outlive a call (the job table).

mod assertion;
pub(super) mod auth;
mod batch;
pub mod body;
pub mod budget;
pub(super) mod certificate;
mod children;
pub mod classify;
pub mod client;
pub(super) mod confirm;
mod cookies;
mod counter;
pub(super) mod csrf;
pub mod cursor;
pub(super) mod enrich;
pub(super) mod exchange;
mod follow_up;
pub mod form;
pub(super) mod gaps;
pub mod guard;
pub mod json;
pub mod link;
pub mod mask;
mod multipart;
mod oauth;
mod oauth1;
mod pages;
mod prepare;
mod protocol;
mod receipt;
mod refresh;
pub(super) mod render;
mod report;
pub mod retry_after;
pub(super) mod ruled;
mod seal;
mod session;
mod single;
mod soap;
mod subscribe;
mod token;
pub(super) mod usage;
mod verdict;
mod walk;
mod whole_list;
pub(super) mod wrap;
mod write;
pub mod xml;
mod xml_rpc;
mod xml_tree;

pub use exchange::{Clock, Patience};
pub use render::RenderError;

#[cfg(test)]
mod hostile_tests;
