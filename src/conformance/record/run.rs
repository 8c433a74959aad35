//! A recording from the first question to the files: asked live, scrubbed, played back, searched for secrets, judged.
//!
//! Not here: each of these steps; where the files are put (`place`).

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::compose::{self, Files, file_name};
use super::files;
use super::listen::{Answer, Recorder};
use super::live::{Asking, Session, Wanted};
use super::place;
use super::replay::{self, Outcome, Scenario, end_of_list};
use super::scrub::Scrubber;
use super::stage::{self, Look, Origin};
use crate::conformance::report::Report;
use crate::conformance::subject::Subject;
use crate::connector::connection::Connection;
use crate::connector::manifest::{HttpRead, SettingValues, Stream};
use crate::mapping::expr::Path;
use crate::mapping::personal::Category;

/// What is to be recorded.
#[derive(Debug, Clone)]
pub struct RecordOptions {
    /// Of which streams; all of them if none is named.
    pub streams: Vec<String>,
    /// Pages of a list, rows of a file.
    pub limit: usize,
    pub scrub_ids: bool,
    pub now: Timestamp,
}

/// The live side of a recording.
pub struct LiveConnection<'l> {
    pub connection: &'l Connection,
    pub settings: &'l SettingValues,
    /// Listens to it.
    pub recorder: &'l Arc<Recorder>,
    /// Where relative folders of its files begin.
    pub folder: &'l std::path::Path,
}

/// Fixtures that hold no secret, not yet written.
#[derive(Debug, Default)]
pub struct Recording {
    pub connector: String,
    /// Below the connector's `fixtures/`.
    pub files: BTreeMap<String, Vec<u8>>,
    pub scenarios: Vec<String>,
    pub counts: BTreeMap<Category, usize>,
    /// What could not be recorded, and why.
    pub skipped: Vec<String>,
    pub warnings: Vec<String>,
    /// What the suite says to the connector with the recorded fixtures.
    pub report: Option<Report>,
}

/// Why nothing is written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("there is no connector {0}")]
    Connector(String),
    #[error("connection {connection} has no stream {stream}")]
    Stream { connection: String, stream: String },
    #[error("nothing could be recorded:\n  {}", .0.join("\n  "))]
    Nothing(Vec<String>),
    #[error("{file}, line {line}: still holds {what}, {shape}")]
    Leak { file: String, line: usize, what: String, shape: &'static str },
    #[error("settings for the fixtures cannot be made: {0}")]
    Settings(String),
    #[error("the recorded fixtures cannot be read: {0}")]
    Unreadable(String),
    #[error("{0}")]
    Machine(String),
}

/// Asks the live system and makes fixtures of its answers. Nothing is written, here or there.
pub async fn record(
    registry: &crate::connector::registry::Registry,
    installation: &std::path::Path,
    live: &LiveConnection<'_>,
    options: &RecordOptions,
) -> Result<Recording, RecordError> {
    let name = live.connection.manifest().name.value.clone();
    let subject = Subject::new(registry, installation, &name).ok_or_else(|| RecordError::Connector(name.clone()))?;
    let text = registry.connector(&name).map(|known| known.source.text().to_owned()).unwrap_or_default();
    let streams = wanted(&subject, live, options)?;
    let ways = streams.iter().copied().filter(|stream| is_asked(stream)).collect();
    let plan = Wanted { streams: ways, check: options.streams.is_empty(), pages: options.limit, now: options.now };
    let session = if subject.manifest.http.is_some() {
        Session::record(live.connection, live.recorder, &plan).await
    } else {
        Session::default()
    };
    let (exposed, fixture) = (live.settings.expose(), fixture_settings(&subject));
    let origin = Origin { connection: live.connection, settings: &exposed, manifest: &text, fixture: &fixture };
    let mut recording = Recording { connector: name, skipped: session.skipped.clone(), ..Recording::default() };
    recording.skipped.extend(streams.iter().filter_map(|stream| unsupported(stream)));
    let mut scrubber = Scrubber::default();
    let mut staged = prepared(&subject, &origin, &session, options, &mut scrubber)?;
    for _look in 0..2 {
        // The first look learns who there is, the second finds them wherever they are named.
        scrubber.count_anew();
        staged.scrub(&mut scrubber, &origin, &session, &mut recording);
        staged.samples = files::samples(&streams, live, options, &mut scrubber, &mut recording);
    }
    // Settings that are there serve other fixtures too.
    let are_there = !subject.set.settings.is_empty() && !place::is_shipped(registry, &recording.connector);
    staged.given = if are_there { fixture.clone() } else { stage::settings(&mut scrubber, &origin) };
    played(&subject, &mut staged, &session, &mut recording, options).await?;
    files::compose(&subject, &staged.samples, &staged.given, options, &mut recording);
    if recording.scenarios.is_empty() {
        return Err(RecordError::Nothing(recording.skipped));
    }
    if !are_there {
        recording.files.insert("settings.yaml".to_owned(), compose::settings(&staged.given));
    }
    recording.counts = scrubber.counts().clone();
    recording.warnings = stage::warnings(&scrubber);
    search(&scrubber, &recording.files)?;
    recording.report = Some(place::judged(registry, installation, &recording).await?);
    Ok(recording)
}

/// Scrubbed answers by take, and what plays them.
#[derive(Default)]
struct Staged {
    log_ins: Vec<Answer>,
    takes: Vec<Option<Vec<Answer>>>,
    given: BTreeMap<String, String>,
    samples: Vec<files::Sample>,
}

impl Staged {
    fn scrub(&mut self, scrubber: &mut Scrubber, origin: &Origin<'_>, session: &Session, recording: &mut Recording) {
        self.log_ins = session.log_ins.iter().filter_map(|heard| stage::answer(scrubber, origin, heard).ok()).collect();
        self.takes.clear();
        for take in &session.takes {
            let answers: Result<Vec<Answer>, String> =
                take.calls.iter().map(|heard| stage::answer(scrubber, origin, heard)).collect();
            let answers = answers.map_err(|reason| {
                let told = format!("{}: an answer cannot be scrubbed: {reason}", take.asking.told());
                if !recording.skipped.contains(&told) {
                    recording.skipped.push(told);
                }
            });
            self.takes.push(answers.ok());
        }
    }
}

/// Secrets, hosts, and words that stay; placeholders in the first form that a connection accepts.
fn prepared(
    subject: &Subject<'_>,
    origin: &Origin<'_>,
    session: &Session,
    options: &RecordOptions,
    into: &mut Scrubber,
) -> Result<Staged, RecordError> {
    let mut refused = String::new();
    for look in Look::ALL {
        let mut scrubber = Scrubber::default();
        scrubber.scrub_ids = options.scrub_ids;
        stage::secrets(&mut scrubber, origin, session, look);
        stage::hosts(&mut scrubber, origin, session);
        scrubber.keep = kept_words(subject);
        scrubber.personal = personal_paths(subject);
        let given = stage::settings(&mut scrubber, origin);
        let opened = replay::values(subject, &given, super::listen::NOWHERE)
            .and_then(|values| subject.connect(&values, options.now, None).map(drop));
        match opened {
            Ok(()) => {
                *into = scrubber;
                return Ok(Staged { given, ..Staged::default() });
            }
            Err(reason) => refused = reason,
        }
    }
    Err(RecordError::Settings(format!(
        "{refused}; write fixtures/settings.yaml with credentials made for the fixtures, such as a key of your own"
    )))
}

async fn played(
    subject: &Subject<'_>,
    staged: &mut Staged,
    session: &Session,
    recording: &mut Recording,
    options: &RecordOptions,
) -> Result<(), RecordError> {
    if session.takes.is_empty() {
        return Ok(());
    }
    let values = replay::values(subject, &staged.given, super::listen::NOWHERE).map_err(RecordError::Settings)?;
    let date = options.now.strftime("%Y-%m-%d").to_string();
    let by = compose::Origin { connector: &subject.name, date: &date };
    let mut outcomes: Vec<Option<Outcome>> = Vec::new();
    for (take, calls) in session.takes.iter().zip(&staged.takes) {
        let Some(calls) = calls else {
            outcomes.push(None);
            continue;
        };
        let before = |index: Option<usize>| index.and_then(|index| outcomes.get(index)).and_then(Option::as_ref);
        let end = take.cut.and_then(|cut| end_of_list(calls.get(cut)?, records_of(subject, &take.asking)));
        let listed = match &take.asking {
            Asking::Get { listed, .. } => Some(*listed),
            Asking::Check | Asking::List { .. } => None,
        };
        let scenario = Scenario {
            take,
            calls: calls.clone(),
            end,
            cursor: before(take.follows).and_then(|list| list.cursor.clone()),
            key: before(listed).and_then(|list| list.key.clone()),
        };
        match replay::replay(subject, &values, &staged.log_ins, &scenario).await {
            Ok(replayed) => {
                let name = file_name(&take.asking);
                compose::compose(&mut recording.files, &by, &name, None, &staged.log_ins, &scenario, &replayed);
                recording.scenarios.push(take.asking.told());
                let logs_in =
                    replayed.questions.iter().any(|question| matches!(question.given, super::listen::Given::LogIn(_)));
                if matches!(take.asking, Asking::Check) && logs_in {
                    compose::compose(
                        &mut recording.files,
                        &by,
                        "recorded-login",
                        Some("login"),
                        &staged.log_ins,
                        &scenario,
                        &replayed,
                    );
                    recording.scenarios.push("the log-in".to_owned());
                }
                outcomes.push(Some(replayed.outcome));
            }
            Err(reason) => {
                recording.skipped.push(format!("{}: {reason}", take.asking.told()));
                outcomes.push(None);
            }
        }
    }
    Ok(())
}

/// The last look: nothing is written that holds a secret, or an address, an account or a card of somebody.
fn search(scrubber: &Scrubber, files: &Files) -> Result<(), RecordError> {
    for (file, bytes) in files {
        let text = String::from_utf8_lossy(bytes);
        for place in [file.as_str(), text.as_ref()] {
            if let Some(leak) = scrubber.secrets.find(place) {
                return Err(RecordError::Leak {
                    file: file.clone(),
                    line: leak.line,
                    what: leak.secret,
                    shape: leak.shape,
                });
            }
        }
        let lower = text.to_lowercase();
        for (category, original) in scrubber.looks.telling() {
            let wanted = original.to_lowercase();
            let whole = |at: usize| {
                let joined = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
                !joined(lower[..at].chars().next_back()) && !joined(lower[at + wanted.len()..].chars().next())
            };
            if let Some((at, _)) = lower.match_indices(&wanted).find(|(at, _)| wanted.len() >= 6 && whole(*at)) {
                let line = lower[..at].matches('\n').count() + 1;
                let what = format!("one of the {}", category.as_str());
                return Err(RecordError::Leak { file: file.clone(), line, what, shape: "as it is" });
            }
        }
    }
    Ok(())
}

fn wanted<'s>(
    subject: &'s Subject<'_>,
    live: &LiveConnection<'_>,
    options: &RecordOptions,
) -> Result<Vec<&'s Stream>, RecordError> {
    let all = &subject.manifest.streams;
    if let Some(unknown) =
        options.streams.iter().find(|name| !all.iter().any(|stream| stream.name.as_str() == name.as_str()))
    {
        return Err(RecordError::Stream { connection: live.connection.id().to_owned(), stream: unknown.clone() });
    }
    Ok(all.iter().filter(|stream| options.streams.is_empty() || options.streams.contains(&stream.name.value)).collect())
}

fn is_asked(stream: &Stream) -> bool {
    stream.http_read().is_some() || !stream.hints.is_empty()
}

fn unsupported(stream: &Stream) -> Option<String> {
    let name = stream.name.as_str();
    if stream.sql_read().is_some() {
        Some(format!(
            "stream {name}: databases are not recorded; `syncline discover` shows what is in them, tests/sql is where their statements are tested"
        ))
    } else if stream.process_read().is_some() {
        Some(format!(
            "stream {name}: programs are not recorded; write the answers of yours into tests of its own (docs/plugins.md)"
        ))
    } else if stream.write.is_some() && stream.read.is_none() && stream.hints.is_empty() {
        Some(format!(
            "stream {name}: writes are never made for a recording; write its `write` fixtures by hand (docs/conformance.md)"
        ))
    } else if stream.webhook.is_some() && stream.read.is_none() {
        Some(format!(
            "stream {name}: it is only pushed; copy a delivery into a `webhook` fixture (docs/conformance.md)"
        ))
    } else {
        None
    }
}

fn read_of<'s>(subject: &'s Subject<'_>, asking: &Asking) -> Option<&'s HttpRead> {
    let Asking::List { stream, hint, .. } = asking else { return None };
    let stream = subject.manifest.stream(stream)?;
    match hint {
        None => stream.http_read(),
        Some(wanted) => stream.hints.iter().find(|hint| hint.name.value == *wanted).map(|hint| &hint.read),
    }
}

fn records_of<'s>(subject: &'s Subject<'_>, asking: &Asking) -> Option<&'s Path> {
    read_of(subject, asking)?.records.as_ref().map(|records| &***records)
}

/// The words of the connector's crosswalks.
fn kept_words(subject: &Subject<'_>) -> std::collections::HashSet<String> {
    let layers = subject.registry.mapping(&format!("{}/values", subject.name));
    let values = crate::mapping::Values::load(layers).ok();
    let mut kept = std::collections::HashSet::new();
    if let Some(values) = values {
        for name in values.names().map(str::to_owned).collect::<Vec<_>>() {
            if let Some(crosswalk) = values.crosswalk(&name) {
                kept.extend(crosswalk.entries().map(|(vendor, _, _)| vendor.to_owned()));
            }
        }
    }
    kept
}

/// Places of personal data, by the names that lead there.
fn personal_paths(subject: &Subject<'_>) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for mapping in subject.mappings.values() {
        for path in mapping.personal_paths() {
            let Ok(path) = Path::parse(path) else { continue };
            let names = path.steps().iter().filter_map(|step| match step {
                crate::mapping::expr::Step::Name(name) => Some(name.to_string()),
                crate::mapping::expr::Step::Index(_) | crate::mapping::expr::Step::Each => None,
            });
            paths.push(names.collect());
        }
    }
    paths
}

/// What `fixtures/settings.yaml` says by now, as written.
fn fixture_settings(subject: &Subject<'_>) -> BTreeMap<String, String> {
    subject.set.settings.iter().map(|(name, value)| (name.value.clone(), value.value.clone())).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::mapping::personal::Category;

    fn searched(text: &str) -> Result<(), RecordError> {
        let mut scrubber = Scrubber::default();
        scrubber.secrets.add("setting `token`", "s3cret/+77", "fixture-token".to_owned());
        scrubber.looks.of(Category::Email, "Anna@corp.example");
        search(&scrubber, &Files::from([("orders.json".to_owned(), text.as_bytes().to_vec())]))
    }

    #[test]
    fn whatever_slips_through_scrubbing_is_not_written() {
        for text in [
            "{\n\"a\": \"s3cret/+77\" }",
            "{\n\"a\": \"czNjcmV0Lys3Nw==\" }",
            "\nk=s3cret%2F%2B77",
            "\nto anna@CORP.example",
        ] {
            let error = searched(text).unwrap_err();
            let RecordError::Leak { file, line, .. } = &error else { panic!("{error}") };
            assert_eq!((file.as_str(), *line), ("orders.json", 2), "{text}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
        assert_eq!(searched("{ \"token\": \"fixture-token\", \"to\": \"joanna@corp.example.org\" }"), Ok(()));
    }
}
