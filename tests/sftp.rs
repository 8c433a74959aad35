//! File servers: a real sshd, started by each test, with folders of its own; a line that is cut where the test says.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "sftp/check.rs"]
mod check;
#[path = "sftp/config.rs"]
mod config;
#[path = "sftp/intake.rs"]
mod intake;
#[path = "sftp/line.rs"]
mod line;
#[path = "sftp/outbound.rs"]
mod outbound;
#[path = "file_flow/rig.rs"]
#[allow(dead_code)]
mod rig;
#[path = "sftp/server.rs"]
mod server;
