//! Calls to vendors over HTTP: addresses, limits, authentication, bodies, pages and the meaning of every answer.
//!
//! Not here: which calls a connector makes (its manifest, through `connection`), retries that outlive a call (the job table).

pub mod budget;
pub mod form;
pub mod guard;
pub mod json;
pub mod link;
pub mod mask;
pub mod retry_after;
pub mod xml;
