//! The server before each look at the spool: on a thread that may block, remembering what waits there; not here: how files
//! come (`connector::file::sftp`).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::pick_up::Trouble;
use super::watch::{FileIntake, RoundError};
use crate::connector::file::drop::{DropError, Waiting};
use crate::connector::file::sftp::Fetcher;

#[derive(Default)]
pub(super) struct Fetching {
    fetcher: Option<Arc<Mutex<Fetcher>>>,
    /// What was seen there last and is not here: it is not overtaken while the server is away either.
    pub waiting: Vec<Waiting>,
}

impl Fetching {
    /// Returns what is left alone on the server. Without a server there is nothing to do.
    pub async fn look(&mut self, intake: &FileIntake, stop: &CancellationToken) -> Result<Vec<DropError>, RoundError> {
        let Some(fetcher) = self.open(intake).await? else { return Ok(Vec::new()) };
        let stop = stop.clone();
        let done = tokio::task::spawn_blocking(move || {
            let mut fetcher = fetcher.lock().unwrap_or_else(PoisonError::into_inner);
            fetcher.fetch(Instant::now(), || stop.is_cancelled())
        });
        let fetched = done.await.map_err(|_| Trouble::Lost)?.map_err(Trouble::Drop)?;
        self.waiting = fetched.waiting;
        Ok(fetched.refused)
    }

    async fn open(&mut self, intake: &FileIntake) -> Result<Option<Arc<Mutex<Fetcher>>>, RoundError> {
        let Some(remote) = &intake.remote else { return Ok(None) };
        if let Some(fetcher) = &self.fetcher {
            return Ok(Some(Arc::clone(fetcher)));
        }
        let (folder, remote) = (intake.folder_name()?, remote.clone());
        let there = intake.read.drop_spec(&remote.spool, &intake.stream);
        let largest = intake.limits.file_bytes;
        let opened =
            tokio::task::spawn_blocking(move || Fetcher::open(remote.server, &folder, there, &remote.spool, largest));
        let fetcher = Arc::new(Mutex::new(opened.await.map_err(|_| Trouble::Lost)?.map_err(Trouble::Drop)?));
        self.fetcher = Some(Arc::clone(&fetcher));
        Ok(Some(fetcher))
    }
}
