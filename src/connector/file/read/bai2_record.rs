//! Records of BAI2: where one begins, its elements over its continuations, an entry with its type and funds.
//!
//! Not here: the order of records and their totals (bai2).

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::connector::file::row::Place;
use crate::connector::file::statement::{Entry, StatementCause, short_date};
use crate::model::Currency;

/// A record with the content of its continuations, each without its `/`.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) code: String,
    segments: Vec<String>,
    pub(super) place: Place,
}

impl Record {
    pub(super) fn new(code: &str, content: &str, place: Place) -> Self {
        Self { code: code.to_owned(), segments: vec![content.to_owned()], place }
    }

    pub(super) fn go_on(&mut self, content: &str) {
        self.segments.push(content.to_owned());
    }

    pub(super) fn length(&self) -> usize {
        self.segments.iter().map(|segment| segment.len() + 24).sum()
    }

    /// Itself and its continuations.
    pub(super) fn records(&self) -> u64 {
        self.segments.len() as u64
    }

    /// A record is continued between elements.
    pub(super) fn elements(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().flat_map(|segment| segment.split(','))
    }
}

/// The records of one line: usually one, but some banks leave the line ends out.
pub(super) fn pieces(line: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut rest = line.trim_end();
    while !rest.is_empty() {
        let code = rest.split_once(',').map_or_else(|| rest.trim_end_matches('/'), |(code, _)| code);
        let content = rest.get(code.len()..).unwrap_or_default();
        let content = content.strip_prefix(',').unwrap_or(content);
        let end = content.match_indices('/').map(|(at, _)| at).find(|at| begins_record(&content[at + 1..]));
        let (own, next) = match end {
            Some(at) => (&content[..at], &content[at + 1..]),
            None => (content, ""),
        };
        found.push((code, own.strip_suffix('/').unwrap_or(own)));
        rest = next.trim_start();
    }
    found
}

/// Strict, because a text may contain `/16,` too; a wrong guess breaks the control totals.
fn begins_record(text: &str) -> bool {
    let text = text.trim_start();
    let Some((code, rest)) = text.split_once(',') else { return false };
    let next = rest.split([',', '/']).next().unwrap_or_default();
    match code {
        "01" | "02" | "03" | "88" => true,
        "16" => next.len() == 3 && next.bytes().all(|byte| byte.is_ascii_digit()),
        "49" | "98" | "99" => integer(next).is_some(),
        _ => false,
    }
}

/// Digits with perhaps a sign; nothing else.
pub(super) fn integer(text: &str) -> Option<i128> {
    let text = text.trim();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number = (1..=28).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

pub(super) fn amount_in(minor: i128, currency: Currency) -> Option<Decimal> {
    Decimal::try_from_i128_with_scale(minor, currency.exponent()).ok()
}

/// Takes the funds type and as many elements as it brings; gives type and value date.
pub(super) fn skip_funds<'e>(
    elements: &mut impl Iterator<Item = &'e str>,
) -> Result<(&'e str, Option<&'e str>), StatementCause> {
    let kind = elements.next().unwrap_or_default().trim();
    let bad = |text: &str, reason| StatementCause::field("a funds type", text, reason);
    let mut value = None;
    let more = match kind {
        "" | "0" | "1" | "2" | "Z" => 0,
        "S" => 3,
        "V" => {
            value = elements.next().map(str::trim);
            1
        }
        "D" => {
            let count = elements.next().unwrap_or_default().trim();
            let pairs: usize = count.parse().map_err(|_| bad(count, "not a number of distributions"))?;
            pairs.checked_mul(2).filter(|more| *more <= 200).ok_or_else(|| bad(count, "too many distributions"))?
        }
        other => return Err(bad(other, "unknown")),
    };
    for _ in 0..more {
        elements.next().ok_or_else(|| bad(kind, "its elements are missing"))?;
    }
    Ok((kind, value))
}

/// An entry as the record states it.
#[derive(Debug)]
pub(super) struct Detail<'r> {
    kind: &'r str,
    /// As the control totals count it: never signed by type.
    pub(super) stated: i128,
    amount: Decimal,
    funds: &'r str,
    value: Option<&'r str>,
    bank_reference: &'r str,
    customer_reference: &'r str,
    text: String,
}

impl<'r> Detail<'r> {
    pub(super) fn read(record: &'r Record, currency: Currency) -> Result<Self, StatementCause> {
        let mut cursor =
            Cursor { segments: &record.segments, index: 0, rest: record.segments.first().map(String::as_str) };
        let kind = cursor.next().unwrap_or_default().trim();
        let amount = cursor.next().unwrap_or_default().trim();
        let stated = match amount {
            "" => 0,
            digits => integer(digits).filter(|stated| *stated >= 0).ok_or_else(|| {
                StatementCause::field("the amount of 16", digits, "not a whole number without a sign")
            })?,
        };
        let (funds, value) = skip_funds(&mut cursor)?;
        let bank_reference = cursor.next().unwrap_or_default();
        let customer_reference = cursor.next().unwrap_or_default();
        let amount = amount_in(stated, currency)
            .ok_or_else(|| StatementCause::field("the amount of 16", amount, "too many digits"))?;
        Ok(Self { kind, stated, amount, funds, value, bank_reference, customer_reference, text: cursor.text() })
    }

    /// Nothing for what moves no money (890).
    pub(super) fn entry(&self, day: Date) -> Result<Option<Entry>, StatementCause> {
        let number: u16 = match self.kind.len() {
            3 => self.kind.parse().unwrap_or_default(),
            _ => 0,
        };
        let credit = match number {
            100..=399 => true,
            400..=699 => false,
            890 if self.stated == 0 => return Ok(None),
            _ => {
                return Err(StatementCause::field(
                    "the type code of 16",
                    self.kind,
                    "neither credit (100-399) nor debit (400-699)",
                ));
            }
        };
        let value_on = match (self.funds, self.value) {
            ("V", Some(value)) if !value.is_empty() => Some(short_date("the value date of 16", value)?),
            ("0", _) => Some(day),
            _ => None,
        };
        let amount = if credit || self.stated == 0 { self.amount } else { -self.amount };
        let mut entry = Entry { booked_on: Some(day), value_on, amount, ..Entry::default() };
        entry.text("type", self.kind);
        entry.text("funds_type", self.funds);
        entry.text("bank_reference", self.bank_reference);
        entry.text("customer_reference", self.customer_reference);
        entry.text("purpose", &self.text);
        Ok(Some(entry))
    }
}

/// Elements one by one, and then the text: all that is left, commas and continuations included.
struct Cursor<'r> {
    segments: &'r [String],
    index: usize,
    rest: Option<&'r str>,
}

impl<'r> Iterator for Cursor<'r> {
    type Item = &'r str;

    fn next(&mut self) -> Option<&'r str> {
        loop {
            match self.rest {
                None => {
                    self.index += 1;
                    self.rest = Some(self.segments.get(self.index)?.as_str());
                }
                Some(rest) => {
                    let (element, left) =
                        rest.split_once(',').map_or((rest, None), |(element, left)| (element, Some(left)));
                    self.rest = left;
                    return Some(element);
                }
            }
        }
    }
}

impl Cursor<'_> {
    fn text(self) -> String {
        let more = self.segments.get(self.index + 1..).unwrap_or_default();
        let parts = self.rest.into_iter().chain(more.iter().map(String::as_str));
        parts.map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn detail(segments: &[&str]) -> Result<Option<Entry>, StatementCause> {
        let mut record = Record::new("16", segments[0], Place::default());
        for segment in &segments[1..] {
            record.go_on(segment);
        }
        Detail::read(&record, Currency::parse("USD").unwrap())?.entry("2026-11-19".parse().unwrap())
    }

    #[track_caller]
    fn check(segments: &[&str], amount: &str, texts: &[(&str, &str)]) {
        let entry = detail(segments).unwrap().unwrap();
        assert_eq!(entry.amount.to_string(), amount);
        for (name, text) in texts {
            let found = entry.texts.iter().find(|(found, _)| found == name).map(|(_, text)| text.as_str());
            assert_eq!(found, Some(*text), "{name}");
        }
    }

    #[test]
    fn entries_with_every_funds_type() {
        check(
            &["142,2020,Z,BR,CR,a, b"],
            "20.20",
            &[("bank_reference", "BR"), ("customer_reference", "CR"), ("purpose", "a, b")],
        );
        check(&["698,1100,,,,FEE", "AND MORE, MUCH"], "-11.00", &[("purpose", "FEE AND MORE, MUCH")]);
        check(&["195,100,S,1,2,97,BR,,t"], "1.00", &[("bank_reference", "BR"), ("purpose", "t")]);
        check(&["195,100,V,261121,1200,BR,,t"], "1.00", &[("bank_reference", "BR")]);
        check(&["195,100,D,2,0,50,1,50,BR,,t"], "1.00", &[("bank_reference", "BR")]);
        check(
            &["195,100,D,2,0,50", "1,50,BR", "CR,t"],
            "1.00",
            &[("bank_reference", "BR"), ("customer_reference", "CR")],
        );
    }

    #[test]
    fn entries_that_are_none() {
        for bad in [
            "701,1,Z",
            "890,1,Z",
            "000,1,Z",
            "14,1,Z",
            "142,-1,Z",
            "142,1,Q",
            "142,1,D,999999,1",
            "142,1,S,1",
            "142,1.5,Z",
        ] {
            assert!(detail(&[bad]).is_err(), "{bad}");
        }
        assert!(detail(&["890,,Z,,,information"]).unwrap().is_none());
    }

    #[test]
    fn several_records_on_one_line() {
        assert_eq!(
            pieces("01,A,B/02,C/03,1,USD/16,142,1,Z,,,5/16 inch, a/b/49,1,2/"),
            [("01", "A,B"), ("02", "C"), ("03", "1,USD"), ("16", "142,1,Z,,,5/16 inch, a/b"), ("49", "1,2")]
        );
        assert_eq!(pieces("16,165,1500000,1,DD1620,,PAYMENTS"), [("16", "165,1500000,1,DD1620,,PAYMENTS")]);
        assert_eq!(pieces(""), []);
        assert_eq!(pieces("99/"), [("99", "")]);
    }
}
