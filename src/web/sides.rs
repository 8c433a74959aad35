//! A break's two sides beside each other, line by line, with what differs marked; pure. Not here: comparing (the engine's findings say
//! what differs).

use super::money::{Money, money};
use super::recon_words as words;
use crate::recon::report::OpenItem;

pub(super) enum Value {
    Money(Money),
    Text(String),
    /// This side has no row.
    None,
}

pub(super) struct SideLine {
    pub name: String,
    pub values: [Value; 2],
    pub differs: bool,
}

/// Amounts first, then states and the fields that findings name, then where the rows stand.
pub(super) fn side_by_side(item: &OpenItem) -> Vec<SideLine> {
    let there = [0, 1].map(|side: usize| !item.rows[side].is_empty());
    let mut lines = Vec::new();
    for sides in &item.amounts {
        let of = |side: usize| {
            let amount = if side == 0 { &sides.a } else { &sides.b };
            if there[side] { Value::Money(money(&amount.decimal, &amount.unit)) } else { Value::None }
        };
        lines.push(SideLine {
            name: "Amount".to_owned(),
            values: [of(0), of(1)],
            differs: sides.variance.amount_minor != "0",
        });
    }
    if item.status.iter().any(Option::is_some) {
        let of = |side: usize| {
            let told = || Value::Text(item.status[side].clone().unwrap_or_else(|| "(none)".to_owned()));
            if there[side] { told() } else { Value::None }
        };
        let differs = item.findings.iter().any(|finding| finding.starts_with("STATUS_MISMATCH"));
        lines.push(SideLine { name: "Status".to_owned(), values: [of(0), of(1)], differs });
    }
    lines.extend(item.findings.iter().filter_map(|finding| field(finding)));
    let places = [0, 1].map(|side: usize| match item.rows[side].as_slice() {
        [] => Value::None,
        rows => Value::Text(rows.join(", ")),
    });
    lines.push(SideLine { name: "Found at".to_owned(), values: places, differs: false });
    lines
}

/// `FIELD_MISMATCH: customer c-1 / c-2`; amounts and states have lines of their own. A finding whose values cannot be told apart
/// for sure stays a sentence.
fn field(finding: &str) -> Option<SideLine> {
    let (code, text) = finding.split_once(": ")?;
    let own = matches!(code, "FIELD_MISMATCH" | "UNEXPECTED_FEE" | "QUANTITY_MISMATCH");
    let (name, values) = text.split_once(' ').filter(|_| own)?;
    let (a, b) = values.split_once(" / ").filter(|(_, b)| !b.contains(" / "))?;
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'));
    let value = |text: &str| Value::Text(text.to_owned());
    (!is_number).then(|| SideLine { name: name.to_owned(), values: [value(a), value(b)], differs: true })
}

/// Findings as sentences.
pub(super) fn sentences(item: &OpenItem) -> Vec<String> {
    let told = item.findings.iter().map(|finding| match finding.split_once(": ") {
        Some((code, text)) => format!("{}: {text}", words::meaning(code)),
        None => finding.clone(),
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(finding: &str, expected: Option<(&str, &str, &str)>) {
        let text = |value: &Value| match value {
            Value::Text(text) => text.clone(),
            Value::Money(_) | Value::None => String::new(),
        };
        let found = field(finding).map(|line| (line.name.clone(), text(&line.values[0]), text(&line.values[1])));
        assert_eq!(found, expected.map(|(name, a, b)| (name.to_owned(), a.to_owned(), b.to_owned())));
    }

    #[test]
    fn fields_are_told_apart_or_left_as_a_sentence() {
        check("FIELD_MISMATCH: customer c-1 / c-2", Some(("customer", "c-1", "c-2")));
        check("UNEXPECTED_FEE: fee 1.20 EUR / 1.50 EUR", Some(("fee", "1.20 EUR", "1.50 EUR")));
        check("FIELD_MISMATCH: note a / b / c", None);
        check("AMOUNT_UNDER: 250.00 EUR / 245.50 EUR", None);
        check("QUANTITY_MISMATCH: 3 pcs / 4 pcs", None);
    }
}
