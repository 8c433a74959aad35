//! BAI2 text to rows: records and their continuations, file, group and account with their control totals.
//!
//! Not here: where records begin and what is inside them (bai2_record), whether balances tie (statement).

use std::io::Read;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::Value;

use super::bai2_record::{Detail, Record, amount_in, integer, pieces};
use super::collect::Collector;
use super::line::read_line;
use crate::connector::file::error::{FileCause, FileError};
use crate::connector::file::format::{Balances, LineEnd, RecordRole, StatementFormat};
use crate::connector::file::row::Place;
use crate::connector::file::statement::{Balance, Chain, Entry, Page, StatementCause, short_date};
use crate::connector::file::text::TextSource;
use crate::model::Currency;

pub(super) fn read<R: Read>(
    format: &StatementFormat,
    text: &mut TextSource<R>,
    collector: &mut Collector<'_>,
) -> Result<(), FileError> {
    let chain = Chain::new(format, collector.previous_sequence());
    let mut reader = Reader { format, chain, state: State::Start, pending: None, file: Totals::default(), row: 0 };
    let mut line = Vec::new();
    let mut place = Place::default();
    loop {
        place = Place { row: reader.row, line: place.line + 1, byte_offset: text.offset() };
        let found = read_line(text, LineEnd::LfOrCrLf, collector.limits().record_bytes, &mut line);
        if !found.map_err(|cause| collector.error(cause).at(place))? {
            break;
        }
        if let Some(fault) = text.take_fault(text.offset()) {
            return Err(collector.error(fault.cause).at(place).byte(fault.byte_offset));
        }
        let line = std::str::from_utf8(&line).map_err(|_| collector.error(FileCause::CutCharacter).at(place))?;
        for (code, content) in pieces(line) {
            reader.record(code, content, place, collector)?;
        }
    }
    reader.flush(collector)?;
    match reader.state {
        State::End => {}
        State::Start | State::File | State::Group(_) | State::Account(_, _) => {
            let cause = StatementCause::Ends { expected: "99 (the file's trailer)" };
            return Err(collector.error(cause.into()).at(place));
        }
    }
    let sequence = reader.chain.finish().map_err(|cause| collector.error(cause.into()))?;
    collector.numbered(sequence);
    Ok(())
}

/// What a trailer states: the sum of all amounts, the parts of the next lower level, the records.
#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    sum: i128,
    parts: u64,
    records: u64,
}

impl Totals {
    fn add(&mut self, below: Totals) -> Result<(), StatementCause> {
        self.sum = self.sum.checked_add(below.sum).ok_or(StatementCause::TooManyDigits)?;
        self.parts += 1;
        self.records += below.records;
        Ok(())
    }
}

#[derive(Debug, Clone)]
struct Group {
    currency: String,
    day: Date,
    day_text: String,
    totals: Totals,
}

#[derive(Debug)]
struct Account {
    page: Page,
    summary: Value,
    totals: Totals,
    /// Stated totals of credits (100) and debits (400): amount and, if given, count.
    credits: Option<(Decimal, Option<u64>)>,
    debits: Option<(Decimal, Option<u64>)>,
}

#[derive(Debug)]
enum State {
    Start,
    File,
    Group(Group),
    Account(Group, Box<Account>),
    End,
}

impl State {
    const fn due(&self) -> &'static str {
        match self {
            Self::Start => "01 (the file's header)",
            Self::File => "02 (a group's header) or 99 (the file's trailer)",
            Self::Group(_) => "03 (an account) or 98 (the group's trailer)",
            Self::Account(_, _) => "16 (an entry) or 49 (the account's trailer)",
            Self::End => "the end of the file",
        }
    }
}

struct Reader<'f> {
    format: &'f StatementFormat,
    chain: Chain,
    state: State,
    pending: Option<Record>,
    file: Totals,
    row: u64,
}

impl Reader<'_> {
    fn record(
        &mut self,
        code: &str,
        content: &str,
        place: Place,
        collector: &mut Collector<'_>,
    ) -> Result<(), FileError> {
        if code != "88" {
            self.flush(collector)?;
            self.pending = Some(Record::new(code, content, place));
            return Ok(());
        }
        let limit = collector.limits().record_bytes;
        let cause = match &mut self.pending {
            Some(record) if record.length() + content.len() > limit => FileCause::RecordTooLong { limit },
            Some(record) => {
                record.go_on(content);
                return Ok(());
            }
            None => StatementCause::Order { found: "88".to_owned(), expected: self.state.due() }.into(),
        };
        Err(collector.error(cause).at(place))
    }

    /// The record that is complete now that another begins.
    fn flush(&mut self, collector: &mut Collector<'_>) -> Result<(), FileError> {
        let Some(record) = self.pending.take() else { return Ok(()) };
        let place = Place { row: self.row + 1, ..record.place };
        let entry = self.take(&record).map_err(|cause| collector.error(cause).at(place).column(record.code.clone()))?;
        let (Some(entry), State::Account(_, account)) = (entry, &mut self.state) else { return Ok(()) };
        self.row += 1;
        let row = account.page.row(entry, &account.summary);
        let row = row.map_err(|cause| collector.error(cause.into()).at(place))?;
        collector.record(RecordRole::Data, None, row, place)
    }

    fn take(&mut self, record: &Record) -> Result<Option<Entry>, FileCause> {
        let state = std::mem::replace(&mut self.state, State::End);
        let order = |state: &State| StatementCause::Order { found: record.code.clone(), expected: state.due() };
        let records = record.records();
        let mut elements = record.elements();
        self.state = match (record.code.as_str(), state) {
            ("01", State::Start) => {
                self.file.records = records;
                State::File
            }
            ("02", State::File) => State::Group(group(record)?),
            ("03", State::Group(group)) => {
                let account = account(record, &group)?;
                State::Account(group, Box::new(account))
            }
            ("16", State::Account(group, mut account)) => {
                let detail = Detail::read(record, account.page.currency)?;
                let totals = &mut account.totals;
                totals.sum = totals.sum.checked_add(detail.stated).ok_or(StatementCause::TooManyDigits)?;
                totals.records += records;
                let entry = detail.entry(group.day)?;
                self.state = State::Account(group, account);
                return Ok(entry);
            }
            ("49", State::Account(mut group, mut account)) => {
                account.totals.records += records;
                trailer("49 (account)", [elements.next(), None, elements.next()], account.totals)?;
                self.close(&account)?;
                group.totals.add(account.totals)?;
                State::Group(group)
            }
            ("98", State::Group(mut group)) => {
                group.totals.records += records;
                trailer("98 (group)", [elements.next(), elements.next(), elements.next()], group.totals)?;
                self.file.add(group.totals)?;
                State::File
            }
            ("99", State::File) => {
                self.file.records += records;
                trailer("99 (file)", [elements.next(), elements.next(), elements.next()], self.file)?;
                State::End
            }
            (_, state) => return Err(order(&state).into()),
        };
        Ok(None)
    }

    fn close(&mut self, account: &Account) -> Result<(), FileCause> {
        let page = &account.page;
        let found = page.booked;
        let checks = [
            ("100 (total credits)", account.credits, found.credit_sum, found.credits),
            ("400 (total debits)", account.debits, found.debit_sum, found.debits),
        ];
        for (name, stated, sum, count) in checks {
            let Some((stated, stated_count)) = stated.filter(|_| self.format.balances == Balances::Required) else {
                continue;
            };
            if stated != sum {
                return Err(StatementCause::TotalDiffers { place: name.to_owned(), stated, found: sum }.into());
            }
            if let Some(stated) = stated_count.filter(|stated| *stated != count) {
                let place = format!("the item count of {name}");
                return Err(StatementCause::TotalDiffers { place, stated: stated.into(), found: count.into() }.into());
            }
        }
        self.chain.add(page, true)
    }
}

/// `[control total, number of parts, number of records]`; an account's trailer has no parts.
fn trailer(place: &str, stated: [Option<&str>; 3], found: Totals) -> Result<(), StatementCause> {
    let names = ["control total", "number of parts", "record count"];
    let figures = [found.sum, found.parts.into(), found.records.into()];
    for (index, (name, found)) in names.into_iter().zip(figures).enumerate() {
        if index == 1 && stated[1].is_none() && place.starts_with("49") {
            continue;
        }
        let text = stated[index].unwrap_or_default();
        let stated =
            integer(text).ok_or_else(|| StatementCause::field("a control figure", text, "not a whole number"))?;
        if stated != found {
            let decimal =
                |value| Decimal::try_from_i128_with_scale(value, 0).map_err(|_| StatementCause::TooManyDigits);
            let place = format!("the {name} of {place}");
            return Err(StatementCause::TotalDiffers { place, stated: decimal(stated)?, found: decimal(found)? });
        }
    }
    Ok(())
}

fn group(record: &Record) -> Result<Group, StatementCause> {
    let elements: Vec<&str> = record.elements().map(str::trim).collect();
    let element = |index: usize| elements.get(index).copied().unwrap_or_default();
    match element(2) {
        "1" => {}
        other => {
            let what = format!("group status {other:?} (only 1, update, is applied)");
            return Err(StatementCause::Unsupported { what });
        }
    }
    match element(6) {
        "" | "2" | "4" => {}
        other => {
            let what = format!("as-of modifier {other:?} (only final reports, 2 and 4, are applied)");
            return Err(StatementCause::Unsupported { what });
        }
    }
    let day = short_date("the as-of date of 02", element(3))?;
    let currency = element(5).to_owned();
    let totals = Totals { records: record.records(), ..Totals::default() };
    Ok(Group { currency, day, day_text: day.to_string(), totals })
}

fn account(record: &Record, group: &Group) -> Result<Account, StatementCause> {
    let mut elements = record.elements().map(str::trim);
    let number = elements.next().unwrap_or_default().to_owned();
    if number.is_empty() || number.len() > 70 {
        return Err(StatementCause::field("the account of 03", &number, "not an account"));
    }
    let own = elements.next().unwrap_or_default();
    // The specification's default is the group's currency, and then the dollar.
    let code = [own, &group.currency, "USD"].into_iter().find(|code| !code.is_empty()).unwrap_or_default();
    let currency = Currency::parse(code).map_err(|_| StatementCause::field("the currency of 03", code, "unknown"))?;
    let page = Page::new(number, currency, group.day_text.clone());
    let totals = Totals { records: record.records(), ..Totals::default() };
    let mut account = Account { page, summary: Value::Null, totals, credits: None, debits: None };
    while let Some(kind) = elements.next() {
        // A comma too many at the end of a record.
        if kind.is_empty() {
            continue;
        }
        let amount = elements.next().unwrap_or_default();
        let count = elements.next().unwrap_or_default();
        super::bai2_record::skip_funds(&mut elements)?;
        if amount.is_empty() {
            continue;
        }
        let bad = |reason| StatementCause::field("an amount of 03", amount, reason);
        let stated = integer(amount).ok_or_else(|| bad("not a whole number"))?;
        account.totals.sum = account.totals.sum.checked_add(stated).ok_or(StatementCause::TooManyDigits)?;
        let amount = amount_in(stated, currency).ok_or_else(|| bad("too many digits"))?;
        let count = if count.is_empty() {
            None
        } else {
            Some(count.parse().map_err(|_| StatementCause::field("an item count of 03", count, "not a whole number"))?)
        };
        let balance = Balance { kind: kind.to_owned(), whole: true, amount, date: Some(group.day) };
        match kind {
            "010" => account.page.opening = Some(balance),
            "015" => account.page.closing = Some(balance),
            "040" => account.page.texts.push(("opening_available", amount.to_string())),
            "045" => account.page.texts.push(("closing_available", amount.to_string())),
            "100" => account.credits = Some((amount, count)),
            "400" => account.debits = Some((amount, count)),
            _ if kind.len() == 3 && kind.bytes().all(|byte| byte.is_ascii_digit()) => {}
            _ => return Err(StatementCause::field("a type code of 03", kind, "not three digits")),
        }
    }
    account.summary = account.page.summary();
    Ok(account)
}
