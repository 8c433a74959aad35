//! A scenario's exchanges as they are played: which one a request is, which are still to come, and the misbehaviour on the way.
//!
//! Not here: sockets (`server`), comparing one request (`matching`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::matching::{Asked, mismatch};
use crate::conformance::fixture::Exchange;

/// What a vendor does in place of the answer, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// 429 with `Retry-After`.
    TooMany(Duration),
    /// 503.
    Unavailable,
    /// A web page with status 200.
    Page,
    /// The answer breaks off in the middle.
    Cut,
    /// The connection is closed without a word.
    Reset,
    /// 401.
    Unauthorized,
    /// 404.
    Gone,
    /// The request has its effect, and the connection is closed without a word.
    LostAnswer,
    /// 400, with everything that was asked in the answer.
    Echo,
    /// Another body in place of the fixture's; the answer counts as given.
    Body(Vec<u8>),
}

impl Fault {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Fault::TooMany(_) => "429",
            Fault::Unavailable => "503",
            Fault::Page => "a web page in place of the answer",
            Fault::Cut => "a cut answer",
            Fault::Reset => "a reset connection",
            Fault::Unauthorized => "401",
            Fault::Gone => "404",
            Fault::LostAnswer => "a lost answer",
            Fault::Echo => "an error that repeats the request",
            Fault::Body(_) => "another page",
        }
    }
}

/// What goes back over the socket.
pub(crate) enum Reply {
    Whole {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    /// Half of it, then nothing.
    Half {
        status: u16,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    },
    HangUp,
}

pub(crate) struct Script {
    exchanges: Vec<Exchange>,
    played: Vec<Option<Asked>>,
    next: usize,
    faults: BTreeMap<usize, Fault>,
    /// Exchanges whose fault stays.
    always: BTreeSet<usize>,
    /// In place of the answer to a repeated request.
    again: BTreeMap<usize, Vec<u8>>,
    /// The same request may be answered differently the next time: a write that is confirmed by asking again and again.
    in_order: bool,
    base: String,
    at: Timestamp,
    pub(crate) mismatch: Option<String>,
    /// Every request that changed something, repeated ones too.
    pub(crate) effects: Vec<Asked>,
    /// Which exchange each request was, in order.
    pub(crate) asked: Vec<usize>,
    /// Exchanges that were answered with their fault.
    pub(crate) struck: Vec<usize>,
}

impl Script {
    pub(crate) fn new(exchanges: &[Exchange], at: Timestamp) -> Self {
        Self {
            exchanges: exchanges.to_vec(),
            played: vec![None; exchanges.len()],
            next: 0,
            faults: BTreeMap::new(),
            always: BTreeSet::new(),
            again: BTreeMap::new(),
            in_order: false,
            base: String::new(),
            at,
            mismatch: None,
            effects: Vec::new(),
            asked: Vec::new(),
            struck: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, index: usize, fault: Fault) -> Self {
        self.faults.insert(index, fault);
        self
    }

    /// The same fault every time.
    pub(crate) fn always(mut self, index: usize, fault: Fault) -> Self {
        self.always.insert(index);
        self.with(index, fault)
    }

    /// What a repeated request is answered.
    pub(crate) fn again(mut self, index: usize, body: Vec<u8>) -> Self {
        self.again.insert(index, body);
        self
    }

    pub(crate) fn in_order(mut self) -> Self {
        self.in_order = true;
        self
    }

    pub(super) fn at_address(&mut self, base: &str) {
        base.clone_into(&mut self.base);
    }

    /// The first exchange that nobody asked for.
    pub(crate) fn unplayed(&self) -> Option<(usize, &Exchange)> {
        let index = self.played.iter().position(Option::is_none)?;
        self.exchanges.get(index).map(|exchange| (index, exchange))
    }

    pub(super) fn answer(&mut self, asked: Asked) -> Reply {
        let Some(index) = self.which(&asked) else { return refusal("no exchange of the fixture is asked like this") };
        self.asked.push(index);
        let Some(exchange) = self.exchanges.get(index).cloned() else { return Reply::HangUp };
        let fault =
            if self.always.contains(&index) { self.faults.get(&index).cloned() } else { self.faults.remove(&index) };
        let repeated = self.played.get(index).is_some_and(Option::is_some);
        let counts = matches!(fault, None | Some(Fault::LostAnswer | Fault::Body(_)));
        if counts {
            if exchange.effect {
                self.effects.push(asked.clone());
            }
            if let Some(slot) = self.played.get_mut(index) {
                *slot = Some(asked.clone());
            }
            self.next = self.next.max(index + 1);
        }
        if fault.is_some() {
            self.struck.push(index);
        }
        let (status, mut headers) = (exchange.answer.status, self.headers(&exchange));
        let mut body = self.body(&exchange, &asked);
        if repeated && let Some(other) = self.again.get(&index) {
            body = as_answer_to(&asked, other.clone());
        }
        match fault {
            None => Reply::Whole { status, headers, body },
            Some(Fault::Body(body)) => Reply::Whole { status, headers, body: as_answer_to(&asked, body) },
            Some(Fault::Cut) => {
                if body.is_empty() {
                    body = b"{}".to_vec();
                }
                Reply::Half { status, headers, body }
            }
            Some(Fault::Reset | Fault::LostAnswer) => Reply::HangUp,
            Some(Fault::TooMany(wait)) => {
                let said = ("retry-after".to_owned(), wait.as_secs().to_string());
                json_reply(429, &json!({}), vec![said, self.date()])
            }
            Some(Fault::Unavailable) => {
                headers = vec![("content-type".to_owned(), "text/plain".to_owned()), self.date()];
                Reply::Whole { status: 503, headers, body: b"unavailable".to_vec() }
            }
            Some(Fault::Page) => {
                headers = vec![("content-type".to_owned(), "text/html; charset=utf-8".to_owned()), self.date()];
                let page = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body></body></html>";
                Reply::Whole { status: 200, headers, body: page.as_bytes().to_vec() }
            }
            Some(Fault::Unauthorized) => json_reply(401, &json!({}), vec![self.date()]),
            Some(Fault::Gone) => json_reply(404, &json!({}), vec![self.date()]),
            Some(Fault::Echo) => {
                let headers: Vec<String> = asked
                    .headers
                    .iter()
                    .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
                    .collect();
                let body = String::from_utf8_lossy(&asked.body).into_owned();
                let all = json!({ "error": asked.line(), "errors": headers, "message": body });
                json_reply(400, &all, vec![self.date()])
            }
        }
    }

    /// The exchange that a request is: one that was asked before in these very words, the next one, or one before it that
    /// is asked in other words (a log-in signs each time anew).
    fn which(&mut self, asked: &Asked) -> Option<usize> {
        let same = self.played.iter().rposition(|played| played.as_ref().is_some_and(|played| played.same_as(asked)));
        let next = self.exchanges.get(self.next).map(|exchange| mismatch(&exchange.ask, asked, &self.base));
        let is_next = matches!(next, Some(None));
        match (same, is_next) {
            (_, true) if self.in_order => return Some(self.next),
            (Some(index), _) => return Some(index),
            (None, true) => return Some(self.next),
            (None, false) => {}
        }
        let alike = |exchange: &Exchange| mismatch(&exchange.ask, asked, &self.base).is_none();
        if let Some(index) = self.exchanges.iter().take(self.next).rposition(alike) {
            return Some(index);
        }
        let problem = match next.flatten() {
            Some(problem) => format!("exchange {}: {problem}", self.next + 1),
            None => format!("after the last exchange was asked {}", asked.line()),
        };
        self.mismatch.get_or_insert(problem);
        None
    }

    fn headers(&self, exchange: &Exchange) -> Vec<(String, String)> {
        let fill = |(name, value): &(String, String)| (name.clone(), value.replace("{base}", &self.base));
        let mut headers: Vec<_> = exchange.answer.headers.iter().map(fill).collect();
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("date")) {
            headers.push(self.date());
        }
        headers
    }

    fn date(&self) -> (String, String) {
        let date = self.at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        ("date".to_owned(), date)
    }

    fn body(&self, exchange: &Exchange, asked: &Asked) -> Vec<u8> {
        let body = if exchange.answer.is_text {
            String::from_utf8_lossy(&exchange.answer.body).replace("{base}", &self.base).into_bytes()
        } else {
            exchange.answer.body.clone()
        };
        as_answer_to(asked, body)
    }
}

/// A vendor of JSON-RPC answers with the number of the call.
fn as_answer_to(asked: &Asked, body: Vec<u8>) -> Vec<u8> {
    let call = serde_json::from_slice::<Json>(&asked.body).ok().filter(|call| call.get("jsonrpc").is_some());
    match (call.as_ref().and_then(|call| call.get("id")), serde_json::from_slice::<Json>(&body)) {
        (Some(id), Ok(Json::Object(mut answer))) if answer.contains_key("jsonrpc") => {
            answer.insert("id".to_owned(), id.clone());
            Json::Object(answer).to_string().into_bytes()
        }
        (Some(_), Ok(_) | Err(_)) | (None, Ok(_) | Err(_)) => body,
    }
}

fn json_reply(status: u16, body: &Json, mut headers: Vec<(String, String)>) -> Reply {
    headers.push(("content-type".to_owned(), "application/json".to_owned()));
    Reply::Whole { status, headers, body: body.to_string().into_bytes() }
}

fn refusal(reason: &str) -> Reply {
    json_reply(400, &json!({ "fixture": reason }), Vec::new())
}
