//! The safe questions that a manifest describes, put to the live system: check, lists, single records. Nothing is written.
//!
//! Not here: what becomes of the answers (`stage`), files (`files`).

use jiff::Timestamp;

use super::listen::{Heard, Recorder};
use crate::conformance::vendor::Asked;
use crate::connector::call::{CallResult, IncomingOp, Page, PageToken};
use crate::connector::connection::Connection;
use crate::connector::http::client::Errand;
use crate::connector::http::retry_after::server_time;
use crate::connector::manifest::{CursorKind, HttpRead, Stream};

/// What one scenario asks.
#[derive(Debug, Clone)]
pub(super) enum Asking {
    Check,
    List {
        stream: String,
        hint: Option<String>,
        resumed: bool,
    },
    /// By the key that the list's first record has, in the replay as in life.
    Get {
        stream: String,
        listed: usize,
    },
}

/// One scenario as it was heard.
#[derive(Clone)]
pub(super) struct Take {
    pub(super) asking: Asking,
    /// The clocks, at the first question.
    pub(super) at: Timestamp,
    /// Without log-ins; each question once.
    pub(super) calls: Vec<Heard>,
    /// Where the list went on: the place of its last page among the calls.
    pub(super) cut: Option<usize>,
    /// Of a list that is resumed: the take whose cursor it begins at.
    pub(super) follows: Option<usize>,
}

#[derive(Default)]
pub(super) struct Session {
    pub(super) takes: Vec<Take>,
    pub(super) log_ins: Vec<Heard>,
    /// What could not be recorded, and why.
    pub(super) skipped: Vec<String>,
    /// Everything, for the search for secrets.
    pub(super) all: Vec<Heard>,
}

/// How the live walk went.
struct Walked {
    key: Option<String>,
    cursor: Option<String>,
    /// Place of the last page's question among what was heard.
    last: usize,
    goes_on: bool,
}

/// What to ask.
pub(super) struct Wanted<'w> {
    pub(super) streams: Vec<&'w Stream>,
    pub(super) check: bool,
    /// Pages of a list.
    pub(super) pages: usize,
    pub(super) now: Timestamp,
}

impl Session {
    pub(super) async fn record(connection: &Connection, recorder: &Recorder, wanted: &Wanted<'_>) -> Self {
        let mut session = Self::default();
        recorder.take();
        if wanted.check && connection.manifest().check.is_some() {
            let checked = connection.check().await;
            session.note(recorder, wanted, Asking::Check, None, checked.map(|_| ()));
        }
        for stream in &wanted.streams {
            session.stream(connection, recorder, wanted, stream).await;
        }
        session
    }

    async fn stream(&mut self, connection: &Connection, recorder: &Recorder, wanted: &Wanted<'_>, stream: &Stream) {
        let name = stream.name.value.clone();
        let mut listed: Option<(usize, String)> = None;
        let lists = stream.http_read().map(|read| (None, read));
        let hints = stream.hints.iter().map(|hint| (Some(hint.name.value.clone()), &hint.read));
        for (hint, read) in lists.into_iter().chain(hints) {
            let walked = walk(connection, recorder, &name, hint.as_deref(), None, wanted.pages).await;
            let asking = Asking::List { stream: name.clone(), hint: hint.clone(), resumed: false };
            let Some((index, walked)) = self.walked(recorder, wanted, asking, walked) else { continue };
            if listed.is_none() {
                listed = walked.key.clone().map(|key| (index, key));
            }
            self.resume(connection, recorder, wanted, (&name, hint, read), (index, walked)).await;
        }
        if stream.get.is_none() {
            return;
        }
        match listed {
            Some((listed, key)) => {
                let got = connection.get(&name, &key).await.map(|_| ());
                self.note(recorder, wanted, Asking::Get { stream: name, listed }, None, got);
            }
            None => self
                .skipped
                .push(format!("get of stream {name}: its list brought no record whose key could be asked for")),
        }
    }

    async fn resume(
        &mut self,
        connection: &Connection,
        recorder: &Recorder,
        wanted: &Wanted<'_>,
        (stream, hint, read): (&str, Option<String>, &HttpRead),
        (follows, walked): (usize, Walked),
    ) {
        if read.cursor.kind == CursorKind::Snapshot {
            return;
        }
        let what = crate::conformance::behaviour::list(stream, hint.as_deref());
        let Some(cursor) = walked.cursor else {
            let why = if walked.goes_on {
                "its list was cut before it told a cursor; record more pages with --limit"
            } else {
                "its list told no cursor"
            };
            return self.skipped.push(format!("resume of {what}: {why}"));
        };
        let again = walk(connection, recorder, stream, hint.as_deref(), Some(&cursor), wanted.pages).await;
        let asking = Asking::List { stream: stream.to_owned(), hint, resumed: true };
        if let Some((index, _)) = self.walked(recorder, wanted, asking, again)
            && let Some(take) = self.takes.get_mut(index)
        {
            take.follows = Some(follows);
        }
    }

    fn walked(
        &mut self,
        recorder: &Recorder,
        wanted: &Wanted<'_>,
        asking: Asking,
        walked: CallResult<Walked>,
    ) -> Option<(usize, Walked)> {
        match walked {
            Ok(walked) => {
                let last = walked.goes_on.then_some(walked.last);
                let index = self.note(recorder, wanted, asking, last, Ok(()))?;
                Some((index, walked))
            }
            Err(error) => {
                self.note(recorder, wanted, asking, None, Err(error));
                None
            }
        }
    }

    /// Keeps what was heard as a take; the number is its place.
    fn note(
        &mut self,
        recorder: &Recorder,
        wanted: &Wanted<'_>,
        asking: Asking,
        last: Option<usize>,
        outcome: CallResult<()>,
    ) -> Option<usize> {
        let heard = recorder.take();
        self.all.extend(heard.iter().cloned());
        if let Err(error) = outcome {
            self.skipped.push(format!("{}: {error}", asking.told()));
            return None;
        }
        let at = heard.first().and_then(|first| server_time(&first.answer.headers)).unwrap_or(wanted.now);
        let (mut calls, mut cut): (Vec<Heard>, Option<usize>) = (Vec::new(), None);
        for (place, heard) in heard.into_iter().enumerate() {
            let known = if heard.errand == Errand::LogIn { &mut self.log_ins } else { &mut calls };
            let call = heard.errand == Errand::Call;
            let of_log_in = |known: &Asked, asked: &Asked| known.method == asked.method && known.path == asked.path;
            let same = known.iter().position(|known| match heard.errand {
                Errand::LogIn => of_log_in(&known.asked, &heard.asked),
                Errand::Call => known.asked.same_as(&heard.asked),
            });
            let index = match same {
                Some(index) => {
                    // A refusal that was followed by another try is not what the fixture is about.
                    if !(200..300).contains(&known[index].answer.status) {
                        known[index] = heard;
                    }
                    index
                }
                None => {
                    known.push(heard);
                    known.len() - 1
                }
            };
            if call && cut.is_none() && last.is_some_and(|last| place >= last) {
                cut = Some(index);
            }
        }
        self.takes.push(Take { asking, at, calls, cut, follows: None });
        Some(self.takes.len() - 1)
    }
}

impl Asking {
    pub(super) fn told(&self) -> String {
        match self {
            Asking::Check => "the check".to_owned(),
            Asking::List { stream, hint, resumed } => {
                let list = crate::conformance::behaviour::list(stream, hint.as_deref());
                if *resumed { format!("resume of {list}") } else { list }
            }
            Asking::Get { stream, .. } => format!("get of stream {stream}"),
        }
    }
}

async fn walk(
    connection: &Connection,
    recorder: &Recorder,
    stream: &str,
    hint: Option<&str>,
    cursor: Option<&str>,
    pages: usize,
) -> CallResult<Walked> {
    let mut walked = Walked { key: None, cursor: None, last: 0, goes_on: false };
    let mut token: Option<PageToken> = None;
    for _ in 0..pages.max(1) {
        let begun = recorder.count();
        let page = match hint {
            Some(hint) => connection.read_hints(stream, hint, cursor, token.take()).await?,
            None => connection.read_page(stream, cursor, token.take()).await?,
        };
        walked.last = begun;
        walked.key = walked.key.take().or_else(|| key_of(connection, stream, &page));
        walked.cursor = page.cursor.or(walked.cursor);
        walked.goes_on = page.next.is_some();
        match page.next {
            Some(next) => token = Some(next),
            None => break,
        }
    }
    Ok(walked)
}

/// Of the first record that is there.
pub(super) fn key_of(connection: &Connection, stream: &str, page: &Page) -> Option<String> {
    let fetched = page.fetched.iter().find(|fetched| fetched.record.is_some()).map(|fetched| fetched.key.clone());
    fetched.or_else(|| {
        let read = page.records.iter().filter_map(|record| connection.interpret_record(stream, record).ok());
        let mut incoming = read.flat_map(|read| read.incoming).filter_map(Result::ok);
        incoming.find(|incoming| incoming.op == IncomingOp::Upsert).map(|incoming| incoming.key)
    })
}
