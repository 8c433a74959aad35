//! Hears what a live connection says and is told, and plays scrubbed answers back to a fresh one.
//!
//! Not here: which questions are put (`live`, `replay`), what is scrubbed (`scrub`).

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;

use crate::conformance::fixture::form_pairs;
use crate::conformance::vendor::Asked;
use crate::connector::http::client::{BodyEnd, Errand, Tap, WireAnswer, WireRequest};

use super::scrub::BASE;

/// What stands for the vendor while answers are played back; nothing is sent there.
pub(super) const NOWHERE: &str = "http://127.0.0.1:9";

/// One exchange as it went over the wire.
#[derive(Clone)]
pub(super) struct Heard {
    pub(super) errand: Errand,
    pub(super) request: WireRequest,
    pub(super) asked: Asked,
    pub(super) answer: WireAnswer,
}

/// Listens to a live connection.
#[derive(Default)]
pub struct Recorder {
    heard: Mutex<Vec<Heard>>,
}

impl Recorder {
    fn locked(&self) -> MutexGuard<'_, Vec<Heard>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self) -> usize {
        self.locked().len()
    }

    /// What was heard since the last time.
    pub(super) fn take(&self) -> Vec<Heard> {
        std::mem::take(&mut self.locked())
    }
}

impl Tap for Recorder {
    fn answer(&self, _: &WireRequest, _: Errand) -> Option<WireAnswer> {
        None
    }

    fn heard(&self, request: WireRequest, errand: Errand, answer: &WireAnswer) {
        let asked = asked(&request);
        self.locked().push(Heard { errand, request, asked, answer: answer.clone() });
    }
}

pub(super) fn asked(request: &WireRequest) -> Asked {
    let query_text = request.url.query().unwrap_or_default().to_owned();
    Asked {
        method: request.method.to_string(),
        path: request.url.path().to_owned(),
        query: form_pairs(&query_text),
        query_text,
        headers: request.headers.clone(),
        body: request.body.to_vec(),
    }
}

/// An answer, `{base}` in the place of the vendor's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// Which answer a question got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    LogIn(usize),
    Call(usize),
    /// Made: an empty page, where the recording was cut.
    End,
}

pub(super) struct Question {
    pub(super) asked: Asked,
    pub(super) address: String,
    pub(super) given: Given,
}

/// Answers a fresh connection as the vendor did: by order, and the same question with the same answer.
pub(super) struct Player {
    log_ins: Vec<Answer>,
    calls: Vec<Answer>,
    end: Option<Answer>,
    at: Timestamp,
    state: Mutex<Played>,
}

#[derive(Default)]
struct Played {
    questions: Vec<Question>,
    log_ins: usize,
    calls: usize,
    ended: bool,
    stray: Option<String>,
}

impl Player {
    pub(super) fn new(log_ins: Vec<Answer>, calls: Vec<Answer>, end: Option<Answer>, at: Timestamp) -> Self {
        Self { log_ins, calls, end, at, state: Mutex::default() }
    }

    fn locked(&self) -> MutexGuard<'_, Played> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every question once, in order; the error is one that nobody recorded an answer to.
    pub(super) fn questions(&self) -> Result<Vec<Question>, String> {
        let mut state = self.locked();
        match state.stray.take() {
            Some(stray) => Err(stray),
            None => Ok(std::mem::take(&mut state.questions)),
        }
    }

    fn which(&self, state: &mut Played, asked: &Asked, address: &str, errand: Errand) -> Option<Given> {
        let same = state.questions.iter().find(|known| known.address == address && known.asked.same_as(asked));
        if let Some(known) = same {
            return Some(known.given);
        }
        if errand == Errand::LogIn {
            let last = self.log_ins.len().checked_sub(1)?;
            let given = state.log_ins.min(last);
            state.log_ins += 1;
            return Some(Given::LogIn(given));
        }
        if state.calls < self.calls.len() {
            state.calls += 1;
            return Some(Given::Call(state.calls - 1));
        }
        (self.end.is_some() && !std::mem::replace(&mut state.ended, true)).then_some(Given::End)
    }
}

impl Tap for Player {
    fn answer(&self, request: &WireRequest, errand: Errand) -> Option<WireAnswer> {
        let (asked, address) = (asked(request), super::scrub::origin_of(&request.url));
        let mut state = self.locked();
        let given = self.which(&mut state, &asked, &address, errand);
        let answer = match given {
            Some(Given::LogIn(index)) => self.log_ins.get(index),
            Some(Given::Call(index)) => self.calls.get(index),
            Some(Given::End) => self.end.as_ref(),
            None => None,
        };
        let (Some(given), Some(answer)) = (given, answer) else {
            state.stray.get_or_insert(format!("nothing was recorded for {}", asked.line()));
            return Some(wire_answer(&Answer { status: 400, headers: Vec::new(), body: b"{}".to_vec() }, self.at));
        };
        let known = state.questions.iter().any(|known| known.address == address && known.asked.same_as(&asked));
        if !known {
            state.questions.push(Question { asked, address, given });
        }
        Some(wire_answer(answer, self.at))
    }

    fn heard(&self, _: WireRequest, _: Errand, _: &WireAnswer) {}
}

fn wire_answer(answer: &Answer, at: Timestamp) -> WireAnswer {
    let mut headers = HeaderMap::new();
    let date = at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let all = answer.headers.iter().map(|(name, value)| (name.as_str(), value.replace(BASE, NOWHERE)));
    for (name, value) in all.chain([("date", date)]) {
        // What came as a header is one.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
    let body = match std::str::from_utf8(&answer.body) {
        Ok(text) => Bytes::from(text.replace(BASE, NOWHERE)),
        Err(_) => Bytes::from(answer.body.clone()),
    };
    WireAnswer { status: answer.status, headers, body, end: BodyEnd::Complete, latency: Duration::ZERO }
}
