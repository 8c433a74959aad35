//! A person's correction of one dead letter: what keeps it from going astray, and what is kept of it; not here: whether the
//! correction is a record (see `api`), the other acts (see `work_list`).
//!
//! The values go into `edit`, which is removed with its job or payload. The audit trail stays for good: it has the names of
//! the changed fields and hashes, nothing about a person.

use super::db::{Connection, Row};
use sha2::{Digest, Sha256};
use sqlx::{Row as _, query};

use super::settle::resolve_empty_issues;
use super::sql::word;
use super::work_list::{Chosen, not_dead, record};
use super::writer::{OpFuture, Operation};
use crate::store::contract::StoreError;
use crate::store::rows::*;

pub(super) struct Edit {
    pub edit: DeadEdit,
}

/// What a dead letter was until now.
struct Before {
    issue: Option<i64>,
    body: Vec<u8>,
    /// It may have reached the destination.
    in_doubt: bool,
    connection: String,
    stream: String,
    key: String,
    /// Of a job.
    owed: Option<Owed>,
}

/// What a job owes to whom.
struct Owed {
    flow: String,
    revision: i64,
}

impl Operation for Edit {
    type Output = ();
    fn apply<'a>(&'a self, conn: &'a mut Connection) -> OpFuture<'a, ()> {
        Box::pin(async move {
            let mut chosen = Chosen::default();
            let (target, before) = match self.edit.dead {
                DeadRef::Job(id) => {
                    chosen.add_jobs(conn, None, Some(id)).await?;
                    (format!("job {id}"), dead_job(conn, id).await?)
                }
                DeadRef::Inbox(id) => {
                    chosen.add_payloads(conn, None, Some(id)).await?;
                    (format!("payload {id}"), dead_payload(conn, id).await?)
                }
            };
            let Some(before) = before.filter(|_| chosen.count() == 1) else { return Err(not_dead(&target)) };
            let was = sha256(&before.body);
            if self.edit.base.as_ref().is_some_and(|base| !base.eq_ignore_ascii_case(&was)) {
                let why =
                    format!("{target} is not what was corrected: somebody else has edited it; nothing was changed");
                return Err(StoreError::Refused(why));
            }
            if let DeadRef::Job(id) = self.edit.dead
                && let Some(newer) = newer(conn, id).await?
            {
                return Err(StoreError::Refused(format!("{target}: {newer}; nothing was changed")));
            }
            self.replace(conn, &before).await?;
            chosen.send_back(conn, self.edit.at).await?;
            let actor = &self.edit.actor;
            resolve_empty_issues(conn, &Vec::from_iter(before.issue), &format!("edited by {actor}")).await?;
            let detail = self.detail(&before, &was);
            record(conn, self.edit.at, actor, "dead_letter.edit", target, detail).await
        })
    }
}

impl Edit {
    /// What was received, or mapped in, stays beside its replacement.
    async fn replace(&self, conn: &mut Connection, before: &Before) -> Result<(), StoreError> {
        let edit = &self.edit;
        let (job, inbox) = match edit.dead {
            DeadRef::Job(id) => (Some(id), None),
            DeadRef::Inbox(id) => (None, Some(id)),
        };
        query(
            "INSERT INTO edit (job_id, inbox_id, at, actor, changed, in_doubt, before, after) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(job)
        .bind(inbox)
        .bind(edit.at)
        .bind(&edit.actor)
        .bind(serde_json::json!(edit.changed).to_string())
        .bind(before.in_doubt)
        .bind(&before.body)
        .bind(edit.body.as_bytes())
        .execute(&mut *conn)
        .await?;
        match edit.dead {
            DeadRef::Job(id) => {
                query("UPDATE job SET edited = $2, key_from = attempts + 1 WHERE id = $1 AND state = 'dead'")
                    .bind(id)
                    .bind(&edit.body)
                    .execute(conn)
                    .await?
            }
            DeadRef::Inbox(id) => {
                query("UPDATE payload SET edited = $2 WHERE inbox_id = $1")
                    .bind(id)
                    .bind(edit.body.as_bytes())
                    .execute(conn)
                    .await?
            }
        };
        Ok(())
    }

    fn detail(&self, before: &Before, before_sha256: &str) -> serde_json::Value {
        let mut detail = serde_json::json!({
            "before_sha256": before_sha256,
            "after_sha256": sha256(self.edit.body.as_bytes()),
            "issue": before.issue,
            "connection": before.connection,
            "stream": before.stream,
            "key": before.key,
        });
        if let Some(owed) = &before.owed {
            detail["flow"] = owed.flow.as_str().into();
            detail["revision"] = owed.revision.into();
            detail["changed"] = self.edit.changed.as_slice().into();
        }
        detail
    }
}

async fn dead_job(conn: &mut Connection, id: i64) -> Result<Option<Before>, StoreError> {
    let row = query(
        "SELECT j.issue_id, COALESCE(j.edited, v.doc) AS body, j.unknown, j.flow, j.revision, v.connection, v.stream, v.key \
         FROM job j JOIN event v ON v.id = j.event_id WHERE j.id = $1 AND j.state = 'dead'",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let body: String = row.try_get("body")?;
    let owed = Owed { flow: row.try_get("flow")?, revision: row.try_get("revision")? };
    let before = of_row(&row, body.into_bytes())?;
    Ok(Some(Before { in_doubt: row.try_get("unknown")?, owed: Some(owed), ..before }))
}

async fn dead_payload(conn: &mut Connection, id: i64) -> Result<Option<Before>, StoreError> {
    let row = query(
        "SELECT issue_id, COALESCE(edited, body) AS body, connection, stream, key FROM inbox JOIN payload ON inbox_id = id \
         WHERE id = $1 AND disposition = 'dead' AND issue_id IS NOT NULL",
    )
    .bind(id)
    .fetch_optional(conn)
    .await?;
    row.map(|row| of_row(&row, row.try_get("body")?)).transpose()
}

fn of_row(row: &Row, body: Vec<u8>) -> Result<Before, StoreError> {
    Ok(Before {
        issue: row.try_get("issue_id")?,
        body,
        in_doubt: false,
        connection: row.try_get("connection")?,
        stream: row.try_get("stream")?,
        key: row.try_get("key")?,
        owed: None,
    })
}

/// Why an edit of this job would come too late: a newer revision of the record is there, may be there, or will be.
///
/// The state conditions are those of the indexes `job_open` and `job_dead_key`, word for word.
async fn newer(conn: &mut Connection, job: i64) -> Result<Option<String>, StoreError> {
    let found = query(
        "SELECT newer.id, newer.revision, newer.state, newer.lane FROM job j JOIN event v ON v.id = j.event_id \
         JOIN job newer ON newer.order_key = j.order_key AND newer.state IN ('ready', 'blocked', 'running', 'waiting') \
         JOIN event nv ON nv.id = newer.event_id AND nv.stream = v.stream \
         WHERE j.id = $1 AND newer.revision > j.revision \
         UNION ALL SELECT newer.id, newer.revision, newer.state, newer.lane FROM job j JOIN event v ON v.id = j.event_id \
         JOIN job newer ON newer.order_key = j.order_key AND newer.state = 'dead' \
         JOIN event nv ON nv.id = newer.event_id AND nv.stream = v.stream \
         WHERE j.id = $1 AND newer.revision > j.revision AND (newer.unknown OR (j.latest AND newer.flow = j.flow)) \
         UNION ALL SELECT 0, b.sent_revision, 'done', j.lane FROM job j JOIN event v ON v.id = j.event_id \
         JOIN binding b ON b.source_connection = v.connection AND b.source_stream = v.stream AND b.source_key = v.key \
         AND b.dest_connection = j.lane AND b.dest_stream = j.stream WHERE j.id = $1 AND b.sent_revision > j.revision \
         ORDER BY 2 DESC LIMIT 1",
    )
    .bind(job)
    .fetch_optional(conn)
    .await?;
    let Some(row) = found else { return Ok(None) };
    let (id, revision): (i64, i64) = (row.try_get("id")?, row.try_get("revision")?);
    let lane: String = row.try_get("lane")?;
    Ok(Some(match word(&row, "state", JobState::parse)? {
        JobState::Ready | JobState::Blocked | JobState::Running | JobState::Waiting => {
            format!("a newer version of the record (revision {revision}) is on its way to {lane}")
        }
        JobState::Dead => {
            format!("a newer version of the record (revision {revision}) needs a person as well: edit job-{id} instead")
        }
        JobState::Done | JobState::Superseded | JobState::Ignored | JobState::Discarded => {
            format!("{lane} already has a newer version of the record (revision {revision})")
        }
    }))
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
