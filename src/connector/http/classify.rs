//! What an answer, or its absence, means: the manifest's rules first, then the table that holds for everybody.
//!
//! Not here: what a class causes (the job table, intake).

use std::time::Duration;

use serde_json::Value;

use super::client::{WireAnswer, WireFailure};
use super::retry_after;
use crate::config::yaml::Place;
use crate::connector::manifest::{ErrorRule, RuleClass};
use crate::mapping::expr::{Scope, Template};
use crate::model::ErrorClass;

/// What the call was for; decides what a lost answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Changes nothing there: may be repeated at will.
    Read,
    /// Changes something. `repeatable`: the vendor remembers an idempotency key, or the request states a result.
    Write { repeatable: bool },
}

impl Purpose {
    /// The class when the request was sent and its outcome was not told.
    pub fn lost(self) -> ErrorClass {
        match self {
            Purpose::Read => ErrorClass::Transient,
            Purpose::Write { .. } => ErrorClass::UnknownOutcome,
        }
    }
}

/// An answer as rules see it.
pub struct Seen<'a> {
    pub status: u16,
    pub headers: &'a Value,
    /// The parsed body, or its text when it is not data.
    pub body: &'a Value,
}

/// What a rule says about an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Ruled {
    pub class: ErrorClass,
    /// The vendor's own words, if the rule says where they are.
    pub words: Option<String>,
    pub retry_after: Option<Duration>,
    /// Where the rule stands.
    pub place: Place,
}

/// The first rule that matches. Answers of an accepted status are judged only by rules that say more than a header.
pub fn by_rules(rules: &[ErrorRule], seen: &Seen<'_>, accepted: bool) -> Option<Ruled> {
    let status = Value::from(seen.status);
    let scope = Scope::new().with("status", &status).with("headers", seen.headers).with("body", seen.body);
    rules.iter().find_map(|rule| {
        let says_more = rule.status.is_some() || rule.when.is_some() || matches!(rule.class, RuleClass::ByCode { .. });
        let status = rule.status.as_ref().is_none_or(|set| set.contains(seen.status));
        let header = rule.header.as_ref().is_none_or(|condition| {
            let found = seen.headers.get(condition.name.to_ascii_lowercase()).and_then(Value::as_str);
            found.is_some_and(|found| condition.equals.as_deref().is_none_or(|wanted| found == wanted))
        });
        // A condition about something that is not there does not hold.
        let when = || rule.when.as_ref().is_none_or(|when| when.eval_bool(&scope).unwrap_or(false));
        if !((!accepted || says_more) && status && header && when()) {
            return None;
        }
        let class = match &rule.class {
            RuleClass::Fixed(class) => *class,
            RuleClass::ByCode { code, classes } => {
                let code = code.render(&scope).ok()?;
                classes.iter().find(|(known, _)| *known == code)?.1
            }
        };
        let retry_after = rule.retry_after.as_ref().and_then(|wait| wait.render(&scope).ok());
        let retry_after = retry_after.and_then(|text| retry_after::stated_seconds(&text));
        let words = rule.message.as_ref().and_then(|message| words(message, &scope));
        Some(Ruled { class, words, retry_after, place: rule.place.clone() })
    })
}

/// What a rule's message comes out as; a list or an object as JSON.
fn words(message: &Template, scope: &Scope<'_>) -> Option<String> {
    let words = match message.value(scope).ok()? {
        Value::String(text) => text,
        Value::Null => return None,
        other => other.to_string(),
    };
    Some(words).filter(|words| !words.trim().is_empty())
}

/// The table for statuses that no rule names.
pub fn by_status(status: u16, purpose: Purpose) -> ErrorClass {
    match status {
        401 => ErrorClass::Auth,
        403 => ErrorClass::Permission,
        404 | 410 => ErrorClass::NotFound,
        408 | 421 | 423 | 425 | 503 => ErrorClass::Transient,
        409 | 412 | 428 => ErrorClass::Conflict,
        429 => ErrorClass::RateLimited,
        501 | 505 => ErrorClass::Data,
        // Somebody between us and the vendor lost the answer.
        502 | 504 | 520..=524 => purpose.lost(),
        // It failed at some point, perhaps after the effect: look before doing it again, unless doing it again is harmless.
        500..=599 => match purpose {
            Purpose::Read | Purpose::Write { repeatable: true } => ErrorClass::Transient,
            Purpose::Write { repeatable: false } => ErrorClass::UnknownOutcome,
        },
        _ => ErrorClass::Data,
    }
}

/// GraphQL answers failures with status 200 and a list of errors.
pub fn by_graphql(body: &Value, purpose: Purpose) -> Option<(ErrorClass, String)> {
    let errors = body.get("errors")?.as_array().filter(|errors| !errors.is_empty())?;
    let codes = || errors.iter().filter_map(|error| error.get("extensions")?.get("code")?.as_str());
    let class = codes().find_map(|code| match code {
        "THROTTLED" | "RATE_LIMITED" => Some(ErrorClass::RateLimited),
        "UNAUTHENTICATED" => Some(ErrorClass::Auth),
        "ACCESS_DENIED" | "FORBIDDEN" => Some(ErrorClass::Permission),
        "INTERNAL_SERVER_ERROR" | "TIMEOUT" => Some(by_status(500, purpose)),
        _ => None,
    });
    let words: Vec<&str> = errors.iter().filter_map(|error| error.get("message")?.as_str()).collect();
    Some((class.unwrap_or(ErrorClass::Data), words.join("; ")))
}

pub fn by_failure(failure: &WireFailure, purpose: Purpose) -> ErrorClass {
    match failure {
        WireFailure::Blocked(_) => ErrorClass::Permission,
        WireFailure::Build(_) => ErrorClass::Data,
        WireFailure::Dns(_) | WireFailure::Tls(_) | WireFailure::Connect(_) => ErrorClass::Transient,
        WireFailure::TimedOut(_) | WireFailure::Broken(_) => purpose.lost(),
    }
}

/// The vendor's words in the places where vendors put them.
pub fn words_of(answer: &WireAnswer, body: &Value) -> String {
    if (300..400).contains(&answer.status) {
        let target = answer.headers.get(http::header::LOCATION).and_then(|value| value.to_str().ok());
        return format!("redirects are not followed; this one leads to {}", target.unwrap_or("nowhere"));
    }
    const PLACES: [&[&str]; 9] = [
        &["fault", "faultString"],
        &["error", "message"],
        &["error_description"],
        &["message"],
        &["detail"],
        &["errors"],
        &["error"],
        &["title"],
        &["Envelope", "Body", "Fault", "faultstring"],
    ];
    let found = PLACES.iter().find_map(|place| {
        let value = place.iter().try_fold(body, |value, name| value.get(name))?;
        match value {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Array(_) | Value::Object(_) => Some(value.to_string()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        }
    });
    found.unwrap_or_else(|| "the vendor refused without saying why".to_owned())
}

/// What to look at where the vendor was not even reached; its status page would not tell.
pub fn step_after(failure: &WireFailure) -> Option<&'static str> {
    match failure {
        WireFailure::Dns(_) => Some(
            "check the host name in the connection's settings, then this machine's name resolution; it is tried again by itself",
        ),
        WireFailure::Connect(_) => Some(
            "check the address in the connection's settings and whether it can be reached from here; it is tried again by itself",
        ),
        WireFailure::Tls(_) => {
            Some("check the host name in the connection's settings and its certificate; it is tried again by itself")
        }
        WireFailure::Blocked(_) | WireFailure::Build(_) | WireFailure::TimedOut(_) | WireFailure::Broken(_) => None,
    }
}

/// What somebody can do about it.
pub fn next_step(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::Transient => "it is tried again by itself; if it lasts, see the vendor's status page",
        ErrorClass::RateLimited => "it is tried again when the vendor allows it",
        ErrorClass::Auth => {
            "renew the connection's credentials, then reload the configuration; what waits goes on by itself"
        }
        ErrorClass::Permission => {
            "grant the missing right in the vendor's administration, or allow the address for this connection"
        }
        ErrorClass::Data => "correct the record or its mapping, then retry",
        ErrorClass::NotFound => "check whether the object was deleted there; the binding may be stale",
        ErrorClass::Conflict => "the current state is read again before the next attempt",
        ErrorClass::UnknownOutcome => "the vendor is asked whether it has the record before anything is sent again",
        ErrorClass::UnmappedValue => "add the value to the crosswalk",
        ErrorClass::Bug => "report this to the hub's maintainers with the excerpt",
    }
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
