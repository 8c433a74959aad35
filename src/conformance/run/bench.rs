//! What all runners need: the vendor, connections to it, and a place for what they find.
//!
//! Not here: what is asked.

use std::io;

use jiff::Timestamp;

use crate::conformance::behaviour::Behaviour;
use crate::conformance::fixture::{ExpectedError, Fixture, Scenario};
use crate::conformance::folder::FreshFolder;
use crate::conformance::report::Findings;
use crate::conformance::subject::{Subject, default_time};
use crate::conformance::vendor::{Script, Vendor};
use crate::connector::call::CallError;
use crate::connector::connection::Connection;
use crate::connector::http::client::Wire;
use crate::connector::manifest::{Auth, SettingValues};

pub(super) struct Bench<'s> {
    pub(super) subject: &'s Subject<'s>,
    pub(super) vendor: Vendor,
    pub(super) folder: FreshFolder,
    pub(super) findings: Findings,
    /// Every text that came out of the engine.
    pub(super) heard: Vec<String>,
    pub(super) secrets: Vec<String>,
    /// `None`: told already.
    pub(super) settings: Option<SettingValues>,
    /// Of the last connection.
    wire: Option<Wire>,
}

impl<'s> Bench<'s> {
    pub(super) async fn new(subject: &'s Subject<'s>) -> io::Result<Self> {
        let (vendor, folder) = (Vendor::start().await?, FreshFolder::new()?);
        let mut findings = Findings::default();
        let settings = match subject.settings(&vendor.base(), &folder.path().to_string_lossy(), &[]) {
            Ok(settings) => Some(settings),
            Err(problem) => {
                findings.problem(Behaviour::Agree, problem);
                None
            }
        };
        let secrets = settings.as_ref().map(Subject::secrets).unwrap_or_default();
        Ok(Self { subject, vendor, folder, findings, heard: Vec::new(), secrets, settings, wire: None })
    }

    /// A fresh connection, which knows of no log-in. `None` has been told.
    pub(super) fn connect(&mut self, fixture: &Fixture, behaviour: Behaviour) -> Option<Connection> {
        self.connect_by(fixture, behaviour, false)
    }

    /// The same at the manifest's own pace.
    pub(super) fn connect_paced(&mut self, fixture: &Fixture, behaviour: Behaviour) -> Option<Connection> {
        self.connect_by(fixture, behaviour, true)
    }

    fn connect_by(&mut self, fixture: &Fixture, behaviour: Behaviour, paced: bool) -> Option<Connection> {
        let own = match fixture.settings() {
            [] => None,
            over => Some(self.own_settings(fixture, behaviour, over)?),
        };
        let settings = own.as_ref().or(self.settings.as_ref())?;
        let wire = self.wire.clone();
        let connected = if paced {
            self.subject.connect_paced(settings, at(fixture), wire)
        } else {
            self.subject.connect(settings, at(fixture), wire)
        };
        match connected {
            Ok(connection) => {
                self.wire = connection.wire();
                Some(connection)
            }
            Err(problem) => {
                self.heard.push(problem.clone());
                self.fail(fixture, behaviour, &problem);
                None
            }
        }
    }

    /// Settings with a fixture's own in the place of some. `None` has been told.
    fn own_settings(
        &mut self,
        fixture: &Fixture,
        behaviour: Behaviour,
        over: &[(String, String)],
    ) -> Option<SettingValues> {
        self.settings.as_ref()?;
        match self.subject.settings(&self.vendor.base(), &self.folder.path().to_string_lossy(), over) {
            Ok(settings) => {
                self.secrets.extend(Subject::secrets(&settings));
                Some(settings)
            }
            Err(problem) => {
                self.fail(fixture, behaviour, &problem);
                None
            }
        }
    }

    /// Which way of logging in the fixture's settings choose, where there are several.
    pub(super) fn way(&self, fixture: &Fixture) -> Option<String> {
        let Auth::Choose(choice) = &self.subject.manifest.http.as_ref()?.auth else { return None };
        let name = choice.setting()?;
        let own = fixture.settings().iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        own.or_else(|| self.settings.as_ref()?.text(name))
    }

    pub(super) fn play(&self, fixture: &Fixture, change: impl FnOnce(Script) -> Script) {
        self.vendor.play(change(Script::new(fixture.exchanges(), at(fixture))));
    }

    pub(super) fn fail(&mut self, fixture: &Fixture, behaviour: Behaviour, problem: &str) {
        self.findings.problem(behaviour, format!("fixtures/{}: {problem}", fixture.file));
    }

    /// Keeps what an error says, for the search for secrets.
    pub(super) fn hear(&mut self, error: &CallError) {
        self.heard.push(format!("{error} | {} | {}", error.request_excerpt, error.response_excerpt));
    }

    /// Whether the script was played as written; what was not is told.
    pub(super) fn played(&mut self, fixture: &Fixture, behaviour: Behaviour) -> bool {
        let problem = {
            let script = self.vendor.script();
            match (&script.mismatch, script.unplayed()) {
                (Some(problem), _) => Some(problem.clone()),
                (None, Some((index, exchange))) => Some(format!(
                    "exchange {} was never asked: {} {} ({})",
                    index + 1,
                    exchange.ask.method,
                    exchange.ask.path,
                    exchange.place
                )),
                (None, None) => None,
            }
        };
        match problem {
            Some(problem) => {
                self.fail(fixture, behaviour, &problem);
                false
            }
            None => true,
        }
    }

    /// A mismatch alone: scenarios that end early leave exchanges over.
    pub(super) fn asked_rightly(&mut self, fixture: &Fixture, behaviour: Behaviour, during: &str) -> bool {
        let mismatch = self.vendor.script().mismatch.clone();
        match mismatch {
            Some(problem) => {
                self.fail(fixture, behaviour, &format!("{during}: {problem}"));
                false
            }
            None => true,
        }
    }

    /// Whether a failure is the one that the fixture expects.
    pub(super) fn is_expected(
        &mut self,
        fixture: &Fixture,
        behaviour: Behaviour,
        expected: &ExpectedError,
        error: &CallError,
    ) -> bool {
        let mut problems = Vec::new();
        if error.class != expected.class {
            problems.push(format!("expected class `{}`, came {error}", expected.class));
        }
        if let Some(message) = &expected.message
            && !error.message.contains(message.as_str())
        {
            problems.push(format!("expected a message with `{message}`, came `{}`", error.message));
        }
        if let Some(wait) = expected.retry_after
            && error.retry_after != Some(wait)
        {
            problems.push(format!("expected a wait of {wait:?}, came {:?}", error.retry_after));
        }
        for problem in &problems {
            self.fail(fixture, behaviour, problem);
        }
        problems.is_empty()
    }

    pub(super) fn hide(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "REDACTED"))
    }

    /// Exchanges of the fixture that log in: those that a fixture of the log-in has before what is checked.
    pub(super) fn is_log_in(&self, fixture: &Fixture, index: usize) -> bool {
        let Some(asked) = fixture.exchanges().get(index) else { return false };
        let last = |exchanges: &[crate::conformance::fixture::Exchange]| exchanges.len().saturating_sub(1);
        self.subject.set.fixtures.iter().any(|known| match &known.scenario {
            Scenario::Login(case) => case
                .exchanges
                .iter()
                .take(last(&case.exchanges))
                .any(|login| (login.ask.method, &login.ask.path) == (asked.ask.method, &asked.ask.path)),
            Scenario::Read(_)
            | Scenario::Get(_)
            | Scenario::Write(_)
            | Scenario::Check(_)
            | Scenario::Limit(_)
            | Scenario::Subscriptions(_)
            | Scenario::Webhook(_)
            | Scenario::FileIn(_)
            | Scenario::FileOut(_) => false,
        })
    }
}

pub(super) fn at(fixture: &Fixture) -> Timestamp {
    fixture.at.unwrap_or_else(default_time)
}
