//! Which error rule decided about a connection's last answer, for suites that ask whether each rule is known to work.
//!
//! Not here: the verdict over an answer (`verdict`).

use std::sync::{Mutex, PoisonError};

use crate::config::yaml::Place;
use crate::connector::connection::Connection;

/// Where the rule stands in the manifest; `None` where the engine's own table decided, or nothing was wrong.
#[derive(Default)]
pub(crate) struct LastRule(Mutex<Option<Place>>);

impl LastRule {
    pub(super) fn set(&self, place: Option<Place>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }
}

impl Connection {
    pub(crate) fn last_error_rule(&self) -> Option<Place> {
        let channel = self.channel("error rules").ok()?;
        channel.caller.last_rule.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
