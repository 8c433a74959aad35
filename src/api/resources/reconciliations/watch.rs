//! Reconciliations that are watched, and mirrors that are audited, while the hub runs; not here: comparing
//! (`finance::continuous`), asking again (`finance::audit`).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::api::state::AppState;
use crate::finance::audit::audit;
use crate::finance::continuous::{Agreement, Watch};
use crate::finance::definition::{Definition, Loaded};
use crate::finance::desk::{Desk, DeskError, today};
use crate::finance::run::Asked;

/// How often sides are compared.
const LOOK_EVERY: Duration = Duration::from_secs(5);
const HOUR_US: i64 = 3_600_000_000;

/// What goes on from look to look.
#[derive(Default)]
pub struct Watching {
    watches: BTreeMap<String, Watch>,
    /// When each audit was last given something to do.
    audited_at: BTreeMap<String, i64>,
}

/// Watches until the hub stops.
pub async fn keep_watch(state: AppState) {
    let mut watching = Watching::default();
    loop {
        if let Ok(desk) = state.desk() {
            watching.look(&state, &desk).await;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = state.stop().cancelled() => return,
        }
    }
}

impl Watching {
    /// One look at everything that is watched. What fails is told in the log and tried again; its agreement is not known then.
    pub async fn look(&mut self, state: &AppState, desk: &Desk) {
        let (loaded, _) = desk.definitions();
        let is_watched = |watch: &Watch, of: &Definition| of.watch && watch.is_of(of);
        self.watches.retain(|_, watch| loaded.iter().any(|loaded| is_watched(watch, &loaded.definition)));
        let mut known = BTreeMap::new();
        for loaded in &loaded {
            let definition = &loaded.definition;
            let name = definition.name.to_string();
            if definition.watch {
                match self.agreement(desk, loaded).await {
                    Ok(agreement) => {
                        known.insert(name.clone(), agreement);
                    }
                    Err(error) => {
                        tracing::warn!(name, %error, "a watched reconciliation could not be looked at");
                        self.watches.remove(&name);
                    }
                }
            }
            if definition.audit_per_hour > 0 {
                self.audit(desk, definition, state.now_us()).await;
            }
        }
        state.set_agreements(known);
    }

    async fn agreement(&mut self, desk: &Desk, loaded: &Loaded) -> Result<Agreement, DeskError> {
        let definition = &loaded.definition;
        let name = definition.name.to_string();
        if !self.watches.contains_key(&name) {
            self.watches.insert(name.clone(), Watch::begin(desk, loaded.clone()).await?);
        }
        let asked = Asked { period: None, as_of: today((desk.now)(), &definition.zone)? };
        match self.watches.get_mut(&name) {
            Some(watch) => watch.look(desk, &desk.room.join("watch"), asked).await,
            None => Err(DeskError::Damaged(format!("`{name}` is not watched"))),
        }
    }

    /// As many records as the time since the last slice is worth.
    async fn audit(&mut self, desk: &Desk, definition: &Definition, now: i64) {
        let name = definition.name.to_string();
        let last = *self.audited_at.entry(name.clone()).or_insert(now);
        let worth = now.saturating_sub(last).saturating_mul(i64::from(definition.audit_per_hour)) / HOUR_US;
        let Ok(count) = u32::try_from(worth) else { return };
        if count == 0 {
            return;
        }
        self.audited_at.insert(name.clone(), now);
        match audit(desk, definition, count.min(definition.audit_per_hour)).await {
            Ok(found) if found.stale.is_empty() => tracing::debug!(name, records = found.records, "mirrors audited"),
            Ok(found) => tracing::warn!(name, stale = found.stale.len(), "mirrors were stale; read again"),
            Err(error) => tracing::warn!(name, %error, "mirrors could not be audited"),
        }
    }
}
