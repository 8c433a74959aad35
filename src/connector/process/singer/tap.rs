//! A tap as a source: configured by files, selected by its catalogue, resumed by its own last state.
//!
//! Not here: which of its states becomes the cursor (`pages`).

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::catalog;
use super::message::{self, Said};
use crate::connector::http::json;
use crate::connector::manifest::{ProcessTimeouts, Replication, TapCatalog};
use crate::connector::process::child::{Heard, Running};
use crate::connector::process::failure::{Failure, Fault};
use crate::connector::process::program::{Checked, Program, StreamName};

/// A run of a tap.
pub(in crate::connector::process) struct Tap {
    running: Running,
    system: String,
    stream: String,
    timeouts: ProcessTimeouts,
    left: Duration,
    described: bool,
    /// Of streams that nobody asked for.
    strangers: u64,
}

pub(in crate::connector::process) enum TapNext {
    Record {
        record: Value,
        bytes: u64,
    },
    State(Value),
    /// It has ended well.
    End,
    NotYet,
}

impl Tap {
    pub async fn start(
        program: &Program,
        name: &StreamName,
        replication: Option<&Replication>,
        cursor: Option<&str>,
    ) -> Result<Tap, Failure> {
        let folder = program.folder()?;
        let mut files = vec![("--config", "config.json", program.config.to_string())];
        if let Some(flag) = flag(program.process.catalog) {
            let known = discovered(program).await?;
            let selected = catalog::selecting(&known, &name.theirs, replication).ok_or_else(|| {
                let names = catalog::streams(&known).join(", ");
                Fault::Unfit(format!("has no stream `{}`; it has: {names}", name.theirs))
            })?;
            files.push((flag, "catalog.json", selected.to_string()));
        }
        files.extend(cursor.map(|state| ("--state", "state.json", state.to_owned())));
        let arguments = write(&files, |name, text| folder.file(name, text), folder.path())?;
        let mut running = program.start(&arguments, folder, false)?;
        running.begin("reading");
        Ok(Tap {
            running,
            system: program.system.clone(),
            stream: name.theirs.clone(),
            timeouts: program.process.timeouts,
            left: program.process.timeouts.call,
            described: false,
            strangers: 0,
        })
    }

    /// The next message about the wanted stream, or nothing by `until`.
    pub async fn next(&mut self, until: Option<Instant>) -> Result<TapNext, Fault> {
        loop {
            let Some(line) = self.hear(until).await? else { return Ok(TapNext::NotYet) };
            let Some(line) = line else { return self.end().await };
            let said = message::read(&line).map_err(|reason| self.violation_in(reason, &line))?;
            match said {
                Said::Schema { stream } => self.described |= stream == self.stream,
                Said::Record { stream, .. } if stream != self.stream => self.strangers += 1,
                Said::Record { .. } if !self.described => {
                    return Err(self.violation_in("is a RECORD before its SCHEMA".to_owned(), &line));
                }
                Said::Record { record, .. } => return Ok(TapNext::Record { record, bytes: line.len() as u64 }),
                Said::State(state) => return Ok(TapNext::State(state)),
                Said::ActivateVersion => {}
                Said::Other(kind) => {
                    tracing::debug!(
                        connection = self.system,
                        stream = self.stream,
                        kind,
                        "plugin: a message is passed over"
                    );
                }
            }
        }
    }

    /// `None`: not in time; `Some(None)`: the end.
    async fn hear(&mut self, until: Option<Instant>) -> Result<Option<Option<Vec<u8>>>, Fault> {
        loop {
            if self.left.is_zero() {
                return Err(Fault::Slow(self.timeouts.call));
            }
            let began = Instant::now();
            let patience = began + self.timeouts.silence.min(self.left);
            let heard = self.running.hear(until.map_or(patience, |until| until.min(patience))).await;
            self.left = self.left.saturating_sub(began.elapsed());
            match heard? {
                Heard::Line(line) if line.iter().all(u8::is_ascii_whitespace) => {}
                Heard::Line(line) => return Ok(Some(Some(line))),
                Heard::End => return Ok(Some(None)),
                Heard::Nothing if self.left.is_zero() => return Err(Fault::Slow(self.timeouts.call)),
                Heard::Nothing if until.is_some_and(|until| until < patience) => return Ok(None),
                Heard::Nothing => {
                    return Err(Fault::Silent { waited: self.timeouts.silence, doing: self.running.doing });
                }
            }
        }
    }

    async fn end(&mut self) -> Result<TapNext, Fault> {
        if self.strangers > 0 {
            tracing::warn!(
                connection = self.system,
                stream = self.stream,
                records = self.strangers,
                "plugin: the tap emitted records of streams that were not selected; they are not read"
            );
        }
        self.running.finish().await?;
        Ok(TapNext::End)
    }

    pub fn failure(&self, fault: Fault) -> Failure {
        self.running.failure(fault)
    }

    pub fn violation(&self, reason: &str) -> Fault {
        self.violation_in(reason.to_owned(), &[])
    }

    fn violation_in(&self, reason: String, text: &[u8]) -> Fault {
        Fault::Violation { line: self.running.line(), reason, text: text.to_owned() }
    }
}

/// What the tap says it has.
async fn discovered(program: &Program) -> Result<Value, Failure> {
    let mut known = program.catalog.lock().await;
    if let Some((_, catalog)) = known.as_ref().filter(|(at, _)| at.elapsed() < program.process.discover_every) {
        return Ok(catalog.clone());
    }
    let catalog = discover(program).await?;
    *known = Some((std::time::Instant::now(), catalog.clone()));
    Ok(catalog)
}

async fn discover(program: &Program) -> Result<Value, Failure> {
    let folder = program.folder()?;
    let files = [("--config", "config.json", program.config.to_string())];
    let mut arguments = write(&files, |name, text| folder.file(name, text), folder.path())?;
    arguments.push("--discover".to_owned());
    let mut running = program.start(&arguments, folder, false)?;
    running.begin("telling its streams");
    match catalog_of(&mut running, program.process.timeouts).await {
        Ok(catalog) => Ok(catalog),
        Err(fault) => Err(running.failure(fault)),
    }
}

async fn catalog_of(running: &mut Running, timeouts: ProcessTimeouts) -> Result<Value, Fault> {
    let until = Instant::now() + timeouts.silence;
    let mut text = Vec::new();
    loop {
        match running.hear(until).await? {
            Heard::Line(line) => {
                text.extend(line);
                text.push(b'\n');
            }
            Heard::End => break,
            Heard::Nothing => return Err(Fault::Silent { waited: timeouts.silence, doing: running.doing }),
        }
    }
    running.finish().await?;
    let catalog = json::parse(&text).map_err(|error| format!("is no catalogue: {error}"));
    let catalog = catalog.and_then(|catalog| {
        if catalog.get("streams").is_some_and(Value::is_array) {
            Ok(catalog)
        } else {
            Err("is no catalogue: no `streams`".to_owned())
        }
    });
    catalog.map_err(|reason| Fault::Violation { line: running.line(), reason, text })
}

/// Asks the tap for its streams, which proves its configuration as far as the tap itself looks at it.
pub(in crate::connector::process) async fn check_tap(program: &Program) -> Result<Checked, Failure> {
    if program.process.catalog == TapCatalog::None {
        let shows = "not asked: it has no catalogue, and would read everything".to_owned();
        return Ok(Checked { shows: Some(shows), streams: None });
    }
    let streams = catalog::streams(&discover(program).await?);
    Ok(Checked { shows: Some(format!("{} streams", streams.len())), streams: Some(streams) })
}

fn flag(catalog: TapCatalog) -> Option<&'static str> {
    match catalog {
        TapCatalog::Discover => Some("--catalog"),
        TapCatalog::Properties => Some("--properties"),
        TapCatalog::None => None,
    }
}

/// Writes files and names them on the command line.
fn write(
    files: &[(&str, &str, String)],
    write: impl Fn(&str, &[u8]) -> std::io::Result<std::path::PathBuf>,
    folder: &Path,
) -> Result<Vec<String>, Fault> {
    let mut arguments = Vec::new();
    for (flag, name, text) in files {
        let path = write(name, text.as_bytes()).map_err(|cause| Fault::Folder { path: folder.to_owned(), cause })?;
        arguments.extend([(*flag).to_owned(), path.display().to_string()]);
    }
    Ok(arguments)
}
