//! Whether a manifest's program and the streams that go through it fit together.
//!
//! Not here: whether the program exists (`connector::process` looks when a configuration is checked).

use super::check::Checker;
use super::process::{Process, ProcessProtocol, ProcessRead, ProcessReadMode, ProcessWrite};
use super::references;
use super::scope;
use super::stream::Stream;
use super::write::OpKind;

impl Checker<'_> {
    pub(super) fn process(&self, process: &Process) {
        for word in &process.command {
            self.template(Some(word), scope::PROGRAM);
        }
        for (_, value) in &process.env {
            self.template(Some(value), scope::PROGRAM);
        }
        if let Some(config) = &process.config {
            for (references, place) in references::of_json(config) {
                self.references(&references, place, scope::CREDENTIALS, &[]);
            }
        }
    }

    pub(super) fn process_read(&self, stream: &Stream, read: &ProcessRead) {
        self.expression(read.deleted.as_ref(), scope::RECORD);
        if read.deleted.is_some()
            && let Some(deleted) = &stream.deleted
        {
            self.error(&deleted.place, "`deleted` is written twice", "keep the one of the stream or the one of `read`");
        }
        let Some(protocol) = self.protocol(stream, "read") else { return };
        let place = &stream.name.place;
        match protocol {
            ProcessProtocol::Syncline => {
                if read.replication.is_some() {
                    self.error(place, "only Singer taps have a replication method", "remove `replication`");
                }
            }
            ProcessProtocol::SingerTap => {
                if read.fetch || read.mode == ProcessReadMode::Snapshot {
                    let help = "remove `fetch` and `mode`; what a tap emits is for its catalogue to say";
                    self.error(place, "a Singer tap can only be read from its state on", help);
                }
            }
            ProcessProtocol::SingerTarget => {
                self.error(
                    place,
                    "a Singer target brings no records",
                    "remove `read`, or write `protocol: singer_tap`",
                );
            }
        }
    }

    pub(super) fn process_write(&self, stream: &Stream, write: &ProcessWrite) {
        if let Some(schema) = &write.schema {
            for (references, place) in references::of_json(schema) {
                self.references(&references, place, scope::DEFAULT, &[]);
            }
        }
        let Some(protocol) = self.protocol(stream, "write") else { return };
        let place = &stream.name.place;
        match protocol {
            ProcessProtocol::Syncline => {
                if !write.key.is_empty() || write.schema.is_some() {
                    self.error(place, "`key` and `schema` are told to Singer targets only", "remove them");
                }
            }
            ProcessProtocol::SingerTap => {
                self.error(
                    place,
                    "a Singer tap takes no records",
                    "remove `write`, or write `protocol: singer_target`",
                );
            }
            ProcessProtocol::SingerTarget => {
                if write.operations != [OpKind::Upsert] {
                    self.error(place, "a Singer target knows one operation", "write `operations: [upsert]` or nothing");
                }
            }
        }
    }

    /// `None` has been reported.
    fn protocol(&self, stream: &Stream, what: &str) -> Option<ProcessProtocol> {
        if self.node.get("process").is_none() {
            let message = format!("{what} of stream `{}` needs a program", *stream.name);
            self.error(&stream.name.place, message, "add `process:` with `command` at the top level");
        }
        self.manifest.process.as_ref().map(|process| process.protocol)
    }
}
