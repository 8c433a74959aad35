//! An entry of camt.053, `Ntry`, in any version: its sign, status and code, its parts, and what they say.
//!
//! Not here: balances and totals (camt).

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::camt_tree::{amount, at, day, either, is_credit, items, money, signed, text};
use crate::connector::file::statement::{Entry, EntryStatus, StatementCause};
use crate::connector::file::totals::add_exactly;
use crate::model::Currency;

pub(super) fn entry(raw: Value, currency: Currency) -> Result<Entry, StatementCause> {
    let missing = |what| StatementCause::field(what, "", "it is missing");
    let (size, of) = money("Ntry/Amt", &raw, &["Amt"])?.ok_or_else(|| missing("Ntry/Amt"))?;
    if of != currency {
        let (found, account) = (of.as_str().to_owned(), currency.as_str().to_owned());
        return Err(StatementCause::Currency { field: "Ntry/Amt", found, account });
    }
    let credit = is_credit(&raw, &["CdtDbtInd"])?.ok_or_else(|| missing("Ntry/CdtDbtInd"))?;
    let reversal = match text(&raw, &["RvslInd"]) {
        None | Some("false" | "0") => false,
        Some("true" | "1") => true,
        Some(other) => return Err(StatementCause::field("Ntry/RvslInd", other, "neither true nor false")),
    };
    let mut entry = Entry {
        status: status(&raw)?,
        booked_on: day(&raw, "BookgDt")?,
        value_on: day(&raw, "ValDt")?,
        amount: signed(size, credit),
        reversal,
        ..Entry::default()
    };
    codes(&raw, &mut entry);
    let charges = charges(&raw, currency)?;
    let parts: Vec<&Value> = items(&raw, "NtryDtls").flat_map(|details| items(details, "TxDtls")).collect();
    batch(&raw, &parts, &mut entry)?;
    sum_of_parts(&parts, currency, credit, size, charges)?;
    let mut details = Vec::with_capacity(parts.len());
    for part in &parts {
        details.push(detail(part, credit, reversal, currency)?);
    }
    if let [Value::Object(only)] = details.as_slice() {
        for name in LIFTED {
            if let Some(Value::String(text)) = only.get(*name) {
                entry.text(name, text);
            }
        }
    } else {
        entry.details = details;
    }
    if let Some(charges) = charges {
        entry.text("charges", &charges.to_string());
    }
    if let Some(more) = text(&raw, &["AddtlNtryInf"]) {
        entry.text("information", more);
        if !entry.texts.iter().any(|(name, _)| *name == "purpose") {
            entry.text("purpose", more);
        }
    }
    entry.raw = Some(raw);
    Ok(entry)
}

/// What the only part of an entry says of it.
const LIFTED: &[&str] = &[
    "end_to_end_reference",
    "instruction_reference",
    "payment_reference",
    "transaction_reference",
    "uetr",
    "mandate",
    "cheque",
    "counterparty",
    "counterparty_account",
    "counterparty_bank",
    "ultimate_counterparty",
    "purpose",
    "creditor_reference",
    "documents",
    "return_code",
    "purpose_code",
    "instructed_amount",
    "instructed_currency",
    "exchange_rate",
];

/// Text until version 7, `Cd` from version 8.
fn status(raw: &Value) -> Result<EntryStatus, StatementCause> {
    match either(raw, &[&["Sts", "Cd"], &["Sts"]]) {
        Some("BOOK") => Ok(EntryStatus::Booked),
        Some("PDNG") => Ok(EntryStatus::Pending),
        Some("INFO") => Ok(EntryStatus::Information),
        other => Err(StatementCause::field("Ntry/Sts", other.unwrap_or_default(), "not BOOK, PDNG or INFO")),
    }
}

fn codes(raw: &Value, entry: &mut Entry) {
    let paths: [(&'static str, &[&str]); 6] = [
        ("bank_reference", &["AcctSvcrRef"]),
        ("entry_reference", &["NtryRef"]),
        ("domain", &["BkTxCd", "Domn", "Cd"]),
        ("family", &["BkTxCd", "Domn", "Fmly", "Cd"]),
        ("sub_family", &["BkTxCd", "Domn", "Fmly", "SubFmlyCd"]),
        ("proprietary_code", &["BkTxCd", "Prtry", "Cd"]),
    ];
    for (name, path) in paths {
        entry.text(name, text(raw, path).unwrap_or_default());
    }
    let parts = ["domain", "family", "sub_family"];
    let code = |name: &str| entry.texts.iter().find(|(found, _)| *found == name).map(|(_, text)| text.clone());
    let codes: Vec<String> = parts.into_iter().filter_map(code).collect();
    let code =
        if codes.is_empty() { text(raw, &["BkTxCd", "Prtry", "Cd"]).map(str::to_owned) } else { Some(codes.join("/")) };
    entry.text("code", &code.unwrap_or_default());
}

/// `Btch`: where it says how many parts there are and they are given, they must be there.
fn batch(raw: &Value, parts: &[&Value], entry: &mut Entry) -> Result<(), StatementCause> {
    let batches: Vec<&Value> = items(raw, "NtryDtls").flat_map(|details| items(details, "Btch")).collect();
    let mut stated = 0_u64;
    for batch in &batches {
        if let Some(number) = text(batch, &["NbOfTxs"]) {
            let bad = |_| StatementCause::field("Btch/NbOfTxs", number, "not a whole number");
            stated = stated.saturating_add(number.parse::<u64>().map_err(bad)?);
        }
    }
    if let Some(first) = batches.first() {
        entry.text("batch_reference", either(first, &[&["PmtInfId"], &["MsgId"]]).unwrap_or_default());
    }
    let found = parts.len() as u64;
    // One part may stand for all of a batch.
    if stated > 0 && found > 1 && stated != found {
        let place = "Btch/NbOfTxs".to_owned();
        return Err(StatementCause::TotalDiffers { place, stated: stated.into(), found: found.into() });
    }
    let count = stated.max(found);
    if count > 1 {
        entry.text("batch_count", &count.to_string());
    }
    Ok(())
}

/// Parts of which each states its amount must make the entry, before or after charges.
fn sum_of_parts(
    parts: &[&Value],
    currency: Currency,
    credit: bool,
    size: Decimal,
    charges: Option<Decimal>,
) -> Result<(), StatementCause> {
    let mut sum = Decimal::ZERO;
    for part in parts {
        let stated = match money("TxDtls/Amt", part, &["Amt"])? {
            Some(stated) => Some(stated),
            None => money("TxAmt/Amt", part, &["AmtDtls", "TxAmt", "Amt"])?,
        };
        let Some((amount, _)) = stated.filter(|(_, of)| *of == currency) else { return Ok(()) };
        let credit = is_credit(part, &["CdtDbtInd"])?.unwrap_or(credit);
        sum = add_exactly(sum, signed(amount, credit)).ok_or(StatementCause::TooManyDigits)?;
    }
    let stated = signed(size, credit);
    let after = charges.and_then(|charges| add_exactly(sum, -charges));
    // A single part may be what was ordered, in another currency or before the bank's charges.
    if parts.len() < 2 || sum == stated || after == Some(stated) {
        return Ok(());
    }
    Err(StatementCause::TotalDiffers { place: "Ntry/Amt".to_owned(), stated, found: sum })
}

/// What the bank kept, positive, in the account's currency: a total from version 4, single charges before.
fn charges(value: &Value, currency: Currency) -> Result<Option<Decimal>, StatementCause> {
    let mut sum = None;
    for charges in items(value, "Chrgs") {
        let records: Vec<&Value> = items(charges, "Rcrd").collect();
        let records = if records.is_empty() { vec![charges] } else { records };
        for record in records {
            let Some((amount, of)) = money("Chrgs/Amt", record, &["Amt"])? else { continue };
            if of == currency {
                // Without a direction it is a charge.
                let kept = signed(amount, !is_credit(record, &["CdtDbtInd"])?.unwrap_or(false));
                sum = Some(add_exactly(sum.unwrap_or_default(), kept).ok_or(StatementCause::TooManyDigits)?);
            }
        }
    }
    Ok(sum)
}

fn detail(part: &Value, credit: bool, reversal: bool, currency: Currency) -> Result<Value, StatementCause> {
    let own = is_credit(part, &["CdtDbtInd"])?.unwrap_or(credit);
    let mut fields = Map::new();
    let mut put = |name: &str, text: Option<&str>| {
        if let Some(text) = text.filter(|text| *text != "NOTPROVIDED") {
            fields.insert(name.to_owned(), text.into());
        }
    };
    // The money of a reversed debit comes from whom it had gone to.
    let (party, account, agent, ultimate) = if own != reversal {
        ("Dbtr", "DbtrAcct", "DbtrAgt", "UltmtDbtr")
    } else {
        ("Cdtr", "CdtrAcct", "CdtrAgt", "UltmtCdtr")
    };
    let parties = at(part, &["RltdPties"]).unwrap_or(&Value::Null);
    let name = |role: &str| either(parties, &[&[role, "Nm"], &[role, "Pty", "Nm"]]);
    put("counterparty", name(party));
    put("ultimate_counterparty", name(ultimate));
    put("counterparty_account", either(parties, &[&[account, "Id", "IBAN"], &[account, "Id", "Othr", "Id"]]));
    let agent: [&[&str]; 2] = [&[agent, "FinInstnId", "BICFI"], &[agent, "FinInstnId", "BIC"]];
    put("counterparty_bank", either(at(part, &["RltdAgts"]).unwrap_or(&Value::Null), &agent));
    let references = [
        ("end_to_end_reference", "EndToEndId"),
        ("instruction_reference", "InstrId"),
        ("payment_reference", "PmtInfId"),
        ("transaction_reference", "TxId"),
        ("bank_reference", "AcctSvcrRef"),
        ("uetr", "UETR"),
        ("mandate", "MndtId"),
        ("cheque", "ChqNb"),
    ];
    for (name, element) in references {
        put(name, text(part, &["Refs", element]));
    }
    put("return_code", text(part, &["RtrInf", "Rsn", "Cd"]));
    put("purpose_code", text(part, &["Purp", "Cd"]));
    put("instructed_amount", text(part, &["AmtDtls", "InstdAmt", "Amt"]));
    put("instructed_currency", text(part, &["AmtDtls", "InstdAmt", "Amt", "@Ccy"]));
    let rates: [&[&str]; 3] = [
        &["AmtDtls", "CntrValAmt", "CcyXchg", "XchgRate"],
        &["AmtDtls", "InstdAmt", "CcyXchg", "XchgRate"],
        &["AmtDtls", "TxAmt", "CcyXchg", "XchgRate"],
    ];
    put("exchange_rate", either(part, &rates));
    remittance(part, &mut fields);
    let amounts: [&[&str]; 2] = [&["Amt"], &["AmtDtls", "TxAmt", "Amt"]];
    if let Some(path) = amounts.into_iter().find(|path| text(part, path).is_some()) {
        let size = amount("TxDtls/Amt", text(part, path).unwrap_or_default())?;
        fields.insert("amount".to_owned(), signed(size, own).to_string().into());
        fields.insert("currency".to_owned(), text(part, &[path, &["@Ccy"]].concat()).into());
    }
    if let Some(charges) = charges(part, currency)? {
        fields.insert("charges".to_owned(), charges.to_string().into());
    }
    Ok(json!(fields))
}

fn remittance(part: &Value, fields: &mut Map<String, Value>) {
    let Some(information) = at(part, &["RmtInf"]) else {
        if let Some(more) = text(part, &["AddtlTxInf"]) {
            fields.insert("purpose".to_owned(), more.into());
        }
        return;
    };
    let mut purpose = String::new();
    let mut full = true;
    for piece in items(information, "Ustrd").filter_map(|piece| text(piece, &[])) {
        // A full piece was cut in mid-word.
        if !full {
            purpose.push(' ');
        }
        full = piece.chars().count() >= 140;
        purpose.push_str(piece);
    }
    let mut documents: Vec<&str> = Vec::new();
    for structured in items(information, "Strd") {
        documents.extend(items(structured, "RfrdDocInf").filter_map(|document| text(document, &["Nb"])));
        if let Some(reference) = text(structured, &["CdtrRefInf", "Ref"]) {
            fields.entry("creditor_reference").or_insert_with(|| reference.into());
        }
    }
    if !documents.is_empty() {
        fields.insert("documents".to_owned(), documents.join(", ").into());
    }
    if !purpose.is_empty() {
        fields.insert("purpose".to_owned(), purpose.into());
    }
}
