//! Takes the configuration's files anew, for a signal and for the API alike; not here: what a new plant means for the
//! work under way (`lifecycle`).

use super::lifecycle::{Hub, HubError};
use crate::config::yaml::Diagnostics;
use crate::config::{Changes, changes, load};

/// A configuration that is in force now.
#[derive(Clone, Debug)]
pub struct InForce {
    pub version: String,
    pub changes: Changes,
}

/// Why the former configuration goes on.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    #[error("the configuration has problems")]
    Problems(Diagnostics),
    #[error(transparent)]
    Hub(#[from] HubError),
}

impl Hub {
    /// One after the other: two at once would each compare with what the other replaces.
    pub async fn reload_files(&self) -> Result<InForce, ReloadError> {
        let _alone = self.reloading.lock().await;
        let former = std::sync::Arc::clone(&self.plant.now().config);
        let folder = former.folder.clone();
        let read = tokio::task::spawn_blocking(move || load(&folder)).await;
        let config = match read {
            Ok(read) => read.map_err(ReloadError::Problems)?,
            Err(panic) => return Err(HubError::Reading(panic.to_string()).into()),
        };
        let (version, changes) = (config.version.short().to_owned(), changes(&former, &config));
        self.reload(config).await?;
        Ok(InForce { version, changes })
    }
}
