//! How payloads come in: webhooks, pollers, file watchers; each makes its payload durable before it is acknowledged.
//!
//! Not here: working on a payload (see `process`).

mod appender;

pub use appender::Appender;
