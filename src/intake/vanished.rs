//! Records that a complete walk no longer shows: asked for by their keys, or missed twice, before they count as deleted; not
//! here: the walk (`poll`), what a deletion means (process).

use std::collections::HashSet;

use jiff::Timestamp;

use super::poll::{PollSource, RoundError, fetched_row, fingerprint};
use crate::connector::call::Fetched;
use crate::model::clock::Clock;
use crate::store::{LiveKey, NewInbox, Store};

/// Keys read from the store at once.
const PAGE: u32 = 1_000;
/// Records asked for after one walk; the others wait for the next.
const MOST_AT_ONCE: usize = 200;
/// Fewer than this are believed whatever their share: of three records, one is a third.
const ALWAYS_BELIEVED: usize = 3;

/// What walks have shown so far, as fingerprints of keys.
#[derive(Default)]
pub(super) struct Vanished {
    began: i64,
    seen: HashSet<u64>,
    /// A record whose key cannot be read may be any: the walk shows too little.
    is_blind: bool,
    /// Missed by the walk before this one.
    missed: HashSet<u64>,
}

/// What came of looking.
#[derive(Default)]
pub(super) struct Ended {
    /// Payloads to store.
    pub(super) rows: Vec<NewInbox>,
    /// Keys that count as deleted now.
    pub(super) gone: Vec<String>,
}

impl Vanished {
    pub(super) fn begin(&mut self, at: i64) {
        self.began = at;
        self.seen.clear();
        self.is_blind = false;
    }

    pub(super) fn saw(&mut self, key: Option<&str>) {
        match key {
            Some(key) => {
                self.seen.insert(fingerprint(key));
            }
            None => self.is_blind = true,
        }
    }

    /// To be called when a walk has come to its end; nothing comes of it where the source tells no deletions.
    pub(super) async fn end(
        &mut self,
        source: &dyn PollSource,
        store: &dyn Store,
        clock: &Clock,
    ) -> Result<Ended, RoundError> {
        let Some(most_basis_points) = source.deletions() else { return Ok(Ended::default()) };
        if self.is_blind {
            tracing::warn!(
                connection = source.connection(),
                stream = source.stream(),
                "a record without a readable key: deletions are not looked for in this walk"
            );
            return Ok(Ended::default());
        }
        let (missing, known) = self.missing(source, store).await?;
        let share = missing.len().saturating_mul(10_000) / known.max(1);
        if missing.len() >= ALWAYS_BELIEVED && share > most_basis_points as usize {
            tracing::error!(
                connection = source.connection(),
                stream = source.stream(),
                missing = missing.len(),
                known,
                "too many records are missing from a walk to be believed; nothing is deleted: check the connection's rights, or raise `deletions`"
            );
            metrics::counter!("syncline_deletions_held_total", "connection" => source.connection().to_owned(),
                "stream" => source.stream().to_owned())
            .increment(1);
            return Ok(Ended::default());
        }
        let mut ended = Ended::default();
        let mut missed = HashSet::new();
        for key in missing.into_iter().take(MOST_AT_ONCE) {
            let print = fingerprint(&key);
            let gone = match source.fetch(&key).await? {
                // It is there: the walk missed it, and this is what it is like.
                Some(fetched) => Some(fetched),
                None if self.missed.contains(&print) => Some(self.unseen(key)),
                None => {
                    missed.insert(print);
                    None
                }
            };
            let Some(found) = gone else { continue };
            ended.rows.push(fetched_row(source, &found, clock.now_us())?);
            if found.record.is_none() {
                ended.gone.push(found.key);
            }
        }
        self.missed = missed;
        Ok(ended)
    }

    /// What two walks did not show, as of the beginning of the second.
    fn unseen(&self, key: String) -> Fetched {
        let asked_at = Timestamp::from_microsecond(self.began).unwrap_or(Timestamp::UNIX_EPOCH);
        Fetched { key, asked_at, record: None }
    }

    /// Known records that the walk did not show, and how many are known. What was heard of after it began is no business of
    /// this walk.
    async fn missing(&self, source: &dyn PollSource, store: &dyn Store) -> Result<(Vec<String>, usize), RoundError> {
        let (mut missing, mut known, mut after) = (Vec::new(), 0, String::new());
        loop {
            let page = store.live_keys(source.connection(), source.stream(), &after, PAGE).await?;
            let Some(last) = page.last() else { return Ok((missing, known)) };
            after.clone_from(&last.key);
            known += page.len();
            let unseen = |live: &LiveKey| live.as_of < self.began && !self.seen.contains(&fingerprint(&live.key));
            missing.extend(page.into_iter().filter(unseen).map(|live| live.key));
        }
    }
}
