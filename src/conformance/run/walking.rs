//! A walk over a list, page by page, as the poller does it; a page that failed is asked for again.
//!
//! Not here: what must come of it (`reading`, `shifting`).

use super::bench::Bench;
use crate::conformance::fixture::ReadCase;
use crate::connector::call::{CallError, Incoming, IncomingOp, PageToken};
use crate::connector::connection::Connection;

/// Pages that fail one after the other before a walk is given up.
const PATIENCE: usize = 3;

#[derive(Debug, Default)]
pub(super) struct Walked {
    pub(super) seen: Vec<SeenRecord>,
    /// What could not be interpreted.
    pub(super) unreadable: Vec<String>,
    pub(super) cursor: Option<String>,
    pub(super) pages: usize,
    /// Failures that were followed by another try.
    pub(super) failures: Vec<CallError>,
    /// The failure that the walk ended with.
    pub(super) broke: Option<Box<CallError>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct SeenRecord {
    pub(super) key: String,
    pub(super) version: Option<i64>,
    pub(super) deleted: bool,
    pub(super) payload: serde_json::Value,
}

impl Walked {
    pub(super) fn keys(&self) -> Vec<&str> {
        self.seen.iter().map(|seen| seen.key.as_str()).collect()
    }
}

/// Walks to the end, or to the first failure where `again` is false.
pub(super) async fn walk(bench: &mut Bench<'_>, connection: &Connection, case: &ReadCase, again: bool) -> Walked {
    let mut walked = Walked::default();
    let (mut page, mut failed) = (None::<PageToken>, 0);
    loop {
        let cursor = case.cursor.as_deref();
        let read = match &case.hint {
            Some(hint) => connection.read_hints(&case.stream, hint, cursor, page.clone()).await,
            None => connection.read_page(&case.stream, cursor, page.clone()).await,
        };
        match read {
            Err(error) => {
                bench.hear(&error);
                failed += 1;
                if !again || failed >= PATIENCE {
                    walked.broke = Some(error);
                    return walked;
                }
                walked.failures.push(*error);
            }
            Ok(found) => {
                failed = 0;
                walked.pages += 1;
                for record in &found.records {
                    note(bench, connection, &case.stream, record, &mut walked);
                }
                for fetched in found.fetched {
                    let version =
                        fetched.record.as_ref().and_then(|record| connection.record_version(&case.stream, record));
                    walked.seen.push(SeenRecord {
                        key: fetched.key,
                        version: version.map(crate::model::Version::value),
                        deleted: fetched.record.is_none(),
                        payload: fetched.record.unwrap_or_default(),
                    });
                }
                walked.cursor = found.cursor.or(walked.cursor);
                match found.next {
                    Some(next) => page = Some(next),
                    None => return walked,
                }
            }
        }
    }
}

fn note(bench: &mut Bench<'_>, connection: &Connection, stream: &str, record: &serde_json::Value, walked: &mut Walked) {
    match connection.interpret_record(stream, record) {
        Ok(found) => {
            for incoming in found.incoming {
                match incoming {
                    Ok(incoming) => walked.seen.push(seen(incoming)),
                    Err(error) => walked.unreadable.push(error.to_string()),
                }
            }
        }
        Err(error) => walked.unreadable.push(error.to_string()),
    }
    bench.heard.extend(walked.unreadable.last().cloned());
}

pub(super) fn seen(incoming: Incoming) -> SeenRecord {
    SeenRecord {
        key: incoming.key,
        version: incoming.version.map(crate::model::Version::value),
        deleted: incoming.op == IncomingOp::Delete,
        payload: incoming.payload,
    }
}
