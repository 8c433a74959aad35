//! An entry's line of MT940, `:61:`, with all its subfields.
//!
//! Not here: its information, `:86:` (mt940_info).

use rust_decimal::Decimal;

use crate::connector::file::decimal::DecimalForm;
use crate::connector::file::statement::{Entry, EntryStatus, StatementCause, near, short_date};
use crate::model::Currency;

/// `YYMMDD[MMDD](C|D|RC|RD|EC|ED)[letter]amount,(N|F|S)type reference[//bank reference]`, then perhaps a second line.
pub(super) fn entry_line(lines: &[String], currency: Option<Currency>) -> Result<Entry, StatementCause> {
    let whole = lines.first().map(String::as_str).unwrap_or_default();
    let bad = |reason| StatementCause::field(":61:", whole, reason);
    let (Some(value), Some(mut rest)) = (whole.get(..6), whole.get(6..)) else { return Err(bad("too short")) };
    let value_on = short_date("the value date of :61:", value)?;
    let mut booked_on = value_on;
    if rest.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        let entry = rest.get(..4).ok_or_else(|| bad("too short"))?;
        booked_on = near("the entry date of :61:", entry, value_on)?;
        rest = rest.get(4..).unwrap_or_default();
    }
    let (mark, rest) = mark(rest).ok_or_else(|| bad("no mark C, D, RC or RD after the dates"))?;
    let (funds, rest) = match rest.as_bytes() {
        [letter, ..] if letter.is_ascii_uppercase() => rest.split_at(1),
        _ => ("", rest),
    };
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == ',')).unwrap_or(rest.len());
    let (digits, rest) = rest.split_at(end);
    let amount = amount("the amount of :61:", digits, currency)?;
    let mut entry = Entry {
        status: if mark.starts_with('E') { EntryStatus::Pending } else { EntryStatus::Booked },
        booked_on: Some(booked_on),
        value_on: Some(value_on),
        amount: if matches!(mark, "D" | "RC" | "ED") && !amount.is_zero() { -amount } else { amount },
        reversal: mark.starts_with('R'),
        ..Entry::default()
    };
    entry.text("mark", mark);
    entry.text("funds_code", funds);
    let kind = rest.get(..4).filter(|kind| is_type(kind)).ok_or_else(|| bad("no transaction type after the amount"))?;
    entry.text("type", kind);
    let references = rest.get(4..).unwrap_or_default();
    let (own, banks) = references.split_once("//").unwrap_or((references, ""));
    if own.len() > 64 || banks.len() > 64 {
        return Err(bad("a reference is too long"));
    }
    entry.text("customer_reference", own);
    entry.text("bank_reference", banks);
    let supplement: Vec<&str> = lines.iter().skip(1).map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
    entry.text("supplement", &supplement.join(" "));
    Ok(entry)
}

/// `CR300,` is a credit in EUR (third letter R): a reversal mark is one only where the line says `RC` or `RD`.
fn mark(text: &str) -> Option<(&str, &str)> {
    let known = ["RC", "RD", "EC", "ED", "C", "D"];
    let found = known.into_iter().find(|mark| text.starts_with(mark))?;
    Some((found, &text[found.len()..]))
}

fn is_type(text: &str) -> bool {
    let bytes = text.as_bytes();
    matches!(bytes.first(), Some(b'N' | b'F' | b'S'))
        && bytes[1..].iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

/// With a comma, before or after which digits may be missing, and no more decimals than the currency has.
pub(super) fn amount(field: &'static str, text: &str, currency: Option<Currency>) -> Result<Decimal, StatementCause> {
    let bad = |reason| StatementCause::field(field, text, reason);
    if text.len() > 24 {
        return Err(bad("too many digits"));
    }
    if !text.contains(',') {
        return Err(bad("no comma"));
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b',') {
        return Err(bad("not only digits and a comma"));
    }
    let amount = DecimalForm::COMMA.parse(text).map_err(bad)?;
    match currency {
        Some(currency) if amount.normalize().scale() > currency.exponent() => {
            Err(bad("more decimals than the currency has"))
        }
        Some(_) | None => Ok(amount),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn eur(text: &str) -> Result<String, StatementCause> {
        amount("amount", text, Some(Currency::parse("EUR").unwrap())).map(|amount| amount.to_string())
    }

    #[test]
    fn amounts_have_a_comma_and_perhaps_nothing_beside_it() {
        assert_eq!(eur("1,"), Ok("1".to_owned()));
        assert_eq!(eur(",50"), Ok("0.50".to_owned()));
        assert_eq!(eur("1234,5"), Ok("1234.5".to_owned()));
        assert_eq!(eur("1,500"), Ok("1.500".to_owned()));
        for bad in [",", "1", "1.5", "1,5,0", "-1,", "", "1,501", "99999999999999999999999999,"] {
            assert!(eur(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn decimals_follow_the_currency() {
        let parse = |text: &str, code: &str| amount("amount", text, Some(Currency::parse(code).unwrap()));
        assert_eq!(parse("500,", "JPY").unwrap().to_string(), "500");
        assert!(parse("500,5", "JPY").is_err());
        assert_eq!(parse("1,234", "KWD").unwrap().to_string(), "1.234");
        assert!(parse("1,2345", "KWD").is_err());
    }

    fn line(text: &str) -> Result<Entry, StatementCause> {
        entry_line(&[text.to_owned()], Currency::parse("EUR").ok())
    }

    #[test]
    fn subfields() {
        let entry = line("2611201121CR300,NTRFTX20134XT//2026112000001").unwrap();
        assert_eq!((entry.amount.to_string().as_str(), entry.reversal), ("300", false));
        assert_eq!(entry.booked_on.unwrap().to_string(), "2026-11-21");
        let text = |entry: &Entry, name: &str| {
            entry.texts.iter().find(|(found, _)| *found == name).map(|(_, text)| text.clone())
        };
        assert_eq!(text(&entry, "funds_code").as_deref(), Some("R"));
        assert_eq!(text(&entry, "bank_reference").as_deref(), Some("2026112000001"));
        let entry = line("261120D25,03NTRFNONREF").unwrap();
        assert_eq!((entry.amount.to_string().as_str(), text(&entry, "customer_reference")), ("-25.03", None));
        for (mark, amount) in [("RC", "-5"), ("RD", "5"), ("RCR", "-5"), ("RDR", "5")] {
            let entry = line(&format!("261120{mark}5,NMSCX")).unwrap();
            assert_eq!((entry.amount.to_string().as_str(), entry.reversal), (amount, true), "{mark}");
        }
        assert_eq!(line("2701020102D1,N192A/B").unwrap().booked_on.unwrap().to_string(), "2027-01-02");
        assert_eq!(line("2701021231D1,N192A/B").unwrap().booked_on.unwrap().to_string(), "2026-12-31");
    }

    #[test]
    fn lines_that_are_none() {
        for bad in
            ["", "261120", "261120X5,NTRF", "261120C5NTRF", "261120C5,XTRF", "261120C5,NT", "2611C5,NTRF", "ä61120C1,"]
        {
            assert!(line(bad).is_err(), "{bad:?}");
        }
    }
}
