//! Statements of intake: payloads and cursors; not here: file batches, what a payload means.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use super::db::{Connection, Pool, gave_out, last_id};
use sqlx::{Row as _, query, query_scalar};

use super::settle::{TallyDelta, move_tally};
use super::sighting::count_late;
use super::sql::{RowStatement, day_of, identity, json_list, text};
use super::writer::{OpFuture, Operation};
use crate::store::contract::StoreError;
use crate::store::mutation;
use crate::store::rows::*;

pub(super) struct Append {
    pub rows: Vec<NewInbox>,
    pub cursor: Option<CursorMove>,
}

impl Operation for Append {
    type Output = Vec<Appended>;

    fn payloads(&self) -> &[NewInbox] {
        &self.rows
    }

    fn apply<'a>(&'a self, conn: &'a mut Connection) -> OpFuture<'a, Self::Output> {
        Box::pin(async move {
            let rows: Vec<&NewInbox> = self.rows.iter().collect();
            let appended = insert_pending(conn, &rows).await?;
            self.complete(conn, appended).await
        })
    }

    fn complete<'a>(&'a self, conn: &'a mut Connection, appended: Vec<Appended>) -> OpFuture<'a, Self::Output> {
        Box::pin(async move {
            if let Some(cursor) = &self.cursor {
                move_cursor(conn, cursor).await?;
            }
            Ok(appended)
        })
    }
}

/// Inserts rows as pending, counts them, and counts repeats of known payloads as duplicates.
pub(super) async fn insert_pending(conn: &mut Connection, rows: &[&NewInbox]) -> Result<Vec<Appended>, StoreError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<(&str, Cow<'_, str>)> = rows.iter().map(|row| (row.connection.as_str(), dedupe_key(row))).collect();
    let mut known = known(conn, &keys).await?;
    let mut next = last_id(conn, "inbox").await?;
    let mut appended = Vec::with_capacity(rows.len());
    let mut fresh: Vec<Fresh<'_>> = Vec::with_capacity(rows.len());
    let mut repeated: BTreeMap<i64, i64> = BTreeMap::new();
    let mut late: Vec<i64> = Vec::new();
    let mut tally = TallyDelta::default();
    for (row, (connection, key)) in rows.iter().zip(&keys) {
        let first = match known.entry((*connection, key.as_ref())) {
            Entry::Occupied(first) => first.get().clone(),
            Entry::Vacant(place) => {
                next += 1;
                place.insert(First { id: next, received_at: row.received_at });
                tally.add(connection, day_of(row.received_at), Disposition::Pending, "", 1);
                fresh.push(Fresh { id: next, key, row });
                appended.push(Appended { id: next, duplicate: false });
                continue;
            }
        };
        *repeated.entry(first.id).or_default() += 1;
        if row.source == SourceKind::Webhook {
            late.push(first.id);
        }
        tally.add(connection, day_of(first.received_at), Disposition::Ignored, "duplicate", 1);
        appended.push(Appended { id: first.id, duplicate: true });
    }
    insert(conn, &fresh).await?;
    if !fresh.is_empty() {
        gave_out(conn, "inbox", next).await?;
    }
    count_repeats(conn, &repeated.into_iter().collect::<Vec<_>>()).await?;
    for id in late {
        count_late(conn, id).await?;
    }
    move_tally(conn, tally).await?;
    Ok(appended)
}

/// The first receipt of a payload. Its repeats count on its day.
#[derive(Clone)]
struct First {
    id: i64,
    received_at: i64,
}

/// A payload that nothing before it repeats.
struct Fresh<'a> {
    id: i64,
    key: &'a str,
    row: &'a NewInbox,
}

async fn known<'k>(
    conn: &mut Connection,
    keys: &'k [(&str, Cow<'_, str>)],
) -> Result<HashMap<(&'k str, &'k str), First>, StoreError> {
    let rows = query(
        "SELECT k.key AS at, i.id, i.received_at FROM json_each($1) k \
         JOIN inbox i ON i.connection = k.value ->> 0 AND i.dedupe_key = k.value ->> 1",
    )
    .bind(json_list(keys)?)
    .fetch_all(conn)
    .await?;
    let mut known = HashMap::with_capacity(keys.len());
    for row in &rows {
        let at: i64 = row.try_get("at")?;
        if let Some((connection, key)) = usize::try_from(at).ok().and_then(|at| keys.get(at)) {
            let first = First { id: row.try_get("id")?, received_at: row.try_get("received_at")? };
            known.insert((*connection, key.as_ref()), first);
        }
    }
    Ok(known)
}

static INSERT: LazyLock<RowStatement> = LazyLock::new(|| {
    RowStatement::new(8, |rows| {
        format!(
            "INSERT INTO inbox (id, connection, stream, source, dedupe_key, topic, place, received_at) VALUES {rows}"
        )
    })
});

static INSERT_PAYLOADS: LazyLock<RowStatement> = LazyLock::new(|| {
    RowStatement::new(3, |rows| format!("INSERT INTO payload (inbox_id, headers, body) VALUES {rows}"))
});

async fn insert(conn: &mut Connection, fresh: &[Fresh<'_>]) -> Result<(), StoreError> {
    for (statement, piece) in INSERT.pieces(fresh) {
        let mut insert = query(statement);
        for Fresh { id, key, row } in piece {
            insert = insert
                .bind(id)
                .bind(&row.connection)
                .bind(&row.stream)
                .bind(row.source.as_str())
                .bind(*key)
                .bind(text(&row.topic))
                .bind(text(&row.place))
                .bind(row.received_at);
        }
        insert.execute(&mut *conn).await?;
    }
    for (statement, piece) in INSERT_PAYLOADS.pieces(fresh) {
        let mut insert = query(statement);
        for Fresh { id, row, .. } in piece {
            insert = insert.bind(id).bind(text(&row.headers)).bind(&row.payload);
        }
        insert.execute(&mut *conn).await?;
    }
    Ok(())
}

async fn count_repeats(conn: &mut Connection, repeats: &[(i64, i64)]) -> Result<(), StoreError> {
    if repeats.is_empty() {
        return Ok(());
    }
    query(
        "UPDATE inbox SET duplicates = duplicates + CAST(k.value ->> 1 AS BIGINT) FROM json_each($1) k \
         WHERE inbox.id = CAST(k.value ->> 0 AS BIGINT)",
    )
    .bind(json_list(repeats)?)
    .execute(conn)
    .await?;
    Ok(())
}

fn dedupe_key(row: &NewInbox) -> Cow<'_, str> {
    if mutation::active(mutation::NO_INBOX_DEDUPE) {
        Cow::Owned(format!("{}#{}", row.dedupe_key, fastrand::u64(..)))
    } else {
        identity(&row.dedupe_key)
    }
}

async fn move_cursor(conn: &mut Connection, cursor: &CursorMove) -> Result<(), StoreError> {
    if cursor.value.contains('\0') {
        let of = format!("{}.{}", cursor.connection, cursor.stream);
        return Err(StoreError::Refused(format!("{of} told a position with a NUL character, which cannot be kept")));
    }
    query(
        "INSERT INTO cursor (connection, stream, value, moved_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (connection, stream) DO UPDATE SET value = excluded.value, moved_at = excluded.moved_at",
    )
    .bind(&cursor.connection)
    .bind(&cursor.stream)
    .bind(&cursor.value)
    .bind(cursor.at)
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn cursor(pool: &Pool, connection: &str, stream: &str) -> Result<Option<String>, StoreError> {
    Ok(query_scalar("SELECT value FROM cursor WHERE connection = $1 AND stream = $2")
        .bind(connection)
        .bind(stream)
        .fetch_optional(pool)
        .await?)
}

pub(super) async fn cursors(pool: &Pool) -> Result<Vec<CursorRow>, StoreError> {
    let rows = query("SELECT connection, stream, value, moved_at FROM cursor ORDER BY connection, stream")
        .fetch_all(pool)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(CursorRow {
                connection: row.try_get(0)?,
                stream: row.try_get(1)?,
                value: row.try_get(2)?,
                moved_at: row.try_get(3)?,
            })
        })
        .collect()
}
