//! A state as a word, a shape and a colour, never as a colour alone; pure.

use crate::api::resources::connections::Health;
use crate::api::{FlowMode, Level, StageState};
use crate::telemetry::freshness::Word;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub word: String,
    pub level: Level,
}

impl Mark {
    pub(super) fn new(word: impl Into<String>, level: Level) -> Mark {
        Mark { word: word.into(), level }
    }

    pub(super) fn class(&self) -> &'static str {
        class(self.level)
    }

    pub(super) fn shape(&self) -> &'static str {
        shape(self.level)
    }
}

pub(super) fn class(level: Level) -> &'static str {
    match level {
        Level::Good => "good",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Bad => "bad",
        Level::Muted => "muted",
    }
}

pub(super) fn shape(level: Level) -> &'static str {
    match level {
        Level::Good => "●",
        Level::Info => "◆",
        Level::Warn => "▲",
        Level::Bad => "■",
        Level::Muted => "○",
    }
}

pub(super) fn freshness(word: Word) -> Mark {
    let level = match word {
        Word::Fresh => Level::Good,
        Word::Idle => Level::Muted,
        Word::Paused => Level::Muted,
        Word::Slipping => Level::Warn,
        Word::Stale => Level::Bad,
    };
    Mark::new(word.as_str(), level)
}

pub(super) fn mode(mode: FlowMode) -> Mark {
    let level = match mode {
        FlowMode::Live => Level::Good,
        FlowMode::Shadow | FlowMode::Canary => Level::Info,
        FlowMode::Paused => Level::Warn,
    };
    Mark::new(mode.as_str(), level)
}

pub(super) fn health(health: Health) -> Mark {
    let level = match health {
        Health::Ok => Level::Good,
        Health::Paused => Level::Warn,
        Health::Open | Health::Auth => Level::Bad,
    };
    Mark::new(health.as_str(), level)
}

pub(super) fn stage(state: StageState) -> Mark {
    let level = match state {
        StageState::Done => Level::Good,
        StageState::Active => Level::Info,
        StageState::Waiting => Level::Warn,
        StageState::Failed => Level::Bad,
        StageState::Skipped => Level::Muted,
    };
    Mark::new(state.as_str(), level)
}

/// What an error class asks of a person.
pub(super) fn class_of_error(word: &str) -> Mark {
    let level = match word {
        "auth" | "permission" | "bug" => Level::Bad,
        _ => Level::Warn,
    };
    Mark::new(word.replace('_', " "), level)
}
