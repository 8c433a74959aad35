//! A fresh connection with made-up credentials asks the scrubbed answers: what it asks, and what comes of it, is the fixture.
//!
//! So no word of a fixture's questions was ever sent to the vendor. Not here: the vendor's answers (`stage`), the files (`compose`).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::listen::{Answer, Given, NOWHERE, Player, Question};
use super::live::{Asking, Take, key_of};
use crate::conformance::subject::Subject;
use crate::connector::call::{IncomingOp, PageToken};
use crate::connector::connection::Connection;
use crate::connector::manifest::{SettingProblem, SettingValues};
use crate::mapping::expr::{Path, Step};

/// What came of a scenario.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) shows: Option<String>,
    /// Keys, and whether the record is gone.
    pub(super) records: Vec<(String, bool)>,
    pub(super) cursor: Option<String>,
    pub(super) found: Option<bool>,
    /// The key by which one record can be asked for.
    pub(super) key: Option<String>,
}

pub(super) struct Replayed {
    pub(super) questions: Vec<Question>,
    /// The same questions, as another connection put them: what differs is made anew each time.
    pub(super) again: Vec<Question>,
    pub(super) outcome: Outcome,
}

/// One scenario, scrubbed.
pub(super) struct Scenario<'s> {
    pub(super) take: &'s Take,
    pub(super) calls: Vec<Answer>,
    pub(super) end: Option<Answer>,
    /// Where a resumed list begins, and which record is asked for.
    pub(super) cursor: Option<String>,
    pub(super) key: Option<String>,
}

pub(super) fn values(
    subject: &Subject<'_>,
    given: &BTreeMap<String, String>,
    base: &str,
) -> Result<SettingValues, String> {
    let filled =
        given.iter().map(|(name, value)| (name.clone(), value.replace("{base}", base).replace("{folder}", "/nowhere")));
    SettingValues::complete(&subject.manifest.settings, &filled.collect()).map_err(|problems| {
        let told = problems.iter().map(|problem| match problem {
            SettingProblem::Missing { name } => format!("setting `{name}` has no value"),
            SettingProblem::Wrong { name, expected } => format!("the stand-in for setting `{name}` is not {expected}"),
            SettingProblem::Default { name, reason } => format!("the default of setting `{name}`: {reason}"),
        });
        told.collect::<Vec<_>>().join("; ")
    })
}

pub(super) async fn replay(
    subject: &Subject<'_>,
    settings: &SettingValues,
    log_ins: &[Answer],
    scenario: &Scenario<'_>,
) -> Result<Replayed, String> {
    let (questions, outcome) = once(subject, settings, log_ins, scenario).await?;
    let (again, same) = once(subject, settings, log_ins, scenario).await?;
    if outcome != same || questions.len() != again.len() {
        return Err("the connection does something else each time, which no fixture can describe".to_owned());
    }
    if let Some(stray) = questions.iter().find(|question| question.address != NOWHERE) {
        return Err(format!(
            "the connector calls {} whatever its settings say; give it a setting with that address as default (`base_url`)",
            stray.address
        ));
    }
    Ok(Replayed { questions, again, outcome })
}

async fn once(
    subject: &Subject<'_>,
    settings: &SettingValues,
    log_ins: &[Answer],
    scenario: &Scenario<'_>,
) -> Result<(Vec<Question>, Outcome), String> {
    let take = scenario.take;
    let player = Arc::new(Player::new(log_ins.to_vec(), scenario.calls.clone(), scenario.end.clone(), take.at));
    let connection = subject.connect_tapped(settings, take.at, Arc::clone(&player) as _)?;
    let outcome = ask(&connection, scenario).await;
    let questions = player.questions()?;
    let unasked =
        scenario.calls.len() - questions.iter().filter(|question| matches!(question.given, Given::Call(_))).count();
    match outcome {
        Ok(outcome) if unasked == 0 => Ok((questions, outcome)),
        Ok(_) => {
            Err(format!("played back without secrets and people, {unasked} of the recorded answers are not asked for"))
        }
        Err(error) => Err(format!("played back without secrets and people: {error}")),
    }
}

async fn ask(connection: &Connection, scenario: &Scenario<'_>) -> Result<Outcome, String> {
    let mut outcome = Outcome::default();
    match &scenario.take.asking {
        Asking::Check => {
            outcome.shows = connection.check().await.map_err(|error| error.to_string())?.shows;
        }
        Asking::Get { stream, .. } => {
            let key = scenario.key.as_deref().ok_or("the list that names the record could not be played back")?;
            outcome.found = Some(connection.get(stream, key).await.map_err(|error| error.to_string())?.is_some());
        }
        Asking::List { stream, hint, .. } => {
            let mut token: Option<PageToken> = None;
            loop {
                let cursor = scenario.cursor.as_deref();
                let page = match hint {
                    Some(hint) => connection.read_hints(stream, hint, cursor, token.take()).await,
                    None => connection.read_page(stream, cursor, token.take()).await,
                };
                let page = page.map_err(|error| error.to_string())?;
                outcome.key = outcome.key.take().or_else(|| key_of(connection, stream, &page));
                for record in &page.records {
                    let read = connection.interpret_record(stream, record).map_err(|error| error.to_string())?;
                    for incoming in read.incoming {
                        let incoming = incoming.map_err(|error| error.to_string())?;
                        outcome.records.push((incoming.key, incoming.op == IncomingOp::Delete));
                    }
                }
                outcome.records.extend(page.fetched.into_iter().map(|fetched| (fetched.key, fetched.record.is_none())));
                outcome.cursor = page.cursor.or(outcome.cursor);
                match page.next {
                    Some(next) => token = Some(next),
                    None => break,
                }
            }
        }
    }
    Ok(outcome)
}

/// The page of a cut list once more, without records: every page scheme ends there.
pub(super) fn end_of_list(page: &Answer, records: Option<&Path>) -> Option<Answer> {
    let mut body: Value = serde_json::from_slice(&page.body).ok()?;
    let mut at = &mut body;
    for step in records.map(Path::steps).unwrap_or_default() {
        at = match step {
            Step::Name(name) => at.get_mut(name.as_ref())?,
            Step::Each => break,
            Step::Index(_) => return None,
        };
    }
    *at.as_array_mut()? = Vec::new();
    let body = serde_json::to_vec_pretty(&body).ok()?;
    let headers = page.headers.iter().filter(|(name, _)| name != "link").cloned().collect();
    Some(Answer { status: page.status, headers, body })
}
