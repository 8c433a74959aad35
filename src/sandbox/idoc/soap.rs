//! The SOAP address: Basic authorization, a session with its token, and calls of function modules.
//!
//! Not here: what is in a call (`soap_body`).

use http::Method;

use super::order::Refusal;
use super::soap_body::{self, CREATE, LIST};
use super::tree::{self, Node};
use super::vendor::State;
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::faults::Fault;
use crate::sandbox::serve::Endpoint;
use crate::sandbox::sync::locked;

pub const PATH: &str = "/sap/bc/soap/rfc";
const COOKIE: &str = "SAP_SESSIONID_PRD_100";

/// One session at a time: its token, and how many changes it is still good for.
#[derive(Debug, Default)]
pub struct Session {
    number: u64,
    left: u32,
}

impl Session {
    fn token(&self) -> String {
        format!("csrf-{:016x}", self.number.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn cookie(&self) -> String {
        format!("session-{}", self.number)
    }
}

impl Endpoint for State {
    fn answer(&self, call: &Call) -> Answer {
        let login = (self.user.to_owned(), self.password.to_owned());
        if call.basic() != Some(login) {
            return soap(401, soap_body::fault("Client", "Logon failed"))
                .header("www-authenticate", "Basic realm=\"SAP\"");
        }
        if call.path != PATH {
            return soap(404, soap_body::fault("Client", "Service not found"));
        }
        if call.method == Method::GET || call.method == Method::HEAD {
            return self.fetch(call);
        }
        if !self.in_session(call) {
            return Answer::text(403, "text/plain", "CSRF token validation failed".to_owned())
                .header("x-csrf-token", "Required");
        }
        match tree::read(&call.body) {
            Ok(envelope) => self.run(&envelope),
            Err(cause) => soap(500, soap_body::fault("Client", &format!("not XML: {cause}"))),
        }
    }

    fn throttled(&self) -> Answer {
        soap(503, soap_body::fault("Server", "No free work process")).header("retry-after", "1")
    }

    fn unavailable(&self) -> Answer {
        soap(500, soap_body::fault("Server", "System is being shut down"))
    }
}

impl State {
    fn fetch(&self, call: &Call) -> Answer {
        let answer = Answer::text(200, "text/plain", "SOAP processor".to_owned());
        if !call.header("x-csrf-token").is_some_and(|value| value.eq_ignore_ascii_case("fetch")) {
            return answer;
        }
        let mut session = locked(&self.session);
        session.number += 1;
        session.left = self.options.csrf_calls;
        let cookie = format!("{COOKIE}={}; path=/; HttpOnly", session.cookie());
        answer.header("x-csrf-token", session.token()).header("set-cookie", cookie)
    }

    /// Token and cookie belong to the session in force, which is neither used up nor lost.
    fn in_session(&self, call: &Call) -> bool {
        let mut session = locked(&self.session);
        let wanted = format!("{COOKIE}={}", session.cookie());
        let cookies = call.header("cookie").unwrap_or_default();
        let known = cookies.split(';').any(|cookie| cookie.trim() == wanted);
        let valid = known && call.header("x-csrf-token") == Some(session.token().as_str());
        if !valid {
            return false;
        }
        if session.left == 0 || self.desk.strikes(Fault::SoapSessionStale) {
            session.left = 0;
            return false;
        }
        session.left -= 1;
        true
    }

    fn run(&self, envelope: &Node) -> Answer {
        let function = envelope.child("Body").and_then(|body| body.children.first());
        let Some(function) = function.filter(|_| envelope.name == "Envelope") else {
            return soap(500, soap_body::fault("Client", "The envelope has no call"));
        };
        match function.name.as_str() {
            CREATE => {
                let read = soap_body::order(function, &self.options.profile, &self.catalogue);
                let locked_by = Refusal::application("V1", "042", "Sold-to party is currently locked by user MUELLER");
                let read = if self.desk.strikes(Fault::IdocRejected) { read.and(Err(locked_by)) } else { read };
                soap(200, soap_body::created(read.map(|body| locked(&self.ledger).book(body))))
            }
            LIST => {
                let reference = function.field("PURCHASE_ORDER_NUMBER").to_owned();
                let ledger = locked(&self.ledger);
                soap(200, soap_body::listed(ledger.by_reference(&reference)))
            }
            other => soap(500, soap_body::fault("Client", &format!("Function module {other} not found"))),
        }
    }
}

fn soap(status: u16, body: String) -> Answer {
    Answer::text(status, "text/xml; charset=utf-8", body)
}
