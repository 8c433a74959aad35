//! A conversation in the hub's own protocol: greeting, questions one after the other, farewell.
//!
//! Not here: what the answers are made into (`reader`, `sink`).

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::child::{Heard, Running};
use super::failure::{Failure, Fault};
use super::message::{self, Ability, Answer, LogLevel, Said, VERSIONS};
use super::program::{Checked, Program, StreamName};
use crate::connector::http::mask::{Mask, escape};
use crate::connector::manifest::ProcessTimeouts;

pub(super) struct Session {
    running: Running,
    system: String,
    mask: Arc<Mask>,
    timeouts: ProcessTimeouts,
    can: Vec<Ability>,
    /// Name and version, as it says them.
    about: String,
    /// The question under way; 0 before the first.
    id: u64,
    /// What is left for the answer under way. Only waiting for the program counts.
    left: Duration,
    allowed: Duration,
    /// Size of the line heard last.
    pub heard_bytes: u64,
    /// Log lines that may still be passed on.
    log_bytes_left: u64,
}

/// What waiting for an answer's next part came to.
pub(super) enum Next {
    Answer(Answer),
    /// The caller's time is up.
    NotYet,
}

impl Session {
    /// Starts the program and greets it.
    pub async fn open(program: &Program) -> Result<Session, Failure> {
        let folder = program.folder()?;
        let running = program.start(&[], folder, true)?;
        let mut session = Session {
            running,
            system: program.system.clone(),
            mask: Arc::clone(&program.mask),
            timeouts: program.process.timeouts,
            can: Vec::new(),
            about: String::new(),
            id: 0,
            left: program.process.timeouts.start,
            allowed: program.process.timeouts.start,
            heard_bytes: 0,
            log_bytes_left: program.process.limits.log.bytes,
        };
        match session.greet(program).await {
            Ok(()) => Ok(session),
            Err(fault) => Err(session.running.failure(fault)),
        }
    }

    async fn greet(&mut self, program: &Program) -> Result<(), Fault> {
        self.running.begin("greeting");
        let hello = json!({
            "protocols": VERSIONS, "hub": concat!("syncline ", env!("CARGO_PKG_VERSION")),
            "connection": self.system, "settings": program.settings,
        });
        let hello = message::line("hello", None, hello);
        self.running.tell(&hello, self.timeouts.start).await.map_err(|(fault, _)| fault)?;
        let start = self.timeouts.start;
        loop {
            match self.hear(start, None).await? {
                None | Some(Said::Log { .. }) => {}
                Some(Said::Hello { protocol, name, version, can }) => {
                    if !VERSIONS.contains(&protocol) {
                        let reason = format!("speaks version {protocol} of the protocol; this hub speaks {VERSIONS:?}");
                        return Err(Fault::Unfit(reason));
                    }
                    self.about = if version.is_empty() { name } else { format!("{name} {version}") };
                    self.can = can;
                    return Ok(());
                }
                Some(Said::Broken(refusal)) => return Err(Fault::Refused(refusal)),
                Some(Said::Answer { answer, .. }) => {
                    return Err(self.violation(format!("is `{}` before `hello`", answer.name()), &[]));
                }
            }
        }
    }

    pub fn is_over(&mut self) -> bool {
        self.running.is_over()
    }

    pub fn failure(&self, fault: Fault) -> Failure {
        self.running.failure(fault)
    }

    /// Asks. `Err` tells whether the program may have begun to act upon it.
    pub async fn ask(&mut self, ability: Ability, members: Value) -> Result<(), (Fault, bool)> {
        if !self.can.contains(&ability) {
            let reason =
                format!("cannot do what is asked of it: `{}` is not in the `can` of its hello", ability.as_str());
            return Err((Fault::Unfit(reason), false));
        }
        self.id += 1;
        (self.left, self.allowed) = (self.timeouts.call, self.timeouts.call);
        self.running.begin(doing(ability));
        let question = message::line(ability.as_str(), Some(self.id), members);
        self.running.tell(&question, self.timeouts.silence).await
    }

    /// The next part of the answer, or nothing by `until`.
    pub async fn next(&mut self, until: Option<Instant>) -> Result<Next, Fault> {
        loop {
            match self.hear(self.timeouts.silence, until).await? {
                None => return Ok(Next::NotYet),
                Some(Said::Log { .. }) => {}
                Some(Said::Answer { id, answer }) if id == self.id => return Ok(Next::Answer(answer)),
                Some(Said::Answer { id, answer }) => {
                    let reason = format!("is `{}` for question {id}, but question {} is open", answer.name(), self.id);
                    return Err(self.violation(reason, &[]));
                }
                Some(Said::Hello { .. }) => return Err(self.violation("is a second `hello`".to_owned(), &[])),
                Some(Said::Broken(refusal)) => return Err(Fault::Refused(refusal)),
            }
        }
    }

    /// The next part of an answer that has no business to be `answer`.
    pub fn misplaced(&self, answer: &Answer) -> Fault {
        self.violation(format!("is `{}`, which does not belong to this answer", answer.name()), &[])
    }

    pub fn violation(&self, reason: String, text: &[u8]) -> Fault {
        Fault::Violation { line: self.running.line(), reason, text: text.to_owned() }
    }

    /// Ends the conversation in order. What goes wrong now changes nothing that was said before.
    pub async fn close(mut self) {
        if let Err(fault) = self.running.finish().await {
            tracing::warn!(connection = self.system, "plugin: after its work {fault}");
        }
    }

    async fn hear(&mut self, silence: Duration, until: Option<Instant>) -> Result<Option<Said>, Fault> {
        if self.left.is_zero() {
            // Whoever never stops talking is not done either.
            return Err(Fault::Slow(self.allowed));
        }
        let began = Instant::now();
        let patience = began + silence.min(self.left);
        let heard = self.running.hear(until.map_or(patience, |until| until.min(patience))).await;
        let waited = began.elapsed();
        self.left = self.left.saturating_sub(waited);
        match heard? {
            Heard::Line(line) => {
                self.heard_bytes = line.len() as u64;
                let said = message::read(&line).map_err(|reason| self.violation(reason, &line))?;
                if let Said::Log { level, message } = &said {
                    self.log(*level, message);
                }
                Ok(Some(said))
            }
            Heard::End => Err(self.running.end_of_output().await),
            Heard::Nothing if self.left.is_zero() && self.allowed != silence => Err(Fault::Slow(self.allowed)),
            Heard::Nothing if until.is_some_and(|until| until < patience) => Ok(None),
            Heard::Nothing => Err(Fault::Silent { waited: silence, doing: self.running.doing }),
        }
    }

    fn log(&mut self, level: LogLevel, message: &str) {
        let Some(left) = self.log_bytes_left.checked_sub(message.len() as u64) else { return };
        self.log_bytes_left = left;
        let shown = escape(&self.mask.text(message), 2 << 10);
        let connection = &self.system;
        match level {
            LogLevel::Debug => tracing::debug!(connection, "plugin: {shown}"),
            LogLevel::Info => tracing::info!(connection, "plugin: {shown}"),
            LogLevel::Warn => tracing::warn!(connection, "plugin: {shown}"),
            LogLevel::Error => tracing::error!(connection, "plugin: {shown}"),
        }
    }

    /// Asks for the health of its system and for the streams that it knows.
    pub async fn check(program: &Program) -> Result<Checked, Failure> {
        let mut session = Self::open(program).await?;
        let about = session.about.clone();
        match session.checked().await {
            Ok(mut checked) => {
                session.close().await;
                checked.shows = Some(checked.shows.map_or_else(|| about.clone(), |shows| format!("{about}: {shows}")));
                Ok(checked)
            }
            Err(fault) => Err(session.failure(fault)),
        }
    }

    async fn checked(&mut self) -> Result<Checked, Fault> {
        let mut checked = Checked { shows: None, streams: None };
        if self.can.contains(&Ability::Check) {
            self.ask(Ability::Check, Value::Null).await.map_err(|(fault, _)| fault)?;
            checked.shows = loop {
                match self.next(None).await? {
                    Next::NotYet => {}
                    Next::Answer(Answer::Done { shows }) => break shows,
                    Next::Answer(Answer::Error(refusal)) => return Err(Fault::Refused(refusal)),
                    Next::Answer(other) => return Err(self.misplaced(&other)),
                }
            };
        }
        if self.can.contains(&Ability::Discover) {
            self.ask(Ability::Discover, Value::Null).await.map_err(|(fault, _)| fault)?;
            let mut streams = Vec::new();
            loop {
                match self.next(None).await? {
                    Next::NotYet => {}
                    Next::Answer(Answer::Stream { name }) => streams.push(name),
                    Next::Answer(Answer::Done { .. }) => break,
                    Next::Answer(Answer::Error(refusal)) => return Err(Fault::Refused(refusal)),
                    Next::Answer(other) => return Err(self.misplaced(&other)),
                }
            }
            checked.streams = Some(streams);
        }
        Ok(checked)
    }

    /// One record by its key, in a conversation of its own.
    pub async fn fetch(program: &Program, stream: &StreamName, key: &str) -> Result<Option<Value>, Failure> {
        let mut session = Self::open(program).await?;
        match session.lookup(json!({ "stream": stream.theirs, "key": key })).await {
            Ok(found) => {
                session.close().await;
                Ok(found.map(|(_, record)| record).filter(|record| !record.is_null()))
            }
            Err(fault) => Err(session.failure(fault)),
        }
    }

    /// Whether its system has a record, with the id there.
    pub async fn lookup(&mut self, members: Value) -> Result<Option<(String, Value)>, Fault> {
        self.ask(Ability::Lookup, members).await.map_err(|(fault, _)| fault)?;
        loop {
            match self.next(None).await? {
                Next::NotYet => {}
                Next::Answer(Answer::Found { remote_id, record }) => return Ok(Some((remote_id, record))),
                Next::Answer(Answer::Absent) => return Ok(None),
                Next::Answer(Answer::Error(refusal)) => return Err(Fault::Refused(refusal)),
                Next::Answer(other) => return Err(self.misplaced(&other)),
            }
        }
    }
}

fn doing(ability: Ability) -> &'static str {
    match ability {
        Ability::Check => "checking",
        Ability::Discover => "telling its streams",
        Ability::Read => "reading",
        Ability::Write => "writing",
        Ability::Lookup => "looking up",
        Ability::Snapshot => "reading everything",
    }
}
