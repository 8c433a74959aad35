//! The connector engine: what a manifest describes becomes calls to a vendor and verified webhooks from it.
//!
//! Not here: any vendor's name outside named schemes, the durable queue, storage, mapping between vendor and canonical records.

pub mod call;
pub mod http;
pub mod webhook;
