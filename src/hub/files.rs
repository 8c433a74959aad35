//! The folders of a plant's connections, here or on file servers: sinks, intakes and the question whether they are there;
//! not here: what is done in them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::connector::call::{CallError, CallResult, CheckReport};
use crate::connector::connection::ConnectionOptions;
use crate::connector::file::sftp::{Sftp, SftpChecked, SftpError, SftpSpec};
use crate::connector::file::{FileLimits, FileRoot};
use crate::connector::manifest::{FileWrite, Write};
use crate::deliver::FileSink;
use crate::intake::{FileIntake, Remote};
use crate::mapping::expr::{Scope, TemplateError};
use crate::model::ErrorClass;
use crate::model::clock::Clock;
use crate::process::ProcessorHandle;
use crate::store::Store;

use super::plant::{Plant, PlantError, Site};
use super::sources::ReadTimes;

/// The file server of a connection that has one; nothing is called yet.
pub(super) fn file_server(
    described: &crate::config::Connection,
    options: &ConnectionOptions,
) -> Result<Option<Arc<Sftp>>, PlantError> {
    let Some(spec) = &described.sftp else { return Ok(None) };
    let outside = |_| PlantError::Server { connection: described.name.value.clone() };
    let runtime = Handle::try_current().map_err(outside)?;
    Ok(Some(Arc::new(Sftp::new(spec.clone(), options.egress.clone(), runtime))))
}

/// Where the files of a stream are worked that come from a server.
fn spool(data_dir: &Path, connection: &str, stream: &str) -> PathBuf {
    data_dir.join("spool").join(connection).join(stream)
}

impl Plant {
    /// Sinks of a connection by stream; those of the plant before where nothing about them has changed.
    pub(super) fn file_sinks(
        &mut self,
        described: &crate::config::Connection,
        server: Option<&Arc<Sftp>>,
        settings: &Arc<Value>,
        clock: &Clock,
    ) -> Result<HashMap<String, Arc<FileSink>>, PlantError> {
        let mut sinks = HashMap::new();
        for stream in &described.manifest.streams {
            let Some(Write::File(write)) = &stream.write else { continue };
            let key = (described.name.value.clone(), stream.name.value.clone());
            let there = described.sftp.as_ref().map(SftpSpec::fingerprint).unwrap_or_default();
            let networks: Vec<String> = described.allow_networks.iter().map(ToString::to_string).collect();
            let made_from = format!("{write:?} {settings} {there} {networks:?}");
            let sink = match self.former_sinks.get(&key).filter(|(before, _)| *before == made_from) {
                Some((_, sink)) => Arc::clone(sink),
                None => Arc::new(self.file_sink(&key, write, server, settings, clock)?),
            };
            self.sinks.insert(key, (made_from, Arc::clone(&sink)));
            sinks.insert(stream.name.value.clone(), sink);
        }
        Ok(sinks)
    }

    fn file_sink(
        &self,
        (connection, stream): &(String, String),
        write: &FileWrite,
        server: Option<&Arc<Sftp>>,
        settings: &Arc<Value>,
        clock: &Clock,
    ) -> Result<FileSink, PlantError> {
        let root = match server {
            Some(server) => FileRoot::Server(Arc::clone(server)),
            None => FileRoot::Local(self.config.folder.clone()),
        };
        let data_dir = &self.config.hub.data_dir;
        FileSink::new(connection, stream, write, settings.as_ref().clone(), root, data_dir, clock.clone()).map_err(
            |cause| PlantError::Folder {
                connection: connection.clone(),
                stream: stream.clone(),
                cause: cause.to_string(),
            },
        )
    }

    /// What watches the folders that files come in by.
    pub(super) fn file_intakes(
        &self,
        store: &Arc<dyn Store>,
        processor: &ProcessorHandle,
        clock: &Clock,
        now: &Arc<Notify>,
        read_times: &Arc<ReadTimes>,
    ) -> Vec<FileIntake> {
        let mut all = Vec::new();
        for (name, site) in self.sites.iter().filter(|(_, site)| site.config.enabled) {
            for stream in &site.config.manifest.streams {
                let Some(read) = stream.file_read().filter(|_| self.polled(name, &stream.name)) else { continue };
                let mut read = read.clone();
                read.every = site.config.polls.get(stream.name.as_str()).copied().unwrap_or(read.every);
                all.push(FileIntake {
                    connection: name.clone(),
                    stream: stream.name.value.clone(),
                    read,
                    settings: site.settings.as_ref().clone(),
                    data_dir: self.config.folder.clone(),
                    remote: site.server.as_ref().map(|server| Remote {
                        server: Arc::clone(server),
                        spool: spool(&self.config.hub.data_dir, name, &stream.name),
                    }),
                    limits: FileLimits::default(),
                    store: Arc::clone(store),
                    processor: processor.clone(),
                    clock: clock.clone(),
                    now: Arc::clone(now),
                    completed: read_times.noting(name, &stream.name),
                });
            }
        }
        all
    }

    /// Logs in and looks at the folders that flows use.
    pub(super) async fn check_server(&self, name: &str, site: &Site, server: &Arc<Sftp>) -> CallResult<CheckReport> {
        let failed = |class, message: String, next_step: &str| {
            Box::new(CallError {
                class,
                system: name.to_owned(),
                what: "SFTP".to_owned(),
                status: None,
                message,
                next_step: next_step.to_owned(),
                retry_after: None,
                sent: false,
                request_excerpt: String::new(),
                response_excerpt: String::new(),
            })
        };
        let folders = self.folders_used(name, site);
        let (folders_in, folders_out) = folders
            .map_err(|error| failed(ErrorClass::Data, error.to_string(), "correct the connection's settings"))?;
        let asked = Arc::clone(server);
        let checked = tokio::task::spawn_blocking(move || asked.check(&folders_in, &folders_out)).await;
        let checked: Result<SftpChecked, SftpError> =
            checked.map_err(|error| failed(ErrorClass::Bug, error.to_string(), "report it"))?;
        let checked = checked.map_err(|error| failed(error.class(), error.to_string(), ""))?;
        Ok(CheckReport {
            what: server.spec().server(),
            status: 0,
            latency: checked.latency,
            clock_skew_s: None,
            shows: (!checked.found.is_empty()).then(|| checked.found.join("; ")),
            warnings: Vec::new(),
        })
    }

    /// Folders that files come from, and those that they go to.
    fn folders_used(&self, name: &str, site: &Site) -> Result<(Vec<String>, Vec<String>), TemplateError> {
        let scope = Scope::new().with("settings", &site.settings);
        let (mut folders_in, mut folders_out) = (Vec::new(), Vec::new());
        for stream in &site.config.manifest.streams {
            if let Some(read) = stream.file_read().filter(|_| self.polled(name, &stream.name)) {
                folders_in.push(read.folder.value.render(&scope)?);
            }
            let written = |flow: &&crate::config::Flow| flow.to.connection == name && flow.to.stream == *stream.name;
            if let Some(Write::File(write)) = &stream.write
                && self.config.flows.iter().any(|flow| written(&flow))
            {
                folders_out.push(write.folder.value.render(&scope)?);
            }
        }
        for folders in [&mut folders_in, &mut folders_out] {
            folders.sort();
            folders.dedup();
        }
        Ok((folders_in, folders_out))
    }
}
