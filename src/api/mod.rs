//! The HTTP surface: the server itself, health, metrics and the REST API; not here: pages (see `web`), webhooks (see `intake`).

pub mod server;
