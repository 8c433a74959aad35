//! What reconciliations look like from outside; not here: reading them.

use serde::{Deserialize, Serialize};

use super::standing::Standing;
use crate::api::time::Time;
use crate::finance::continuous::Agreement;
use crate::finance::workflow::{Book, ItemRecord, Remark, RunRecord, Signature, State};
use crate::recon::report::{OpenItem, Report, RunStatus};
use crate::recon::unit::Unit;
use crate::store::RunRow;

/// A reconciliation and how it stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReconciliationView {
    pub name: String,
    pub title: String,
    /// `R5`.
    pub kind: String,
    /// Of the definition in force.
    pub rules: String,
    pub open_breaks: u64,
    pub last_run: Option<RunView>,
    /// When it runs by itself: cron's fields and the zone.
    #[serde(default)]
    pub schedule: Option<String>,
    #[serde(default)]
    pub next_run: Option<Time>,
    /// How its two mirrors stand right now, if they are watched.
    #[serde(default)]
    pub agreement: Option<AgreementView>,
    /// Why the definition cannot be used: its mistakes with their places.
    pub problem: Option<String>,
    #[serde(default)]
    pub standing: Standing,
}

/// What is watched, in words and numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AgreementView {
    /// `agrees`, `3 keys differ`.
    pub told: String,
    pub as_of: Time,
    pub rows: [u64; 2],
    pub differ: u64,
    pub in_flight: u64,
    /// The first of those that differ: key and code.
    pub keys: Vec<(String, String)>,
    /// More differ than were looked into.
    pub more: bool,
}

impl From<Agreement> for AgreementView {
    fn from(agreement: Agreement) -> AgreementView {
        let told = agreement.told();
        let Agreement { as_of, rows, differ, in_flight, keys, more } = agreement;
        AgreementView { told, as_of: Time(as_of), rows, differ, in_flight, keys, more }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReconciliationDetail {
    pub reconciliation: ReconciliationView,
    /// Newest first.
    pub runs: Vec<RunView>,
}

/// A kept run without its document.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunView {
    pub id: i64,
    pub reconciliation: String,
    /// Days; empty for everything that the statements hold.
    pub period: [String; 2],
    pub as_of: String,
    pub rules: String,
    pub status: RunStatus,
    /// Of the document.
    pub sha256: String,
    pub started_at: Time,
    pub ended_at: Time,
    pub actor: String,
    pub preparer: Option<SignatureView>,
    pub approver: Option<SignatureView>,
    /// Why its signatures were taken back, the last time.
    pub reopened: Option<RemarkView>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignatureView {
    pub actor: String,
    pub at: Time,
    pub note: String,
    pub sha256: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RemarkView {
    pub actor: String,
    pub at: Time,
    pub text: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunDetail {
    pub run: RunView,
    /// What keeps it from being signed.
    pub blockers: Vec<String>,
    pub report: Report,
}

/// A break over all runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BreakView {
    pub id: String,
    pub code: String,
    pub state: State,
    pub owner: Option<String>,
    /// `B − A`.
    pub variance: Vec<AmountView>,
    pub event_date: Option<String>,
    pub first_run: i64,
    pub first_seen: Time,
    pub last_run: i64,
    /// Who proposed to write it off, if another one has to approve.
    pub write_off_by: Option<String>,
    /// The event of the match that resolved it.
    pub matched_by: Option<i64>,
    pub remarks: Vec<RemarkView>,
    pub attachments: Vec<(String, String)>,
    /// As the last run shows it; not there any more if it has healed or lies outside of that run's period.
    pub item: Option<OpenItem>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AmountView {
    pub unit: String,
    pub amount_minor: String,
    pub decimal: String,
}

impl AmountView {
    pub(super) fn of(unit: Unit, minor: i128) -> AmountView {
        AmountView { unit: unit.as_str().to_owned(), amount_minor: minor.to_string(), decimal: unit.decimal(minor) }
    }
}

impl From<&Signature> for SignatureView {
    fn from(signature: &Signature) -> SignatureView {
        let Signature { actor, at, note, sha256 } = signature.clone();
        SignatureView { actor, at: Time(at), note, sha256 }
    }
}

impl From<&Remark> for RemarkView {
    fn from(remark: &Remark) -> RemarkView {
        RemarkView { actor: remark.actor.clone(), at: Time(remark.at), text: remark.text.clone() }
    }
}

impl RunView {
    /// `record` is what the events say of it.
    pub(super) fn of(row: RunRow, record: &RunRecord) -> RunView {
        RunView {
            id: row.id,
            reconciliation: row.reconciliation,
            period: row.period,
            as_of: row.as_of,
            rules: row.rules,
            status: record.status,
            sha256: row.sha256,
            started_at: Time(row.started_at),
            ended_at: Time(row.ended_at),
            actor: row.actor,
            preparer: record.preparer.as_ref().map(SignatureView::from),
            approver: record.approver.as_ref().map(SignatureView::from),
            reopened: record.reopened.as_ref().map(RemarkView::from),
        }
    }
}

impl BreakView {
    pub(super) fn of(record: &ItemRecord, item: Option<OpenItem>) -> BreakView {
        let amount = |(unit, minor): (&String, &String)| {
            Unit::parse(unit)
                .ok()
                .zip(minor.parse().ok())
                .map(|(unit, minor)| AmountView::of(unit, minor))
                .unwrap_or_else(|| AmountView {
                    unit: unit.clone(),
                    amount_minor: minor.clone(),
                    decimal: minor.clone(),
                })
        };
        BreakView {
            id: record.id.clone(),
            code: record.code.clone(),
            state: record.state,
            owner: record.owner.clone(),
            variance: record.amounts.iter().map(amount).collect(),
            event_date: record.event_date.clone(),
            first_run: record.first_run,
            first_seen: Time(record.first_seen),
            last_run: record.last_run,
            write_off_by: record.write_off.as_ref().map(|asked| asked.by.clone()),
            matched_by: record.matched_by,
            remarks: record.remarks.iter().map(RemarkView::from).collect(),
            attachments: record.attachments.clone(),
            item,
        }
    }
}

pub(super) fn open_breaks(book: &Book) -> u64 {
    book.items.values().filter(|item| item.state.is_open()).count() as u64
}
