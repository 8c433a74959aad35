//! One connection to a file server, opened when it is needed and again after it broke; calls block.
//!
//! Every call has a deadline. What was asked on a connection that broke is not asked again here: whoever asked knows whether it
//! may be repeated. Not here: what is done with files.

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use russh::client::{self, AuthResult};
use russh::keys::{HashAlg, PrivateKeyWithHashAlg, PublicKeyOrCertificate, decode_secret_key};
use russh_sftp::client::SftpSession;
use russh_sftp::client::fs::{File, Metadata};
use russh_sftp::protocol::OpenFlags;
use secrecy::ExposeSecret;
use tokio::runtime::Handle;

use super::fault::{SftpError, as_io, ends_session};
use super::spec::{SftpAuth, SftpSpec};
use crate::connector::http::guard::{EgressPolicy, Reach};

/// For connecting, logging in, and for each single request.
const DEADLINE: Duration = Duration::from_secs(30);
/// Names that a folder may hold before it is refused: more is a folder that nobody cleans up.
pub(super) const MOST_NAMES: usize = 50_000;

/// A file server as blocking code sees it. Never called on an asynchronous worker.
pub struct Sftp {
    spec: SftpSpec,
    egress: EgressPolicy,
    runtime: Handle,
    session: Mutex<Option<Arc<Session>>>,
}

impl std::fmt::Debug for Sftp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.spec.fmt(f)
    }
}

struct Session {
    files: SftpSession,
    /// Kept: the connection ends with it.
    _connection: client::Handle<Verifier>,
}

/// A name in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub name: String,
    pub is_file: bool,
    pub is_dir: bool,
    pub size_bytes: u64,
    /// By the server's clock, in seconds; compared for equality only.
    pub modified: Option<u32>,
}

/// Compares the server's key with what was agreed; remembers what was shown.
struct Verifier {
    agreed: Vec<String>,
    shown: Arc<Mutex<Option<String>>>,
}

impl client::Handler for Verifier {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let shown = key.public_key().fingerprint(HashAlg::Sha256).to_string();
        let agreed = self.agreed.contains(&shown);
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        Ok(agreed)
    }
}

impl Sftp {
    /// `runtime` drives the connection; calls come from blocking threads.
    pub fn new(spec: SftpSpec, egress: EgressPolicy, runtime: Handle) -> Sftp {
        Sftp { spec, egress, runtime, session: Mutex::new(None) }
    }

    pub fn spec(&self) -> &SftpSpec {
        &self.spec
    }

    /// Runs one request with a deadline; a connection that broke is given up for the next one to open anew.
    pub(super) fn ask<T>(
        &self,
        operation: &'static str,
        path: &str,
        request: impl AsyncFnOnce(&SftpSession) -> Result<T, io::Error>,
    ) -> Result<T, SftpError> {
        let session = self.session()?;
        let answer = self.runtime.block_on(in_time(request(&session.files)));
        answer.map_err(|source| self.failed(operation, path, source))
    }

    pub(super) fn failed(&self, operation: &'static str, path: &str, source: io::Error) -> SftpError {
        if ends_session(&source) {
            *self.session.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        SftpError::Operation { server: self.spec.server(), operation, path: path.to_owned(), source }
    }

    fn session(&self) -> Result<Arc<Session>, SftpError> {
        let mut held = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = &*held {
            return Ok(Arc::clone(session));
        }
        let opened = Arc::new(self.runtime.block_on(self.connect())?);
        *held = Some(Arc::clone(&opened));
        Ok(opened)
    }

    async fn connect(&self) -> Result<Session, SftpError> {
        let unreachable = |reason: String| SftpError::Unreachable { server: self.spec.server(), reason };
        let within = tokio::time::timeout(DEADLINE, self.log_in()).await;
        within.unwrap_or_else(|_| Err(unreachable(format!("no log-in within {} s", DEADLINE.as_secs()))))
    }

    async fn log_in(&self) -> Result<Session, SftpError> {
        let server = self.spec.server();
        let unreachable = |reason: String| SftpError::Unreachable { server: server.clone(), reason };
        let address = self.address().await?;
        let shown = Arc::new(Mutex::new(None));
        let verifier = Verifier { agreed: self.spec.host_keys.clone(), shown: Arc::clone(&shown) };
        let config = client::Config {
            inactivity_timeout: Some(Duration::from_secs(300)),
            keepalive_interval: Some(Duration::from_secs(20)),
            nodelay: true,
            ..client::Config::default()
        };
        let connected = client::connect(Arc::new(config), address, verifier).await;
        let mut connection = connected.map_err(|error| {
            let shown = shown.lock().unwrap_or_else(PoisonError::into_inner).take();
            match shown.filter(|shown| !self.spec.host_keys.contains(shown)) {
                Some(shown) => {
                    SftpError::HostKey { server: server.clone(), shown, expected: self.spec.host_keys.join(" or ") }
                }
                None => unreachable(error.to_string()),
            }
        })?;
        match self.authenticate(&mut connection).await? {
            AuthResult::Success => {}
            AuthResult::Failure { remaining_methods, .. } => {
                let methods: Vec<&str> = remaining_methods.iter().map(Into::into).collect();
                let reason = format!("the server would accept {}", methods.join(", "));
                return Err(SftpError::Refused { server, user: self.spec.user.clone(), reason });
            }
        }
        let channel = connection.channel_open_session().await.map_err(|error| unreachable(error.to_string()))?;
        channel
            .request_subsystem(true, "sftp")
            .await
            .map_err(|error| unreachable(format!("it offers no SFTP: {error}")))?;
        let files = SftpSession::new(channel.into_stream()).await;
        let files = files.map_err(|error| unreachable(format!("it offers no SFTP: {error}")))?;
        files.set_timeout(DEADLINE.as_secs());
        Ok(Session { files, _connection: connection })
    }

    /// The first address of the host that may be reached.
    async fn address(&self) -> Result<std::net::SocketAddr, SftpError> {
        let unreachable = |reason: String| SftpError::Unreachable { server: self.spec.server(), reason };
        let target = (self.spec.host.as_str(), self.spec.port);
        let found = tokio::net::lookup_host(target).await.map_err(|error| unreachable(error.to_string()))?;
        let mut refused = "the name has no address".to_owned();
        for address in found {
            match self.egress.check_address(&self.spec.host, address.ip(), Reach::Public) {
                Ok(()) => return Ok(address),
                Err(blocked) => refused = blocked.to_string(),
            }
        }
        Err(unreachable(refused))
    }

    async fn authenticate(&self, connection: &mut client::Handle<Verifier>) -> Result<AuthResult, SftpError> {
        let server = self.spec.server();
        let failed = |error: russh::Error| SftpError::Unreachable { server: server.clone(), reason: error.to_string() };
        match &self.spec.auth {
            SftpAuth::Password(password) => {
                connection.authenticate_password(&self.spec.user, password.expose_secret()).await.map_err(failed)
            }
            SftpAuth::Key { key, passphrase } => {
                let passphrase = passphrase.as_ref().map(ExposeSecret::expose_secret);
                let key = decode_secret_key(key.expose_secret(), passphrase)
                    .map_err(|error| SftpError::Key { server: server.clone(), reason: error.to_string() })?;
                let hash = connection.best_supported_rsa_hash().await.map_err(failed)?.flatten();
                let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
                connection.authenticate_publickey(&self.spec.user, key).await.map_err(failed)
            }
        }
    }

    /// Everything in a folder, or an error: never a part of it.
    pub(super) fn list(&self, folder: &str) -> Result<Vec<Entry>, SftpError> {
        let found = self.ask("listing", folder, async |files| files.read_dir(folder).await.map_err(as_io))?;
        let entries: Vec<Entry> = found.map(|listed| entry(listed.file_name(), &listed.metadata())).collect();
        if entries.len() > MOST_NAMES {
            let reason = format!("it holds {} names, more than {MOST_NAMES}; have it cleaned up", entries.len());
            return Err(SftpError::Content { server: self.spec.server(), path: folder.to_owned(), reason });
        }
        Ok(entries)
    }

    /// What is there under this name; links are not followed.
    pub(super) fn look(&self, path: &str) -> Result<Option<Entry>, SftpError> {
        let found =
            self.ask("looking for", path, async |files| match files.symlink_metadata(path).await.map_err(as_io) {
                Ok(metadata) => Ok(Some(metadata)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            })?;
        Ok(found.map(|metadata| entry(path.to_owned(), &metadata)))
    }

    pub(super) fn is_there(&self, path: &str) -> Result<bool, SftpError> {
        Ok(self.look(path)?.is_some())
    }

    pub(super) fn make_folder(&self, path: &str) -> Result<(), SftpError> {
        if self.is_there(path)? {
            return Ok(());
        }
        self.ask("creating", path, async |files| files.create_dir(path).await.map_err(as_io))
    }

    /// `false` if the new name is taken: SFTP's own rename never overwrites.
    pub(super) fn rename_new(&self, from: &str, to: &str) -> Result<bool, SftpError> {
        if self.is_there(to)? {
            return Ok(false);
        }
        self.ask("renaming", from, async |files| files.rename(from, to).await.map_err(as_io))?;
        Ok(true)
    }

    /// `false` if it was not there.
    pub(super) fn remove(&self, path: &str) -> Result<bool, SftpError> {
        self.ask("removing", path, async |files| match files.remove_file(path).await.map_err(as_io) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        })
    }

    /// Opens a file for reading; nothing if it is not there.
    pub(super) fn open(self: &Arc<Self>, path: &str) -> Result<Option<Open>, SftpError> {
        let opened = self.ask("opening", path, async |files| match files.open(path).await.map_err(as_io) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })?;
        Ok(opened.map(|file| Open { file, server: Arc::clone(self), path: path.to_owned() }))
    }

    /// Opens a new file for writing; one that is there already is an error.
    pub(super) fn create(self: &Arc<Self>, path: &str) -> Result<Open, SftpError> {
        let flags = OpenFlags::CREATE | OpenFlags::EXCLUDE | OpenFlags::WRITE;
        let file = self.ask("creating", path, async |files| files.open_with_flags(path, flags).await.map_err(as_io))?;
        Ok(Open { file, server: Arc::clone(self), path: path.to_owned() })
    }
}

fn entry(name: String, metadata: &Metadata) -> Entry {
    Entry {
        name,
        is_file: metadata.is_regular(),
        is_dir: metadata.is_dir(),
        size_bytes: metadata.size.unwrap_or(0),
        modified: metadata.mtime,
    }
}

async fn in_time<T>(request: impl Future<Output = Result<T, io::Error>>) -> Result<T, io::Error> {
    let late = || io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", DEADLINE.as_secs()));
    tokio::time::timeout(DEADLINE, request).await.unwrap_or_else(|_| Err(late()))
}

/// A file on the server, open.
pub(super) struct Open {
    file: File,
    server: Arc<Sftp>,
    path: String,
}

impl Open {
    /// Waits until all that was written is on the server's disk, where the server can say so, and closes.
    pub fn finish(&mut self) -> Result<(), SftpError> {
        use tokio::io::AsyncWriteExt;
        let file = &mut self.file;
        let done = self.server.runtime.block_on(in_time(async {
            file.flush().await?;
            file.sync_all().await.map_err(as_io)?;
            file.shutdown().await
        }));
        self.noting(done).map_err(|source| self.server.failed("writing", &self.path, source))
    }

    /// A file tells a lost connection from a full disk by words alone, so that after either the next request logs in anew.
    fn noting<T>(&self, done: io::Result<T>) -> io::Result<T> {
        if done.is_err() {
            *self.server.session.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        done
    }
}

impl io::Read for Open {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use tokio::io::AsyncReadExt;
        let file = &mut self.file;
        let done = self.server.runtime.block_on(in_time(file.read(buffer)));
        self.noting(done)
    }
}

impl io::Write for Open {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        use tokio::io::AsyncWriteExt;
        let file = &mut self.file;
        let done = self.server.runtime.block_on(in_time(file.write(buffer)));
        self.noting(done)
    }

    fn flush(&mut self) -> io::Result<()> {
        use tokio::io::AsyncWriteExt;
        let file = &mut self.file;
        let done = self.server.runtime.block_on(in_time(file.flush()));
        self.noting(done)
    }
}
