//! camt.053 to rows: statements with their accounts, balances, pages and summaries, in versions 001.02 to 001.08 and later.
//!
//! Elements are found by name, whatever the namespace's version says. Not here: entries (camt_entry), XML itself (xml).

use std::io::Read;

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::camt_entry::entry;
use super::camt_tree::{amount, at, day, either, is_credit, money, signed, text};
use super::collect::Collector;
use super::xml::{Records, read_records};
use crate::connector::file::error::{FileCause, FileError};
use crate::connector::file::format::{RecordRole, Repeats, StatementFormat, XmlFormat};
use crate::connector::file::row::Place;
use crate::connector::file::statement::{Balance, Chain, Page, StatementCause, Sums};
use crate::connector::file::text::TextSource;
use crate::model::Currency;

const STATEMENT: [&str; 3] = ["Document", "BkToCstmrStmt", "Stmt"];

pub(super) fn read<R: Read>(
    format: &StatementFormat,
    source: &mut TextSource<R>,
    collector: &mut Collector<'_>,
) -> Result<(), FileError> {
    let xml = XmlFormat {
        record: STATEMENT.join("/"),
        lists: ["NtryDtls", "TxDtls", "Ustrd", "Strd"].map(str::to_owned).to_vec(),
        repeats: Repeats::Array,
        attributes: true,
    };
    let chain = Chain::new(format, collector.previous_sequence());
    let mut camt = Camt { chain, message: (1, true), draft: Draft::default(), open: None, statements: 0, row: 0 };
    read_records(&xml, &mut camt, source, collector)?;
    if camt.statements == 0 {
        return Err(collector.error(FileCause::RecordPathNotFound(STATEMENT.join("/"))));
    }
    let sequence = camt.chain.finish().map_err(|cause| collector.error(cause.into()))?;
    collector.numbered(sequence);
    Ok(())
}

/// What precedes a statement's entries.
#[derive(Default)]
struct Draft {
    id: String,
    number: Option<u64>,
    created: String,
    copy: String,
    page: Option<(u64, bool)>,
    account: String,
    currency: Option<Currency>,
    balances: Vec<(Balance, Currency)>,
    summary: Option<Value>,
}

/// A statement whose entries come.
struct Open {
    page: Page,
    summary: Value,
    stated: Option<Value>,
    starts: bool,
}

struct Camt {
    chain: Chain,
    /// The message's own page, and whether it is the last.
    message: (u64, bool),
    draft: Draft,
    open: Option<Open>,
    statements: u64,
    row: u64,
}

impl Records for Camt {
    fn is_record(&self, open: &[String]) -> bool {
        match open {
            [document, message, header] => document == STATEMENT[0] && message == STATEMENT[1] && header == "GrpHdr",
            [document, message, statement, _] => [document.as_str(), message, statement] == STATEMENT,
            _ => false,
        }
    }

    fn allows_root(&self, root: &str) -> bool {
        root == STATEMENT[0]
    }

    fn path(&self) -> String {
        STATEMENT.join("/")
    }

    fn record(
        &mut self,
        open: &[String],
        fields: Map<String, Value>,
        place: Place,
        collector: &mut Collector<'_>,
    ) -> Result<(), FileError> {
        let name = open.last().map(String::as_str).unwrap_or_default();
        let value = Value::Object(fields);
        if name != "Ntry" {
            return self.take(name, value).map_err(|cause| collector.error(cause.into()).at(place).column(name));
        }
        self.row += 1;
        let place = Place { row: self.row, ..place };
        let row = self.entry(value).map_err(|cause| collector.error(cause.into()).at(place).column(name))?;
        collector.record(RecordRole::Data, None, row, place)
    }

    fn closed(&mut self, open: &[String], place: Place, collector: &mut Collector<'_>) -> Result<(), FileError> {
        if open != STATEMENT {
            return Ok(());
        }
        self.statements += 1;
        self.close().map_err(|cause| collector.error(cause).at(Place { row: self.row, ..place }).column("Stmt"))
    }
}

impl Camt {
    fn take(&mut self, name: &str, value: Value) -> Result<(), StatementCause> {
        if self.open.is_some() && matches!(name, "Bal" | "TxsSummry" | "Acct" | "Id" | "StmtPgntn" | "ElctrncSeqNb") {
            return Err(StatementCause::Order { found: name.to_owned(), expected: "Ntry (an entry)" });
        }
        let own = || text(&value, &[]).unwrap_or_default();
        let draft = &mut self.draft;
        match name {
            "GrpHdr" => {
                if let Some(page) = pagination(at(&value, &["MsgPgntn"]))? {
                    self.message = page;
                }
            }
            "Id" => draft.id = own().to_owned(),
            "ElctrncSeqNb" => draft.number = Some(number(own())?),
            "LglSeqNb" => draft.number = Some(draft.number.map_or_else(|| number(own()), Ok)?),
            "CreDtTm" => draft.created = own().to_owned(),
            "CpyDplctInd" => draft.copy = own().to_owned(),
            "StmtPgntn" => draft.page = pagination(Some(&value))?,
            "Acct" => {
                let id = either(&value, &[&["Id", "IBAN"], &["Id", "Othr", "Id"]]).unwrap_or_default();
                draft.account = id.to_owned();
                if let Some(code) = text(&value, &["Ccy"]) {
                    let bad = |_| StatementCause::field("Acct/Ccy", code, "no known currency");
                    draft.currency = Some(Currency::parse(code).map_err(bad)?);
                }
            }
            "Bal" => draft.balances.push(balance(&value)?),
            "TxsSummry" => draft.summary = Some(value),
            // Periods, interest, owners and whatever a later version adds: nothing that money depends on.
            _ => {}
        }
        Ok(())
    }

    fn entry(&mut self, value: Value) -> Result<Map<String, Value>, StatementCause> {
        let open = match self.open.take() {
            Some(open) => open,
            None => self.begin()?,
        };
        let open = self.open.insert(open);
        open.page.row(entry(value, open.page.currency)?, &open.summary)
    }

    fn begin(&mut self) -> Result<Open, StatementCause> {
        let draft = std::mem::take(&mut self.draft);
        let missing =
            |what| StatementCause::Missing { what, account: draft.account.clone(), statement: draft.id.clone() };
        if draft.account.is_empty() {
            return Err(missing("the account"));
        }
        if draft.id.is_empty() {
            return Err(missing("Id"));
        }
        let currency = draft.currency.or(draft.balances.first().map(|(_, currency)| *currency));
        let currency = currency.ok_or_else(|| missing("the currency"))?;
        let mut page = Page::new(draft.account.clone(), currency, draft.id.clone());
        page.number = draft.number;
        page.alone = draft.page.is_none() && self.message != (1, true);
        (page.page, page.last) = draft.page.unwrap_or(self.message);
        for (name, text) in [("created_at", &draft.created), ("copy", &draft.copy)] {
            if !text.is_empty() {
                page.texts.push((name, text.clone()));
            }
        }
        let of = |kind: &str| draft.balances.iter().find(|(balance, _)| balance.kind == kind);
        let interim = || draft.balances.iter().filter(|(balance, _)| balance.kind == "ITBD");
        let opening = of("OPBD").or_else(|| of("PRCD")).or_else(|| interim().next());
        let closing = of("CLBD").or_else(|| interim().next_back());
        // One interim balance cannot be both.
        let both = opening.is_some_and(|(opening, _)| opening.kind == "ITBD")
            && closing.is_some_and(|(closing, _)| closing.kind == "ITBD")
            && interim().count() == 1;
        for (balance, found) in [opening, closing].into_iter().flatten() {
            if *found != currency {
                let (found, account) = (found.as_str().to_owned(), currency.as_str().to_owned());
                let field = if balance.kind == "CLBD" { "the closing balance" } else { "the opening balance" };
                return Err(StatementCause::Currency { field, found, account });
            }
        }
        let starts = opening.is_none_or(|(opening, _)| opening.kind != "ITBD") && page.page == 1;
        page.opening = opening.map(|(balance, _)| balance.clone());
        page.closing = closing.filter(|_| !both).map(|(balance, _)| balance.clone());
        let summary = page.summary();
        Ok(Open { page, summary, stated: draft.summary, starts: starts || draft.page.is_none() })
    }

    fn close(&mut self) -> Result<(), FileCause> {
        let open = match self.open.take() {
            Some(open) => open,
            None => self.begin()?,
        };
        if let Some(stated) = &open.stated {
            totals(stated, &open.page.all)?;
        }
        self.chain.add(&open.page, open.starts)
    }
}

fn number(text: &str) -> Result<u64, StatementCause> {
    let bad = || StatementCause::field("a statement number", text, "not a whole number");
    let is_number = (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().map_err(|_| bad()) } else { Err(bad()) }
}

fn pagination(value: Option<&Value>) -> Result<Option<(u64, bool)>, StatementCause> {
    let Some(value) = value else { return Ok(None) };
    let page = number(text(value, &["PgNb"]).unwrap_or_default())?;
    let last = match text(value, &["LastPgInd"]) {
        Some("true" | "1") => true,
        Some("false" | "0") => false,
        other => {
            let text = other.unwrap_or_default();
            return Err(StatementCause::field("LastPgInd", text, "neither true nor false"));
        }
    };
    Ok(Some((page, last)))
}

fn balance(value: &Value) -> Result<(Balance, Currency), StatementCause> {
    let kind = either(value, &[&["Tp", "CdOrPrtry", "Cd"], &["Tp", "CdOrPrtry", "Prtry"]]).unwrap_or_default();
    let missing = |what| StatementCause::field(what, "", "it is missing");
    let (size, currency) = money("Bal/Amt", value, &["Amt"])?.ok_or_else(|| missing("Bal/Amt"))?;
    let credit = is_credit(value, &["CdtDbtInd"])?.ok_or_else(|| missing("Bal/CdtDbtInd"))?;
    let whole = kind != "ITBD";
    let date = day(value, "Dt")?;
    Ok((Balance { kind: kind.to_owned(), whole, amount: signed(size, credit), date }, currency))
}

/// `TxsSummry` states counts and sums over all entries of the page.
fn totals(stated: &Value, found: &Sums) -> Result<(), StatementCause> {
    let both = found.credit_sum.checked_add(found.debit_sum).ok_or(StatementCause::TooManyDigits)?;
    let levels = [
        ("TtlNtries", found.credits + found.debits, both),
        ("TtlCdtNtries", found.credits, found.credit_sum),
        ("TtlDbtNtries", found.debits, found.debit_sum),
    ];
    for (name, count, sum) in levels {
        let differ = |part: &str, stated: Decimal, found: Decimal| {
            let place = format!("TxsSummry/{name}/{part}");
            if stated == found { Ok(()) } else { Err(StatementCause::TotalDiffers { place, stated, found }) }
        };
        if let Some(text) = text(stated, &[name, "NbOfNtries"]) {
            differ("NbOfNtries", number(text)?.into(), count.into())?;
        }
        if let Some(text) = text(stated, &[name, "Sum"]) {
            differ("Sum", amount("TxsSummry/Sum", text)?, sum)?;
        }
    }
    // An element of its own from version 3, before it with its direction beside it.
    let net: [(&[&str], &[&str]); 2] = [
        (&["TtlNtries", "TtlNetNtry", "Amt"], &["TtlNtries", "TtlNetNtry", "CdtDbtInd"]),
        (&["TtlNtries", "TtlNetNtryAmt"], &["TtlNtries", "CdtDbtInd"]),
    ];
    for (path, direction) in net {
        let (Some(digits), Some(credit)) = (text(stated, path), is_credit(stated, direction)?) else { continue };
        let (stated, found) = (signed(amount("TxsSummry/TtlNtries", digits)?, credit), found.net()?);
        if stated != found {
            return Err(StatementCause::TotalDiffers { place: "TxsSummry/TtlNtries".to_owned(), stated, found });
        }
    }
    Ok(())
}
