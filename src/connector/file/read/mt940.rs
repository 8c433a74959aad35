//! MT940 text to rows: blocks, fields, pages.
//!
//! Not here: what is inside an entry's line (mt940_line) and its information (mt940_info), whether balances tie (statement).

use std::io::Read;

use rust_decimal::Decimal;

use super::collect::Collector;
use super::line::read_line;
use super::mt940_info::information;
use super::mt940_line::{amount, entry_line};
use crate::connector::file::error::{FileCause, FileError};
use crate::connector::file::format::{LineEnd, Numbering, RecordRole, StatementFormat};
use crate::connector::file::row::Place;
use crate::connector::file::statement::{Balance, Chain, Entry, Page, StatementCause, short_date};
use crate::connector::file::text::TextSource;
use crate::model::Currency;

/// Entries of one page, which are held until its closing balance is known.
const MOST_ENTRIES: usize = 100_000;
/// Lines that a bank may put before a statement.
const MOST_PREAMBLE: usize = 5;
/// Lines that one field may have.
const MOST_LINES: usize = 200;

pub(super) fn read<R: Read>(
    format: &StatementFormat,
    terminated: bool,
    text: &mut TextSource<R>,
    collector: &mut Collector<'_>,
) -> Result<(), FileError> {
    let chain = Chain::new(format, collector.previous_sequence());
    let mut reader = Reader { format, chain, part: Part::Outside, field: None, draft: None, preamble: 0, row: 0 };
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
        reader.line(line.trim_end(), place, collector)?;
    }
    reader.end(terminated, place, collector)
}

/// How far the current statement has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Outside,
    Reference,
    Account,
    Number,
    Entries,
    Closed,
}

impl Part {
    const fn due(self) -> &'static str {
        match self {
            Self::Outside => ":20: (a statement's reference)",
            Self::Reference => ":25: (the account)",
            Self::Account => ":28C: (the statement's number)",
            Self::Number => ":60F: or :60M: (the opening balance)",
            Self::Entries => ":61: (an entry) or :62F: (the closing balance)",
            Self::Closed => "`-` (the statement's end)",
        }
    }
}

/// A field that may go on in the next line.
struct Field {
    tag: String,
    lines: Vec<String>,
    place: Place,
}

/// A page as far as it is known.
#[derive(Default)]
struct Draft {
    reference: String,
    account: String,
    number: Option<u64>,
    page: u64,
    opening: Option<(Balance, Currency)>,
    /// `:60F:`, not `:60M:`.
    starts: bool,
    entries: Vec<(Entry, Place)>,
    /// The last entry has its `:86:`.
    informed: bool,
}

struct Reader<'f> {
    format: &'f StatementFormat,
    chain: Chain,
    part: Part,
    field: Option<Field>,
    draft: Option<Draft>,
    preamble: usize,
    row: u64,
}

type Step = Result<(), FileCause>;

impl Reader<'_> {
    fn line(&mut self, line: &str, place: Place, collector: &mut Collector<'_>) -> Result<(), FileError> {
        if let Some((tag, rest)) = tag(line) {
            self.flush(collector)?;
            self.field = Some(Field { tag: tag.to_owned(), lines: vec![rest.to_owned()], place });
            return Ok(());
        }
        if line == "-" || line.starts_with("-}") {
            self.flush(collector)?;
            return self.terminator(line).map_err(|cause| collector.error(cause).at(place));
        }
        let kept = match &mut self.field {
            Some(field) if field.lines.len() == MOST_LINES => {
                Err(StatementCause::TooMany { what: "lines in one field", limit: MOST_LINES })
            }
            Some(field) => {
                field.lines.push(line.to_owned());
                Ok(())
            }
            None => self.before(line),
        };
        kept.map_err(|cause| collector.error(cause.into()).at(place))
    }

    /// Lines around statements: SWIFT's blocks, or what a bank's own program puts there.
    fn before(&mut self, line: &str) -> Result<(), StatementCause> {
        if line.is_empty() {
            return Ok(());
        }
        self.preamble += 1;
        if self.preamble > MOST_PREAMBLE || line.len() > 400 || line.starts_with(':') {
            let found = line.chars().take(40).collect();
            return Err(StatementCause::Order { found, expected: self.part.due() });
        }
        Ok(())
    }

    fn terminator(&mut self, line: &str) -> Step {
        let rest = line.trim_start_matches(['-', '}']);
        if self.part != Part::Closed || !(rest.is_empty() || rest.starts_with('{')) {
            return Err(StatementCause::Order { found: line.to_owned(), expected: self.part.due() }.into());
        }
        self.part = Part::Outside;
        self.preamble = 0;
        Ok(())
    }

    /// The field that is complete now that another begins.
    fn flush(&mut self, collector: &mut Collector<'_>) -> Result<(), FileError> {
        let Some(field) = self.field.take() else { return Ok(()) };
        let place = Place { row: self.row, ..field.place };
        match self.take(&field) {
            Ok(None) => Ok(()),
            Ok(Some(page)) => self.emit(*page, place, collector),
            Err(cause) => Err(collector.error(cause).at(place).column(format!(":{}:", field.tag))),
        }
    }

    fn take(&mut self, field: &Field) -> Result<Option<Box<(Page, Draft)>>, FileCause> {
        let first = field.lines.first().map(String::as_str).unwrap_or_default();
        let order = |expected| StatementCause::Order { found: format!(":{}:", field.tag), expected };
        match (field.tag.as_str(), self.part) {
            ("20", Part::Outside | Part::Closed) => {
                self.draft = Some(Draft { reference: first.trim().to_owned(), ..Draft::default() });
                (self.part, self.preamble) = (Part::Reference, 0);
            }
            ("21" | "NS", Part::Reference) | ("NS" | "64" | "65" | "86", Part::Closed) => {}
            ("25" | "25P", Part::Reference) => {
                let account = first.trim();
                if account.is_empty() || account.len() > 70 {
                    return Err(StatementCause::field(":25:", account, "not an account").into());
                }
                self.draft().account = account.to_owned();
                self.part = Part::Account;
            }
            ("28C" | "28", Part::Account) => {
                (self.draft().number, self.draft().page) = number(first)?;
                self.part = Part::Number;
            }
            ("60F" | "60M", Part::Number) => {
                let opening = balance(&field.tag, first)?;
                let draft = self.draft();
                (draft.opening, draft.starts) = (Some(opening), field.tag == "60F");
                self.part = Part::Entries;
            }
            ("61", Part::Entries) => self.entry(field)?,
            ("86", Part::Entries) => self.information(field)?,
            ("NS", Part::Entries) => {}
            ("62F" | "62M", Part::Entries) => return self.close(&field.tag, first).map(Some),
            ("13D" | "34F" | "90D" | "90C", _) => {
                let what = format!(":{}: of an interim report (MT942)", field.tag);
                return Err(StatementCause::Unsupported { what }.into());
            }
            (_, part) => return Err(order(part.due()).into()),
        }
        Ok(None)
    }

    fn draft(&mut self) -> &mut Draft {
        self.draft.get_or_insert_default()
    }

    fn entry(&mut self, field: &Field) -> Step {
        let currency = self.draft().opening.as_ref().map(|(_, currency)| *currency);
        let entry = entry_line(&field.lines, currency)?;
        let draft = self.draft();
        if draft.entries.len() == MOST_ENTRIES {
            return Err(StatementCause::TooMany { what: "entries in one statement", limit: MOST_ENTRIES }.into());
        }
        draft.entries.push((entry, field.place));
        draft.informed = false;
        Ok(())
    }

    /// Belongs to the entry before it; before the first entry, to the statement, which has no use for it.
    fn information(&mut self, field: &Field) -> Step {
        let draft = self.draft();
        let Some((entry, _)) = draft.entries.last_mut() else { return Ok(()) };
        if draft.informed {
            return Err(
                StatementCause::Order { found: "a second :86:".to_owned(), expected: Part::Entries.due() }.into()
            );
        }
        draft.informed = true;
        information(&field.lines, entry);
        Ok(())
    }

    fn close(&mut self, tag: &str, text: &str) -> Result<Box<(Page, Draft)>, FileCause> {
        let (closing, currency) = balance(tag, text)?;
        let mut draft = std::mem::take(self.draft());
        let Some((opening, of_account)) = draft.opening.take() else {
            return Err(StatementCause::Order { found: format!(":{tag}:"), expected: Part::Number.due() }.into());
        };
        if currency != of_account {
            let (found, account) = (currency.as_str().to_owned(), of_account.as_str().to_owned());
            return Err(StatementCause::Currency { field: "the closing balance", found, account }.into());
        }
        let number = draft.number.filter(|number| *number > 0 && self.format.numbering != Numbering::None);
        let id = match (number, closing.date) {
            (Some(number), Some(day)) => format!("{:04}-{number}", day.year()),
            (_, day) => day.map(|day| day.to_string()).unwrap_or_default(),
        };
        let mut page = Page::new(account_of(&draft.account, currency), currency, id);
        (page.number, page.page, page.last) = (number, draft.page, closing.whole);
        page.texts.push(("reference", draft.reference.clone()));
        (page.opening, page.closing) = (Some(opening), Some(closing));
        self.part = Part::Closed;
        Ok(Box::new((page, draft)))
    }

    fn emit(&mut self, page: (Page, Draft), place: Place, collector: &mut Collector<'_>) -> Result<(), FileError> {
        let (mut page, draft) = page;
        let summary = page.summary();
        for (entry, place) in draft.entries {
            self.row += 1;
            let place = Place { row: self.row, ..place };
            let row = page.row(entry, &summary).map_err(|cause| collector.error(cause.into()).at(place))?;
            collector.record(RecordRole::Data, None, row, place)?;
        }
        self.chain.add(&page, draft.starts).map_err(|cause| collector.error(cause).at(place))
    }

    fn end(mut self, terminated: bool, place: Place, collector: &mut Collector<'_>) -> Result<(), FileError> {
        self.flush(collector)?;
        let cut = match self.part {
            Part::Closed => terminated,
            Part::Outside => self.preamble > 0,
            Part::Reference | Part::Account | Part::Number | Part::Entries => true,
        };
        if cut {
            let cause = StatementCause::Ends { expected: self.part.due() };
            return Err(collector.error(cause.into()).at(Place { row: self.row, ..place }));
        }
        let sequence = self.chain.finish().map_err(|cause| collector.error(cause.into()))?;
        collector.numbered(sequence);
        Ok(())
    }
}

/// `:61:` and what follows; two digits and perhaps a letter, or `NS`.
fn tag(line: &str) -> Option<(&str, &str)> {
    let (tag, rest) = line.strip_prefix(':')?.split_once(':')?;
    let is_tag = match tag.as_bytes() {
        [first, second] => first.is_ascii_digit() && second.is_ascii_digit() || tag == "NS",
        [first, second, letter] => first.is_ascii_digit() && second.is_ascii_digit() && letter.is_ascii_uppercase(),
        _ => false,
    };
    is_tag.then_some((tag, rest))
}

/// `00223/001`; the page may be left out, and is then the first.
fn number(text: &str) -> Result<(Option<u64>, u64), StatementCause> {
    let bad = || StatementCause::field(":28C:", text, "not number/page");
    let digits = |part: &str| {
        let fits = (1..=9).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        if fits { part.parse::<u64>().ok() } else { None }
    };
    let (number, page) = match text.trim().split_once('/') {
        Some((number, page)) => (number, digits(page).ok_or_else(bad)?),
        None => (text.trim(), 1),
    };
    Ok((Some(digits(number).ok_or_else(bad)?), page.max(1)))
}

/// `C261119EUR1000,00`.
fn balance(tag: &str, text: &str) -> Result<(Balance, Currency), StatementCause> {
    let bad = |reason| StatementCause::field("a balance", text, reason);
    let text = text.trim();
    let negative = match text.as_bytes().first() {
        Some(b'C') => false,
        Some(b'D') => true,
        _ => return Err(bad("does not begin with C or D")),
    };
    let (Some(day), Some(code), Some(rest)) = (text.get(1..7), text.get(7..10), text.get(10..)) else {
        return Err(bad("too short"));
    };
    let currency = Currency::parse(code).map_err(|_| bad("no known currency"))?;
    let amount = amount("a balance", rest, Some(currency))?;
    let amount = if negative { -amount } else { amount };
    // A negated zero would still be told apart from zero where it is written.
    let amount = if amount.is_zero() { Decimal::ZERO } else { amount };
    let date = Some(short_date("a balance's day", day)?);
    Ok((Balance { kind: tag.to_owned(), whole: tag.ends_with('F'), amount, date }, currency))
}

/// Some banks write the currency behind the IBAN.
fn account_of(account: &str, currency: Currency) -> String {
    let short = account.strip_suffix(currency.as_str()).filter(|short| is_iban(short));
    short.unwrap_or(account).to_owned()
}

/// ISO 13616: moved behind, with letters as 10 to 35, it leaves 1 when divided by 97.
fn is_iban(text: &str) -> bool {
    let is_form = (15..=34).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let rest = text.chars().skip(4).chain(text.chars().take(4)).try_fold(0_u32, |rest, character| {
        let digit = character.to_digit(36)?;
        Some(if digit < 10 { rest * 10 + digit } else { rest * 100 + digit } % 97)
    });
    is_form && rest == Some(1)
}
