//! Calls to vendors over HTTP: addresses, limits, authentication, bodies, pages and the meaning of every answer.
//!
//! Not here: which calls a connector makes (its manifest), retries that outlive a call (the job table).

mod auth;
pub mod body;
pub mod budget;
pub mod classify;
pub mod client;
pub mod cursor;
mod exchange;
pub mod form;
pub mod guard;
pub mod json;
pub mod link;
pub mod mask;
mod oauth;
mod pages;
mod render;
pub mod retry_after;
mod settings;
mod usage;
pub mod xml;

pub use exchange::{Clock, Patience};
pub use settings::{SettingError, Settings};
