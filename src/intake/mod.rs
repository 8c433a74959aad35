//! How payloads come in: webhooks, pollers, file watchers; each makes its payload durable before it is acknowledged.
//!
//! Not here: working on a payload (see `process`).

mod appender;
mod files;
mod poll;
mod vanished;
mod wave;
mod webhook;

pub use appender::Appender;
pub use files::{FileIntake, Remote, watch_files};
pub use poll::{BACKFILL, PollSource, poll_stream};
pub use webhook::{Proven, Verdict, WebhookIntake, WebhookSource, WebhookSources, webhook_router};
