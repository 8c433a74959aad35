//! One fixed-width record as text: padding, implied decimals, signs. Nothing is ever cut to fit.

use rust_decimal::Decimal;

use crate::connector::file::decimal::DecimalForm;
use crate::connector::file::encoding::Encoder;
use crate::connector::file::error::FileCause;
use crate::connector::file::format::{FixedField, FixedFormat, FixedKind, LengthUnit, Sign, Trim};

/// Lays the fields out; the error names the field. `text_of` gives a field's text.
pub(super) fn record(
    format: &FixedFormat,
    encoder: &Encoder,
    code: Option<(usize, &str)>,
    fields: &[FixedField],
    mut text_of: impl FnMut(&str) -> Result<String, FileCause>,
) -> Result<String, (String, FileCause)> {
    let mut cells = vec![String::new(); format.record_length];
    for field in fields {
        let named = |cause| (field.name.clone(), cause);
        // The field that holds the record type is what the type says, whatever the row says.
        if code.is_some_and(|(start, code)| field.start == start && field.length == code.chars().count()) {
            continue;
        }
        let text = text_of(&field.name).map_err(named)?;
        let text = encoder.prepare(&text).map_err(named)?;
        place(format, field, &text, &mut cells).map_err(named)?;
    }
    if let Some((start, code)) = code {
        put(&mut cells, start, code.chars());
    }
    let mut line = String::with_capacity(format.record_length);
    let mut used = 0;
    for cell in &cells {
        match (cell.is_empty(), format.unit) {
            // A character of several bytes also takes the positions of its other bytes.
            (true, LengthUnit::Utf8Bytes) if used > 0 => used -= 1,
            (true, LengthUnit::Utf8Bytes | LengthUnit::Characters) => line.push(' '),
            (false, unit) => {
                line.push_str(cell);
                used = if unit == LengthUnit::Utf8Bytes { cell.len() - 1 } else { 0 };
            }
        }
    }
    Ok(line)
}

/// Puts one character per position, or a long character at its first byte's position.
fn put(cells: &mut [String], start: usize, characters: impl Iterator<Item = char>) {
    for (cell, character) in cells.iter_mut().skip(start - 1).zip(characters) {
        *cell = character.to_string();
    }
}

fn place(format: &FixedFormat, field: &FixedField, text: &str, cells: &mut [String]) -> Result<(), FileCause> {
    if let Some(control) = text.chars().find(|c| matches!(c, '\r' | '\n')) {
        return Err(FileCause::ControlCharacter { code: u32::from(control) });
    }
    let width = |text: &str| match format.unit {
        LengthUnit::Characters => text.chars().count(),
        LengthUnit::Utf8Bytes => text.len(),
    };
    let (text, sign) = match field.kind {
        FixedKind::Text(_) => (text.to_owned(), None),
        FixedKind::Number { implied_decimals, sign } => number(text, field.length, implied_decimals, sign)?,
    };
    let found = width(&text);
    if found > field.length {
        return Err(FileCause::TooWide { text, found, limit: field.length });
    }
    let right_aligned = matches!(field.kind, FixedKind::Text(Trim::Left));
    let mut at = field.start - 1 + if right_aligned { field.length - found } else { 0 };
    for character in text.chars() {
        cells[at] = character.to_string();
        at += width(&cells[at]);
    }
    if let Some((position, sign)) = sign {
        cells[position - 1] = sign.to_string();
    }
    Ok(())
}

/// Digits of the field, and the sign with its position where it stands elsewhere.
fn number(
    text: &str,
    length: usize,
    implied_decimals: u32,
    sign: Sign,
) -> Result<(String, Option<(usize, char)>), FileCause> {
    let bad = |reason| FileCause::BadNumber { text: text.to_owned(), reason };
    if text.is_empty() {
        return Ok((String::new(), None));
    }
    let value = DecimalForm::POINT.parse(text).map_err(bad)?;
    let digits = scaled(value, implied_decimals).ok_or_else(|| bad("it has more decimals or digits than the field"))?;
    let negative = value.is_sign_negative() && !value.is_zero();
    let mark = if negative { '-' } else { '+' };
    let wide = |digits: String| FileCause::TooWide { found: digits.len(), text: text.to_owned(), limit: length };
    let fill = |width: usize| {
        if digits.len() > width { Err(wide(digits.clone())) } else { Ok(format!("{digits:0>width$}")) }
    };
    Ok(match sign {
        Sign::None if negative => return Err(bad("the field has no sign")),
        Sign::None => (fill(length)?, None),
        Sign::At(position) => (fill(length)?, Some((position, mark))),
        Sign::Leading => (format!("{mark}{}", fill(length - 1)?), None),
        Sign::Trailing => (format!("{}{mark}", fill(length - 1)?), None),
        Sign::Overpunch => {
            let mut filled = fill(length)?;
            let last = filled.pop().and_then(|digit| digit.to_digit(10)).and_then(|digit| usize::try_from(digit).ok());
            let alphabet = if negative { "}JKLMNOPQR" } else { "{ABCDEFGHI" };
            let punched = last.and_then(|digit| alphabet.chars().nth(digit)).ok_or_else(|| bad("no digits"))?;
            filled.push(punched);
            (filled, None)
        }
    })
}

fn scaled(value: Decimal, implied_decimals: u32) -> Option<String> {
    let mut scaled = value;
    scaled.rescale(implied_decimals);
    (scaled == value && scaled.scale() == implied_decimals).then(|| scaled.mantissa().unsigned_abs().to_string())
}
