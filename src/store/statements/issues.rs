//! The work list as people read it: issues and their dead letters; not here: acts upon them.

use super::db::{Pool, Row};
use sqlx::{Row as _, query};

use super::edit::sha256;
use super::file_fate;
use super::sql::{entity_word, identity};
use crate::store::contract::StoreError;
use crate::store::rows::*;

/// Dead letters that one issue's page shows.
const DETAIL_MAX: i64 = 100;

pub(super) async fn issues(pool: &Pool, filter: IssueFilter) -> Result<Vec<IssueRow>, StoreError> {
    let all = match filter {
        IssueFilter::Open => false,
        IssueFilter::All => true,
    };
    let rows = query(
        "SELECT s.*, (SELECT COUNT(*) FROM job j WHERE j.issue_id = s.id AND j.state = 'dead') \
         + (SELECT COUNT(*) FROM inbox i WHERE i.issue_id = s.id AND i.disposition = 'dead') AS open_count, \
         (SELECT COUNT(*) FROM file_batch f WHERE f.issue_id = s.id AND f.fate IN ('refused', 'held')) AS files \
         FROM issue s WHERE $1 OR s.state = 'open' ORDER BY s.state, s.last_at DESC, s.id DESC",
    )
    .bind(all)
    .fetch_all(pool)
    .await?;
    rows.iter().map(issue_row).collect()
}

pub(super) async fn open_issue(pool: &Pool, fingerprint: &str) -> Result<Option<IssueRow>, StoreError> {
    let row = query(
        "SELECT s.*, (SELECT COUNT(*) FROM job j WHERE j.issue_id = s.id AND j.state = 'dead') \
         + (SELECT COUNT(*) FROM inbox i WHERE i.issue_id = s.id AND i.disposition = 'dead') AS open_count, \
         (SELECT COUNT(*) FROM file_batch f WHERE f.issue_id = s.id AND f.fate IN ('refused', 'held')) AS files \
         FROM issue s WHERE s.state = 'open' AND s.fingerprint = $1",
    )
    .bind(identity(fingerprint))
    .fetch_optional(pool)
    .await?;
    row.as_ref().map(issue_row).transpose()
}

fn issue_row(row: &Row) -> Result<IssueRow, StoreError> {
    Ok(IssueRow {
        id: row.try_get("id")?,
        scope: row.try_get("scope")?,
        class: row.try_get("class")?,
        title: row.try_get("title")?,
        next_step: row.try_get("next_step")?,
        sample: row.try_get("sample")?,
        state: row.try_get("state")?,
        resolution: row.try_get("resolution")?,
        open_count: row.try_get("open_count")?,
        files: row.try_get("files")?,
        seen: row.try_get("seen")?,
        first_at: row.try_get("first_at")?,
        last_at: row.try_get("last_at")?,
    })
}

pub(super) async fn issue(pool: &Pool, id: i64) -> Result<Option<IssueDetail>, StoreError> {
    let found = query(
        "SELECT s.*, (SELECT COUNT(*) FROM job j WHERE j.issue_id = s.id AND j.state = 'dead') \
         + (SELECT COUNT(*) FROM inbox i WHERE i.issue_id = s.id AND i.disposition = 'dead') AS open_count, \
         (SELECT COUNT(*) FROM file_batch f WHERE f.issue_id = s.id AND f.fate IN ('refused', 'held')) AS files \
         FROM issue s WHERE s.id = $1",
    )
    .bind(id)
    .fetch_optional(pool)
    .await?;
    let Some(found) = found else { return Ok(None) };
    let mut dead = dead_payloads(pool, id).await?;
    dead.extend(dead_jobs(pool, id, DETAIL_MAX.saturating_sub(dead.len() as i64)).await?);
    let files = file_fate::of_issue(pool, id).await?;
    Ok(Some(IssueDetail { issue: issue_row(&found)?, dead, files }))
}

async fn dead_payloads(pool: &Pool, issue: i64) -> Result<Vec<DeadRow>, StoreError> {
    let rows = query(
        "SELECT id, connection, stream, key, place, error, COALESCE(processed_at, received_at) AS at, \
         COALESCE(edited, body) AS body FROM inbox JOIN payload ON inbox_id = id WHERE issue_id = $1 AND disposition = 'dead' ORDER BY id LIMIT $2",
    )
    .bind(issue)
    .bind(DETAIL_MAX)
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            let body: Vec<u8> = row.try_get("body")?;
            Ok(DeadRow {
                dead: DeadRef::Inbox(row.try_get("id")?),
                record: None,
                connection: row.try_get("connection")?,
                stream: row.try_get("stream")?,
                key: row.try_get("key")?,
                flow: String::new(),
                place: row.try_get("place")?,
                error: row.try_get("error")?,
                at: row.try_get("at")?,
                exact: std::str::from_utf8(&body).is_ok(),
                body_sha256: sha256(&body),
                body: String::from_utf8_lossy(&body).into_owned(),
                request: String::new(),
                response: String::new(),
            })
        })
        .collect()
}

async fn dead_jobs(pool: &Pool, issue: i64, limit: i64) -> Result<Vec<DeadRow>, StoreError> {
    let rows = query(
        "SELECT j.id, v.connection, v.stream, v.key, v.entity, j.revision, j.flow, COALESCE(i.place, '') AS place, j.error, \
         COALESCE(j.finished_at, j.created_at) AS at, COALESCE(j.edited, v.doc) AS body, \
         COALESCE(a.request, '') AS request, COALESCE(a.response, '') AS response \
         FROM job j JOIN event v ON v.id = j.event_id LEFT JOIN inbox i ON i.id = j.inbox_id \
         LEFT JOIN attempt a ON a.job_id = j.id AND a.no = j.attempts \
         WHERE j.issue_id = $1 AND j.state = 'dead' ORDER BY j.id LIMIT $2",
    )
    .bind(issue)
    .bind(limit)
    .fetch_all(pool)
    .await?;
    rows.iter()
        .map(|row| {
            let body: String = row.try_get("body")?;
            Ok(DeadRow {
                dead: DeadRef::Job(row.try_get("id")?),
                record: Some((entity_word(row, "entity")?, row.try_get("revision")?)),
                connection: row.try_get("connection")?,
                stream: row.try_get("stream")?,
                key: row.try_get("key")?,
                flow: row.try_get("flow")?,
                place: row.try_get("place")?,
                error: row.try_get("error")?,
                at: row.try_get("at")?,
                exact: true,
                body_sha256: sha256(body.as_bytes()),
                body,
                request: row.try_get("request")?,
                response: row.try_get("response")?,
            })
        })
        .collect()
}
