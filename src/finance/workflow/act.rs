//! What a person asks about one break, checked: the event that follows, or a refusal.
//!
//! Not here: matches (`matches`), signatures (`sign`).

use crate::recon::unit::Unit;

use super::fact::{Amounts, Fact, JournalLine};
use super::{Action, Book, ItemRecord, Policy, Refusal, State};

/// A request about one break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    Assign { owner: String },
    Investigate { note: String },
    Propose { note: String },
    Comment { text: String },
    Attach { name: String, sha256: String },
    Resolve { reason: String },
    WriteOff { code: String, reason: String },
    AcceptTiming { reason: String },
    Reopen { reason: String },
}

/// The event that follows from what `actor` asks.
pub fn act(book: &Book, policy: &Policy, id: &str, actor: &str, ask: Ask) -> Result<Fact, Refusal> {
    let item = book.items.get(id).ok_or_else(|| {
        Refusal::new(format!("there is no break {id}"), "`syncline recon breaks NAME` lists them; run it first")
    })?;
    match ask {
        Ask::Assign { owner } => {
            item.state.after(Action::Assign)?;
            Ok(Fact::Assigned { owner: said(owner, "who is to own it")? })
        }
        Ask::Investigate { note } => {
            item.state.after(Action::Investigate)?;
            Ok(Fact::StateChanged { to: State::Investigating, note })
        }
        Ask::Propose { note } => {
            item.state.after(Action::Propose)?;
            Ok(Fact::StateChanged { to: State::Proposed, note: said(note, "what you propose")? })
        }
        Ask::Comment { text } => Ok(Fact::Commented { text: said(text, "what there is to say")? }),
        Ask::Attach { name, sha256 } => {
            let is_hash = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !is_hash {
                return Err(Refusal::new(
                    "an attachment is named by its SHA-256",
                    "give 64 hexadecimal digits; the document itself stays where it is",
                ));
            }
            Ok(Fact::Attached { name: said(name, "the document's name")?, sha256: sha256.to_lowercase() })
        }
        Ask::Resolve { reason } => {
            item.state.after(Action::Resolve)?;
            Ok(Fact::Resolved { reason: said(reason, "why it is resolved")? })
        }
        Ask::WriteOff { code, reason } => write_off(item, policy, actor, &code, reason),
        Ask::AcceptTiming { reason } => {
            item.state.after(Action::AcceptTiming)?;
            Ok(Fact::AcceptedTiming { reason: said(reason, "when it will explain itself")? })
        }
        Ask::Reopen { reason } => reopen(item, reason),
    }
}

fn said(text: String, what: &str) -> Result<String, Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Refusal::new("a reason is needed", format!("say {what}; it is kept with the break")));
    }
    Ok(text.to_owned())
}

fn reopen(item: &ItemRecord, reason: String) -> Result<Fact, Refusal> {
    item.state.after(Action::Reopen)?;
    if let Some(run) = item.sealed_by {
        return Err(Refusal::new(
            format!("break {} was closed with run {run}, which is signed", item.id),
            format!("reopen run {run} with a reason first; its signatures are void then"),
        ));
    }
    if let Some(event) = item.matched_by {
        return Err(Refusal::new(
            format!("break {} was resolved by the match of event {event}", item.id),
            format!("take that match back: `syncline recon unmatch NAME {event} --reason ...`"),
        ));
    }
    Ok(Fact::Reopened { reason: said(reason, "why")? })
}

/// Within the limit one person decides; above it the first proposes and another one, asking for the same, approves.
fn write_off(item: &ItemRecord, policy: &Policy, actor: &str, code: &str, reason: String) -> Result<Fact, Refusal> {
    item.state.after(Action::WriteOff)?;
    let code = reason_code(policy, code)?;
    let reason = said(reason, "why it is given up")?;
    if let Some(asked) = item.write_off.as_ref().filter(|_| item.state == State::Proposed) {
        if asked.by == actor {
            return Err(Refusal::new(
                format!("{actor} proposed to write break {} off: a second person has to approve", item.id),
                "have somebody else ask for the same write-off",
            ));
        }
        if asked.code != code {
            return Err(Refusal::new(
                format!("{} proposed {} for break {}, not {code}", asked.by, asked.code, item.id),
                format!("approve it as {}, or propose something else", asked.code),
            ));
        }
        let journal = journal(item, policy, &code)?;
        return Ok(Fact::WrittenOff { code, reason, proposed_by: Some(asked.by.clone()), journal });
    }
    if is_within(item, policy)? {
        let journal = journal(item, policy, &code)?;
        Ok(Fact::WrittenOff { code, reason, proposed_by: None, journal })
    } else {
        item.state.after(Action::Propose)?;
        Ok(Fact::WriteOffProposed { code, reason })
    }
}

/// Whether one person may write it off.
pub fn is_within(item: &ItemRecord, policy: &Policy) -> Result<bool, Refusal> {
    let within = |(unit, minor): (Unit, i128)| {
        minor.unsigned_abs() <= policy.limits.get(&unit).map_or(0, |limit| limit.unsigned_abs())
    };
    Ok(parsed(&item.amounts)?.into_iter().all(within))
}

fn reason_code(policy: &Policy, code: &str) -> Result<String, Refusal> {
    let code = code.trim().to_uppercase();
    let known = policy.reasons.is_empty() || policy.reasons.contains(&code);
    if code.is_empty() || code.len() > 40 || !known {
        let next = match policy.reasons.as_slice() {
            [] => "give one such as BANK_FEE".to_owned(),
            reasons => format!("one of: {}", reasons.join(", ")),
        };
        return Err(Refusal::new(format!("`{code}` is no reason code of this reconciliation"), next));
    }
    Ok(code)
}

/// Variances by unit. Events hold text: what another version wrote may not be readable.
pub(super) fn parsed(amounts: &Amounts) -> Result<Vec<(Unit, i128)>, Refusal> {
    let broken = |unit: &str| Refusal::new(format!("the amount in {unit} cannot be read"), "run `syncline verify`");
    let read = |(unit, minor): (&String, &String)| {
        let parsed = Unit::parse(unit).ok().zip(minor.parse().ok());
        parsed.ok_or_else(|| broken(unit))
    };
    amounts.iter().map(read).collect()
}

/// One line per unit: less on side B than on A is a loss. Quantities are no money: no line.
fn journal(item: &ItemRecord, policy: &Policy, code: &str) -> Result<Vec<JournalLine>, Refusal> {
    let accounts = &policy.accounts;
    let line = |(unit, minor): (Unit, i128)| {
        let (debit, credit) =
            if minor < 0 { (&accounts.loss, &accounts.clearing) } else { (&accounts.clearing, &accounts.gain) };
        let magnitude = minor.saturating_abs();
        JournalLine {
            item: item.id.clone(),
            unit: unit.as_str().to_owned(),
            amount_minor: magnitude.to_string(),
            decimal: unit.decimal(magnitude),
            debit: debit.clone(),
            credit: credit.clone(),
            text: format!("write-off {code} of {} {}", item.code, item.id),
        }
    };
    let money = |(unit, minor): &(Unit, i128)| *unit != Unit::Pieces && *minor != 0;
    Ok(parsed(&item.amounts)?.into_iter().filter(money).map(line).collect())
}
