//! A connection's program, ready to be started: its command, environment, settings and limits.
//!
//! Not here: a running one (`child`), what is said to it (`session`, `singer`).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::child::Running;
use super::command;
use super::failure::{Failure, Fault};
use super::run_folder::{self, RunFolder};
use super::session::Session;
use super::singer;
use crate::connector::call::{CallError, CallResult, CheckReport};
use crate::connector::http::mask::Mask;
use crate::connector::http::render::{self, RenderError};
use crate::connector::manifest::{Manifest, Process, ProcessProtocol, SettingFormat, SettingValues, Stream};
use crate::mapping::expr::{Scope, TemplateError};

/// A connection whose program cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    #[error("connection `{connection}`: the command or environment of its program: {error}")]
    Template { connection: String, error: TemplateError },
    #[error("connection `{connection}`: the configuration file of its program: {error}")]
    Config { connection: String, error: Box<RenderError> },
}

/// Where a program lives and works.
#[derive(Debug, Clone, Copy)]
pub struct ProgramFolders<'a> {
    /// The connector's own.
    pub connector: &'a Path,
    /// Where relative folders in settings start.
    pub base: &'a Path,
    /// Working directories of runs are made below it.
    pub runs: &'a Path,
}

pub struct Program {
    pub(super) system: String,
    pub(super) process: Process,
    pub(super) executable: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    /// Secrets in clear, folders absolute.
    pub(super) settings: Value,
    /// What a Singer program reads as its configuration.
    pub(super) config: Value,
    pub(super) mask: Arc<Mask>,
    runs: PathBuf,
    /// What a Singer tap said it has, and when.
    pub(super) catalog: tokio::sync::Mutex<Option<(Instant, Value)>>,
}

/// A stream in both vocabularies.
#[derive(Debug, Clone)]
pub(super) struct StreamName {
    pub ours: String,
    pub theirs: String,
}

impl StreamName {
    pub fn new(ours: &str, theirs: Option<&String>) -> StreamName {
        StreamName { ours: ours.to_owned(), theirs: theirs.map_or_else(|| ours.to_owned(), String::clone) }
    }
}

impl Program {
    /// `None` if the connector has no program.
    pub fn new(
        connection: &str,
        manifest: &Manifest,
        values: &SettingValues,
        folders: ProgramFolders<'_>,
    ) -> Result<Option<Program>, ProgramError> {
        let Some(process) = manifest.process.clone() else { return Ok(None) };
        // Programs work in folders of their own: nothing that is told to them may be relative to the hub's.
        let (own, runs) = (whole(folders.connector), whole(folders.runs).join(connection));
        let settings = absolute(manifest, values.expose(), folders.base);
        // Templates that secrets may not stand in never see them.
        let open = absolute(manifest, values.masked(), folders.base);
        let failed = |error| ProgramError::Template { connection: connection.to_owned(), error };
        let mut words = command::words(&process, &open, &own).map_err(failed)?.into_iter();
        let env = command::environment(&process, &open).map_err(failed)?;
        let path = env.iter().find(|(name, _)| name == "PATH").map_or(command::PATH, |(_, path)| path);
        let word = words.next().unwrap_or_default();
        // What is not found now may be there when it is started.
        let executable = command::find(&word, path).unwrap_or_else(|_| PathBuf::from(&word));
        let scope = Scope::new().with("settings", &settings);
        let config = match &process.config {
            Some(template) => render::json("the configuration file", template, &scope)
                .map_err(|error| ProgramError::Config { connection: connection.to_owned(), error: Box::new(error) })?,
            None => settings.clone(),
        };
        run_folder::sweep(&runs);
        Ok(Some(Program {
            system: connection.to_owned(),
            executable,
            arguments: words.collect(),
            env,
            settings,
            config,
            mask: Arc::new(Mask::new(values.secrets().cloned())),
            runs,
            catalog: tokio::sync::Mutex::default(),
            process,
        }))
    }

    /// Starts it, asks whether all is well, and whether it knows the streams that the manifest names.
    pub async fn check(&self, streams: &[Stream]) -> CallResult<CheckReport> {
        let began = Instant::now();
        let named: Vec<StreamName> = streams
            .iter()
            .filter_map(|stream| match (stream.process_read(), stream.process_write()) {
                (None, None) => None,
                (read, write) => {
                    let theirs = read.and_then(|read| read.stream.as_ref());
                    let theirs = theirs.or_else(|| write.and_then(|write| write.stream.as_ref()));
                    Some(StreamName::new(&stream.name, theirs))
                }
            })
            .collect();
        let checked = self.checked().await.map_err(|failure| self.error(failure, "check", false))?;
        let unknown =
            named.iter().filter(|name| checked.streams.as_ref().is_some_and(|known| !known.contains(&name.theirs)));
        let warnings = unknown
            .map(|name| format!("the program does not know stream `{}` (`{}` here)", name.theirs, name.ours))
            .collect();
        Ok(CheckReport {
            what: self.shown(),
            status: 0,
            latency: began.elapsed(),
            clock_skew_s: None,
            shows: checked.shows.map(|shows| self.mask.text(&shows)),
            warnings,
        })
    }

    /// The streams that it says it has; `None` if it cannot tell.
    pub async fn streams(&self) -> CallResult<Option<Vec<String>>> {
        let checked = self.checked().await.map_err(|failure| self.error(failure, "discover", false))?;
        Ok(checked.streams)
    }

    async fn checked(&self) -> Result<Checked, Failure> {
        match self.process.protocol {
            ProcessProtocol::Syncline => Session::check(self).await,
            ProcessProtocol::SingerTap => singer::check_tap(self).await,
            ProcessProtocol::SingerTarget => singer::check_target(self).await,
        }
    }

    /// One record as it is now, by its key.
    pub async fn get(&self, stream: &Stream, key: &str) -> CallResult<Option<Value>> {
        let what = format!("look up {} {key}", *stream.name);
        let name = StreamName::new(&stream.name, stream.process_read().and_then(|read| read.stream.as_ref()));
        Session::fetch(self, &name, key).await.map_err(|failure| self.error(failure, &what, false))
    }

    pub(super) fn shown(&self) -> String {
        self.executable.file_name().unwrap_or(self.executable.as_os_str()).to_string_lossy().into_owned()
    }

    pub(super) fn error(&self, failure: Failure, what: &str, sent: bool) -> Box<CallError> {
        failure.into_call_error(&self.system, &format!("{what} by {}", self.shown()), sent, &self.mask)
    }

    pub(super) fn folder(&self) -> Result<RunFolder, Fault> {
        RunFolder::create(&self.runs).map_err(|cause| Fault::Folder { path: self.runs.clone(), cause })
    }

    pub(super) fn start(&self, arguments: &[String], folder: RunFolder, input: bool) -> Result<Running, Fault> {
        Running::start(self, arguments, folder, input)
    }
}

/// What checking a program found.
pub(super) struct Checked {
    pub shows: Option<String>,
    /// The streams it knows; `None` if it cannot tell.
    pub streams: Option<Vec<String>>,
}

/// Settings that name folders, independent of where a program works.
fn absolute(manifest: &Manifest, mut settings: Value, base: &Path) -> Value {
    for setting in manifest.settings.iter().filter(|setting| setting.format() == Some(SettingFormat::Folder)) {
        if let Some(Value::String(folder)) = settings.get_mut(setting.name.as_str())
            && !folder.is_empty()
        {
            *folder = whole(&base.join(&*folder)).display().to_string();
        }
    }
    settings
}

/// Fails only where the current directory is gone, in which case nothing relative would work.
fn whole(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Settings hold secrets.
        f.debug_struct("Program")
            .field("system", &self.system)
            .field("executable", &self.executable)
            .finish_non_exhaustive()
    }
}
