//! The chain of events about reconciliations and the documents that it names, checked; not here: making a run again.

use std::collections::BTreeMap;

use super::db::Connection;
use futures::TryStreamExt as _;
use sha2::{Digest as _, Sha256};
use sqlx::{Row as _, query};

use super::recon::{event_row, unpack};
use crate::store::contract::StoreError;
use crate::store::rows::*;

/// Hashes of each kept run's document and definition, as its event names them.
type Documents = BTreeMap<i64, [String; 2]>;

pub(super) async fn verify(conn: &mut Connection, report: &mut VerifyReport) -> Result<(), StoreError> {
    let documents = chain(conn, report).await?;
    runs(conn, documents, &mut report.faults).await
}

/// Walks the chain. The first event that does not hold is named; what follows it proves nothing any more. Returns what
/// events say of the runs' documents.
async fn chain(conn: &mut Connection, report: &mut VerifyReport) -> Result<Documents, StoreError> {
    let mut documents = BTreeMap::new();
    let (mut last, mut prev_hash, mut intact) = (0, String::new(), true);
    let mut events = query("SELECT * FROM recon_event ORDER BY seq").fetch(&mut *conn);
    while let Some(row) = events.try_next().await? {
        let event = event_row(&row)?;
        report.recon_rows += 1;
        if intact && (event.seq != last + 1 || !event.holds(&prev_hash)) {
            intact = false;
            report.faults.push(format!(
                "reconciliation event {} is not what was written, or events before it are missing",
                event.seq
            ));
        }
        if let (RUN_KEPT, Some(run)) = (event.kind.as_str(), event.run) {
            let detail: serde_json::Value = serde_json::from_str(&event.detail).unwrap_or_default();
            let named = ["sha256", "definition_sha256"].map(|key| detail[key].as_str().unwrap_or_default().to_owned());
            documents.insert(run, named);
        }
        (last, prev_hash) = (event.seq, event.hash);
    }
    drop(events);
    let head = query("SELECT seq, hash FROM recon_head").fetch_optional(conn).await?;
    let head: Option<(i64, String)> = head
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .transpose()
        .map_err(|cause: sqlx::Error| StoreError::from(cause))?;
    if intact && head != Some((last, prev_hash)) {
        report.faults.push(format!("reconciliation events after {last} are missing"));
    }
    Ok(documents)
}

/// Each run is the one that its event speaks of, and its document is what was kept.
async fn runs(conn: &mut Connection, mut documents: Documents, faults: &mut Vec<String>) -> Result<(), StoreError> {
    let mut rows = query("SELECT id, sha256, bytes, body, definition FROM recon_run ORDER BY id").fetch(conn);
    while let Some(row) = rows.try_next().await? {
        let id: i64 = row.try_get("id")?;
        let bytes: i64 = row.try_get("bytes")?;
        let kept: String = row.try_get("sha256")?;
        let packed: Vec<u8> = row.try_get("body")?;
        let definition: String = row.try_get("definition")?;
        let found = unpack(&packed, bytes).map(|body| hex::encode(Sha256::digest(&body)));
        match documents.remove(&id) {
            None => faults.push(format!("reconciliation run {id} has no event that kept it")),
            Some([document, _]) if document != kept || found.as_ref().ok() != Some(&document) => {
                faults.push(format!("the document of reconciliation run {id} is not the one that was kept"));
            }
            Some([_, text]) if text != hex::encode(Sha256::digest(definition.as_bytes())) => {
                faults.push(format!("the definition of reconciliation run {id} is not the one that it was made by"));
            }
            Some(_) => {}
        }
    }
    faults.extend(documents.keys().map(|id| format!("reconciliation run {id} is missing")));
    Ok(())
}
