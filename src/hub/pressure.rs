//! Watches what the hub must not run out of: room in the inbox and on the disk; not here: what is done at a limit (intake
//! answers 503, so that vendors come again).

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::lifecycle::LivePlant;
use crate::config::Database;
use crate::store::Store;

const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Keeps `overload` true while a limit is reached, until `stop`.
pub(super) async fn watch(
    plant: Arc<LivePlant>,
    store: Arc<dyn Store>,
    overload: Arc<AtomicBool>,
    stop: CancellationToken,
) {
    loop {
        let reason = reason(&plant, store.as_ref()).await;
        let before = overload.swap(reason.is_some(), Ordering::Relaxed);
        match reason {
            Some(reason) if !before => tracing::error!(reason, "webhooks are told to come again until there is room"),
            None if before => tracing::info!("there is room again; webhooks are taken"),
            Some(_) | None => {}
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}

async fn reason(plant: &LivePlant, store: &dyn Store) -> Option<String> {
    let plant = plant.now();
    let limits = &plant.config.hub.limits;
    let most = u32::try_from(limits.inbox_backlog).unwrap_or(u32::MAX - 1);
    match store.pending_count(most.saturating_add(1)).await {
        Ok(pending) if pending > u64::from(most) => {
            return Some(format!("more than {most} payloads wait to be processed (limits.inbox_backlog)"));
        }
        Ok(_) => {}
        Err(error) => return Some(format!("the store cannot be read: {error}")),
    }
    let folder = match &plant.config.hub.database {
        Database::Sqlite { path } => path.parent().unwrap_or(Path::new(".")),
        Database::Postgres { .. } => plant.config.hub.data_dir.as_path(),
    };
    match rustix::fs::statvfs(folder) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            (free < limits.disk_reserve.bytes)
                .then(|| format!("{free} bytes are free at {}, less than limits.disk_reserve", folder.display()))
        }
        Err(error) => {
            tracing::warn!(%error, folder = %folder.display(), "the free space cannot be told");
            None
        }
    }
}
