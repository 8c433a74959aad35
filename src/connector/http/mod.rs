//! Calls to vendors over HTTP: addresses, limits, authentication, bodies, pages and the meaning of every answer.
//!
//! Not here: which calls a connector makes (its manifest), retries that outlive a call (the job table).

pub(super) mod auth;
pub mod body;
pub mod budget;
pub mod classify;
pub mod client;
pub mod cursor;
mod enrich;
pub(super) mod exchange;
pub mod form;
pub mod guard;
pub mod json;
pub mod link;
pub mod mask;
mod oauth;
mod pages;
pub(super) mod render;
mod report;
pub mod retry_after;
mod subscribe;
pub(super) mod usage;
mod walk;
mod write;
pub mod xml;

pub use exchange::{Clock, Patience};
pub use render::RenderError;

#[cfg(test)]
mod hostile_tests;
