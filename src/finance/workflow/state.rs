//! States of a break and which action leads where.
//!
//! OPEN → ASSIGNED → INVESTIGATING → PROPOSED → {RESOLVED, HEALED, WRITTEN_OFF, ACCEPTED_TIMING} → CLOSED; REOPENED. A person may
//! decide earlier than the chain says (nobody has to propose what is plain), never later. Not here: who may, limits, signatures.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Refusal;

/// Where a break stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum State {
    /// A run found it; nobody has taken it up.
    Open,
    /// Somebody owns it.
    Assigned,
    Investigating,
    /// Somebody said what to do; another person has to agree.
    Proposed,
    /// Explained or corrected, or its rows were matched by a person.
    Resolved,
    /// Gone by itself: a later run does not find it any more.
    Healed,
    /// Given up; a journal line was proposed.
    WrittenOff,
    /// Known to be a matter of time: it stays open until it heals.
    AcceptedTiming,
    /// Decided, and signed off with a run.
    Closed,
    /// It came back, or a person took the decision back.
    Reopened,
}

/// What moves a break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    Assign,
    Investigate,
    Propose,
    Resolve,
    WriteOff,
    AcceptTiming,
    /// A run does not find it any more.
    Heal,
    /// A run was signed.
    Close,
    Reopen,
}

impl State {
    pub const ALL: [State; 10] = [
        State::Open,
        State::Assigned,
        State::Investigating,
        State::Proposed,
        State::Resolved,
        State::Healed,
        State::WrittenOff,
        State::AcceptedTiming,
        State::Closed,
        State::Reopened,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            State::Open => "OPEN",
            State::Assigned => "ASSIGNED",
            State::Investigating => "INVESTIGATING",
            State::Proposed => "PROPOSED",
            State::Resolved => "RESOLVED",
            State::Healed => "HEALED",
            State::WrittenOff => "WRITTEN_OFF",
            State::AcceptedTiming => "ACCEPTED_TIMING",
            State::Closed => "CLOSED",
            State::Reopened => "REOPENED",
        }
    }

    /// Reads the word in any case, `-` for `_`.
    pub fn parse(text: &str) -> Option<State> {
        let word = text.to_uppercase().replace('-', "_");
        State::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether it counts as open in the roll-forward.
    pub fn is_open(self) -> bool {
        match self {
            State::Open
            | State::Assigned
            | State::Investigating
            | State::Proposed
            | State::AcceptedTiming
            | State::Reopened => true,
            State::Resolved | State::Healed | State::WrittenOff | State::Closed => false,
        }
    }

    /// Whether somebody decided what becomes of it.
    pub fn is_decided(self) -> bool {
        match self {
            State::Resolved | State::Healed | State::WrittenOff | State::AcceptedTiming | State::Closed => true,
            State::Open | State::Assigned | State::Investigating | State::Proposed | State::Reopened => false,
        }
    }

    /// The state that an action leads to from here; what is not stated here is not possible.
    pub fn after(self, action: Action) -> Result<State, Refusal> {
        let working = !self.is_decided();
        let to = match action {
            // A new owner goes on where the former one was.
            Action::Assign => match self {
                State::Open | State::Assigned | State::Reopened => Some(State::Assigned),
                State::Investigating | State::Proposed => Some(self),
                State::AcceptedTiming => Some(self),
                State::Resolved | State::Healed | State::WrittenOff | State::Closed => None,
            },
            Action::Investigate => working.then_some(State::Investigating),
            Action::Propose => working.then_some(State::Proposed),
            Action::Resolve => (working || self == State::AcceptedTiming).then_some(State::Resolved),
            Action::WriteOff => (working || self == State::AcceptedTiming).then_some(State::WrittenOff),
            Action::AcceptTiming => working.then_some(State::AcceptedTiming),
            Action::Heal => self.is_open().then_some(State::Healed),
            Action::Close => {
                (matches!(self, State::Resolved | State::Healed | State::WrittenOff)).then_some(State::Closed)
            }
            Action::Reopen => self.is_decided().then_some(State::Reopened),
        };
        to.ok_or_else(|| {
            let next = if self.is_decided() {
                "look at its history; reopen it first, with a reason"
            } else {
                "it is still open; there is nothing to take back"
            };
            Refusal::new(format!("a break that is {self} cannot be {}", action.participle()), next)
        })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Action {
    pub const ALL: [Action; 9] = [
        Action::Assign,
        Action::Investigate,
        Action::Propose,
        Action::Resolve,
        Action::WriteOff,
        Action::AcceptTiming,
        Action::Heal,
        Action::Close,
        Action::Reopen,
    ];

    fn participle(self) -> &'static str {
        match self {
            Action::Assign => "assigned",
            Action::Investigate => "investigated",
            Action::Propose => "proposed upon",
            Action::Resolve => "resolved",
            Action::WriteOff => "written off",
            Action::AcceptTiming => "accepted as timing",
            Action::Heal => "healed",
            Action::Close => "closed",
            Action::Reopen => "reopened",
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Rows: states; columns: actions in the order of `Action::ALL`. `-` is refused.
    const TABLE: [(State, &str); 10] = [
        (State::Open, "ASSIGNED INVESTIGATING PROPOSED RESOLVED WRITTEN_OFF ACCEPTED_TIMING HEALED - -"),
        (State::Assigned, "ASSIGNED INVESTIGATING PROPOSED RESOLVED WRITTEN_OFF ACCEPTED_TIMING HEALED - -"),
        (State::Investigating, "INVESTIGATING INVESTIGATING PROPOSED RESOLVED WRITTEN_OFF ACCEPTED_TIMING HEALED - -"),
        (State::Proposed, "PROPOSED INVESTIGATING PROPOSED RESOLVED WRITTEN_OFF ACCEPTED_TIMING HEALED - -"),
        (State::Resolved, "- - - - - - - CLOSED REOPENED"),
        (State::Healed, "- - - - - - - CLOSED REOPENED"),
        (State::WrittenOff, "- - - - - - - CLOSED REOPENED"),
        (State::AcceptedTiming, "ACCEPTED_TIMING - - RESOLVED WRITTEN_OFF - HEALED - REOPENED"),
        (State::Closed, "- - - - - - - - REOPENED"),
        (State::Reopened, "ASSIGNED INVESTIGATING PROPOSED RESOLVED WRITTEN_OFF ACCEPTED_TIMING HEALED - -"),
    ];

    #[test]
    fn every_state_meets_every_action() {
        assert_eq!(TABLE.map(|(state, _)| state), State::ALL);
        for (state, row) in TABLE {
            let cells: Vec<&str> = row.split(' ').collect();
            assert_eq!(cells.len(), Action::ALL.len(), "{state}");
            for (action, cell) in Action::ALL.into_iter().zip(cells) {
                match state.after(action) {
                    Ok(to) => assert_eq!(to.as_str(), cell, "{state} {action:?}"),
                    Err(refusal) => {
                        assert_eq!(cell, "-", "{state} {action:?}: {refusal}");
                        assert!(refusal.what.contains(state.as_str()) && !refusal.next.is_empty());
                    }
                }
            }
        }
    }

    #[test]
    fn words_are_read_back() {
        for state in State::ALL {
            assert_eq!(State::parse(state.as_str()), Some(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        assert_eq!(State::parse("written-off"), Some(State::WrittenOff));
        assert_eq!(State::parse("done"), None);
    }
}
