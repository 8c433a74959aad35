//! Signatures under a run: what they presuppose, who may give them, and how they are taken back.
//!
//! A signature is under the document's hash. Not here: making the document again (`rederive`).

use crate::recon::report::{Report, RunStatus};

use super::fact::Fact;
use super::{Book, Demand, Policy, Refusal, RunRecord};

/// In which capacity somebody signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Preparer,
    Approver,
}

impl Role {
    pub fn parse(text: &str) -> Option<Role> {
        match text {
            "preparer" => Some(Role::Preparer),
            "approver" => Some(Role::Approver),
            _ => None,
        }
    }
}

fn find(book: &Book, run: i64) -> Result<&RunRecord, Refusal> {
    book.runs
        .get(&run)
        .ok_or_else(|| Refusal::new(format!("there is no run {run}"), "`syncline recon list` shows the runs"))
}

/// The event of a signature, or all that stands against it.
pub fn sign(
    book: &Book,
    policy: &Policy,
    run: i64,
    report: &Report,
    role: Role,
    actor: &str,
    note: &str,
) -> Result<Fact, Refusal> {
    let record = find(book, run)?;
    let note = note.trim();
    if note.is_empty() {
        return Err(Refusal::new("a signature needs a note", "say what you checked; auditors ask for it"));
    }
    let against = blockers(book, policy, record, report);
    if !against.is_empty() {
        return Err(Refusal::new(
            format!("run {run} cannot be signed: {}", against.join("; ")),
            "correct that and run it again, or decide about the breaks",
        ));
    }
    let sha256 = record.sha256.clone();
    match (role, &record.preparer, &record.approver) {
        (_, Some(_), Some(_)) => Err(Refusal::new(
            format!("run {run} is signed and does not change any more"),
            "reopen it with a reason if it has to",
        )),
        (Role::Preparer, Some(preparer), None) => Err(Refusal::new(
            format!("{} has signed run {run} as its preparer", preparer.actor),
            "the approver's signature is missing",
        )),
        (Role::Preparer, None, _) => Ok(Fact::SignedAsPreparer { note: note.to_owned(), sha256 }),
        (Role::Approver, None, _) => Err(Refusal::new(
            format!("nobody has signed run {run} as its preparer"),
            "the preparer signs first, then another person approves",
        )),
        (Role::Approver, Some(preparer), None) if preparer.actor == actor => Err(Refusal::new(
            format!("{actor} prepared run {run} and cannot approve it"),
            "another person has to approve",
        )),
        (Role::Approver, Some(_), None) => Ok(Fact::SignedAsApprover { note: note.to_owned(), sha256 }),
    }
}

/// All that keeps a run from being signed, each in a sentence.
pub fn blockers(book: &Book, policy: &Policy, record: &RunRecord, report: &Report) -> Vec<String> {
    let mut against = Vec::new();
    match report.cover.status {
        RunStatus::Complete => {}
        RunStatus::NotReconciled => against.push("part of its scope is not reconciled".to_owned()),
        RunStatus::Failed => against.push("the run failed".to_owned()),
    }
    let sources = report.cover.findings.iter().filter(|found| found.code.starts_with("SOURCE_"));
    against.extend(sources.map(|found| format!("{}: {}", found.code, found.text)));
    let residuals = report.tie_out.iter().filter(|table| table.residual.amount_minor != "0");
    against.extend(residuals.map(|table| format!("{} {} is unexplained", table.residual.decimal, table.unit)));
    let newer = book.runs.values().rfind(|other| other.id > record.id && other.period == record.period);
    if let Some(newer) = newer {
        against.push(format!("run {} of the same period is newer", newer.id));
    }
    let undecided = report.breaks.iter().filter(|item| {
        let known = book.items.get(&item.id);
        match policy.sign_off {
            Demand::Nothing => false,
            Demand::Owner => known.is_none_or(|known| known.owner.is_none() && !known.state.is_decided()),
            Demand::Decision => known.is_none_or(|known| !known.state.is_decided()),
        }
    });
    let undecided: Vec<&str> = undecided.map(|item| item.id.as_str()).collect();
    if let [first, rest @ ..] = undecided.as_slice() {
        let what = if policy.sign_off == Demand::Owner { "owner" } else { "decision" };
        against.push(match rest.len() {
            0 => format!("break {first} has no {what} yet"),
            more => format!("break {first} and {more} more have no {what} yet"),
        });
    }
    against
}

/// Takes a run's signatures back.
pub fn reopen(book: &Book, run: i64, reason: &str) -> Result<Fact, Refusal> {
    let record = find(book, run)?;
    if record.preparer.is_none() {
        return Err(Refusal::new(format!("run {run} is not signed"), "there is nothing to reopen"));
    }
    if reason.trim().is_empty() {
        return Err(Refusal::new("a reason is needed", "say why a signed run is opened again; it is kept"));
    }
    Ok(Fact::Reopened { reason: reason.trim().to_owned() })
}
