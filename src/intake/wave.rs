//! A walk that becomes payloads as a whole, for flows that judge it as a whole; not here: rounds, what was read before (`poll`).

use super::poll::{Memory, PollSource, RoundError, page_rows};
use super::vanished::{Ended, Vanished};
use crate::model::clock::Clock;
use crate::process::ProcessorHandle;
use crate::store::{CursorMove, NewBatch, NewInbox, Store, StoreError};

/// A walk whose records are staged, and become payloads in one commit once all of them are there, deletions that it shows
/// among them. The cursor follows: what is read again in between is known by then.
pub(super) async fn wave(
    source: &dyn PollSource,
    store: &dyn Store,
    processor: &ProcessorHandle,
    clock: &Clock,
    memory: &mut Memory,
    vanished: &mut Vanished,
    cursor: Option<String>,
) -> Result<usize, RoundError> {
    let (mut staged, mut moved, mut token) = (Staged { batch: None, rows: 0 }, None, None);
    loop {
        let page = source.page(cursor.as_deref(), token).await?;
        let at = clock.now_us();
        let rows = page_rows(source, &page, memory, vanished, cursor.is_none(), at)?;
        staged.add(source, store, rows, at).await?;
        moved = page.cursor.or(moved);
        match page.next {
            Some(next) => token = Some(next),
            None => break,
        }
    }
    let Ended { rows, gone } = vanished.end(source, store, clock).await?;
    staged.add(source, store, rows, clock.now_us()).await?;
    if let Some(batch) = staged.batch {
        store.release_batch(batch, None).await?;
        processor.wake();
    }
    memory.commit();
    source.stored().await?;
    gone.iter().for_each(|key| memory.forget(key));
    if let Some(value) = moved.filter(|moved| Some(moved) != cursor.as_ref()) {
        let (connection, stream) = (source.connection().to_owned(), source.cursor_name().to_owned());
        let moved = CursorMove { connection, stream, value, at: clock.now_us() };
        store.append_inbox(Vec::new(), Some(moved)).await?;
    }
    Ok(staged.rows)
}

/// The name of a batch that is no file.
const WALK: &str = "walk";

/// What a walk has brought so far.
struct Staged {
    /// `None` as long as nothing is new.
    batch: Option<i64>,
    rows: usize,
}

impl Staged {
    async fn add(
        &mut self,
        source: &dyn PollSource,
        store: &dyn Store,
        rows: Vec<NewInbox>,
        at: i64,
    ) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let batch = match self.batch {
            Some(batch) => batch,
            None => {
                let walk = NewBatch {
                    connection: source.connection().to_owned(),
                    stream: source.stream().to_owned(),
                    name: WALK.to_owned(),
                    sha256: String::new(),
                    at,
                };
                *self.batch.insert(store.open_batch(walk).await?)
            }
        };
        self.rows += rows.len();
        store.stage_rows(batch, rows).await
    }
}
