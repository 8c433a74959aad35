//! What a demonstration came to: the hub's ledger beside the vendors' own; not here: running it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::error::CliError;
use super::super::output::Surroundings;
use crate::api::Level;
use crate::hub::Hub;
use crate::sandbox::{Progress, Sandbox, Verdict};
use crate::store::{FlowStat, SightingRow, VerifyReport};

pub(super) struct Report {
    ledger: VerifyReport,
    verdict: Verdict,
    faults: BTreeMap<String, u64>,
    progress: Progress,
    flows: Vec<FlowStat>,
    sightings: Vec<SightingRow>,
    elapsed: Duration,
}

impl Report {
    pub(super) async fn make(sandbox: &Sandbox, hub: &Hub, elapsed: Duration) -> Result<Report, CliError> {
        Ok(Report {
            ledger: hub.store.verify(&|_, _, _| {}).await?,
            verdict: sandbox.verdict(),
            faults: sandbox.faults(),
            progress: sandbox.progress(),
            flows: hub.store.flow_stats(0).await?,
            sightings: hub.store.sightings(0).await?,
            elapsed,
        })
    }

    fn balances(&self) -> bool {
        let ledger = &self.ledger;
        ledger.faults.is_empty()
            && ledger.received == ledger.applied + ledger.superseded + ledger.ignored + ledger.dead + ledger.pending
    }

    /// Ledger balanced, nothing lost, doubled, stale or wrong, no forgery taken, nothing left undone.
    pub(super) fn well(&self) -> bool {
        self.balances() && self.verdict.clean() && self.ledger.pending == 0 && self.ledger.unknown == 0
    }

    pub(super) fn to_json(&self) -> Value {
        let (ledger, verdict) = (&self.ledger, &self.verdict);
        let flows: serde_json::Map<String, Value> = self
            .flows
            .iter()
            .map(|flow| {
                let ms = |us: Option<i64>| us.map(|us| us / 1000);
                (flow.flow.clone(), json!({ "done": flow.done, "latency_p50_ms": ms(flow.latency_p50_us), "latency_p90_ms": ms(flow.latency_p90_us) }))
            })
            .collect();
        json!({
            "received": ledger.received, "applied": ledger.applied, "superseded": ledger.superseded,
            "ignored": ledger.ignored, "dead": ledger.dead, "pending": ledger.pending, "unknown": ledger.unknown,
            "lost": verdict.lost, "doubled": verdict.doubled, "stale": verdict.stale, "wrong": verdict.wrong,
            "forgeries_accepted": verdict.forgery_accepted, "balances": self.balances(),
            "ledger_faults": ledger.faults,
            "checked": { "orders": verdict.orders_checked, "payments": verdict.payments_checked,
                         "stock_levels": verdict.stock_checked, "deliveries": verdict.deliveries_checked },
            "faults_injected": self.faults,
            "forgeries_refused": self.progress.forgeries.refused,
            "webhooks_missed_permille": self.missed_permille(),
            "flows": flows,
            "seconds": self.elapsed.as_secs(),
        })
    }

    /// Changes that webhooks never told and polling found, of all changes seen.
    fn missed_permille(&self) -> i64 {
        let missed: i64 = self.sightings.iter().map(|row| (row.by_poll - row.late).max(0)).sum();
        let all: i64 = self.sightings.iter().map(|row| row.by_webhook + row.by_poll).sum();
        if all == 0 { 0 } else { missed * 1000 / all }
    }

    pub(super) fn tell(&self, to: &mut Surroundings) -> Result<(), CliError> {
        let (ledger, verdict) = (&self.ledger, &self.verdict);
        let faults: Vec<String> = self.faults.iter().map(|(name, n)| format!("{name} {n}")).collect();
        to.line("")?;
        to.line(&format!("Mischief done by the vendors: {}", faults.join(", ")))?;
        to.line(&format!("Forged webhooks refused: {}", self.progress.forgeries.refused))?;
        to.line(&format!(
            "The hub's ledger: {} received = {} applied + {} superseded + {} ignored + {} dead + {} pending",
            ledger.received, ledger.applied, ledger.superseded, ledger.ignored, ledger.dead, ledger.pending
        ))?;
        to.line(&format!(
            "The vendors' ledgers: {} orders, {} payments, {} stock levels, {} deliveries compared",
            verdict.orders_checked, verdict.payments_checked, verdict.stock_checked, verdict.deliveries_checked
        ))?;
        let mark =
            if self.well() { to.mark(Level::Good, "all agree") } else { to.mark(Level::Bad, "they do not agree") };
        to.line(&format!(
            "{mark}: {} lost, {} doubled, {} stale, {} wrong",
            verdict.lost, verdict.doubled, verdict.stale, verdict.wrong
        ))?;
        for detail in verdict.details.iter().take(20) {
            to.line(&format!("    {detail}"))?;
        }
        for fault in &ledger.faults {
            to.line(&format!("    ledger: {fault}"))?;
        }
        Ok(())
    }
}
