//! `syncline verify`: the ledger is proved from its rows.

use serde_json::json;

use super::args::Global;
use super::client::{Client, shaped};
use super::entry::{Exit, actor};
use super::error::CliError;
use super::output::{Surroundings, clean};
use super::progress::watch;
use super::status::plural;
use crate::api::resources::verify::VerifyOutcome;
use crate::api::{Level, Work};

pub(super) async fn verify(client: &Client, global: &Global, to: &mut Surroundings) -> Result<Exit, CliError> {
    let started: Work = shaped(&client.post("/api/v1/verify", json!({ "actor": actor(global, to) })).await?)?;
    let work = watch(client, started, "verify", global.quiet, to).await?;
    let report = work.report.clone().ok_or_else(|| CliError::internal("the verification left no report"))?;
    let exit = if report.faults.is_empty() { Exit::Done } else { Exit::NotWell };
    if global.json {
        to.json(&report)?;
        return Ok(exit);
    }
    print(&report, to)?;
    Ok(exit)
}

fn print(report: &VerifyOutcome, to: &mut Surroundings) -> Result<(), CliError> {
    let counts = &report.counts;
    to.line(&format!(
        "{} received = {} applied + {} superseded + {} ignored + {} dead + {} pending ({} of unknown outcome)",
        counts.received, counts.applied, counts.superseded, counts.ignored, counts.dead, counts.pending, report.unknown
    ))?;
    let audit = if report.audit_rows == 1 { "1 entry".to_owned() } else { format!("{} entries", report.audit_rows) };
    to.line(&format!("audit trail: {audit}"))?;
    if report.recon_rows > 0 {
        to.line(&format!("reconciliation: {} in their chain", plural(report.recon_rows, "event")))?;
    }
    for fault in &report.faults {
        let mark = to.mark(Level::Bad, &clean(fault));
        to.line(&mark)?;
    }
    let verdict = match report.faults.len() {
        0 => to.mark(Level::Good, "all that must hold does"),
        n => to.mark(Level::Bad, &format!("{} found", plural(i64::try_from(n).unwrap_or(i64::MAX), "fault"))),
    };
    Ok(to.line(&verdict)?)
}
