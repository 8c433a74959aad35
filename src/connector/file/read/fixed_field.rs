//! Cutting a fixed-width record into fields and turning implied decimals, signs and overpunch into plain decimal text.
//!
//! Not here: packed decimals (binary), dates.

use crate::connector::file::error::FileCause;
use crate::connector::file::format::{FixedField, FixedFormat, FixedKind, LengthUnit, Sign, Trim};

/// One record of the agreed length, addressed by 1-based positions.
pub(super) struct Cut<'a> {
    text: &'a str,
    /// Byte index of every character and of the end; empty where positions are byte indexes anyway.
    characters: Vec<usize>,
}

impl<'a> Cut<'a> {
    /// Checks the length; a short line is padded where the format accepts it.
    pub(super) fn new(format: &FixedFormat, line: &'a mut Vec<u8>) -> Result<Self, FileCause> {
        let expected = format.record_length;
        let by_byte = format.unit == LengthUnit::Utf8Bytes || line.is_ascii();
        let found = if by_byte { line.len() } else { line.iter().filter(|byte| **byte & 0xC0 != 0x80).count() };
        if found < expected && format.short_lines {
            line.extend(std::iter::repeat_n(b' ', expected - found));
        } else if found != expected {
            let unit = match format.unit {
                LengthUnit::Characters => "characters",
                LengthUnit::Utf8Bytes => "bytes",
            };
            return Err(FileCause::RecordLength { expected, found, unit });
        }
        let text = std::str::from_utf8(line).map_err(|_| FileCause::CutCharacter)?;
        let characters = if by_byte {
            Vec::new()
        } else {
            text.char_indices().map(|(index, _)| index).chain([text.len()]).collect()
        };
        Ok(Self { text, characters })
    }

    /// The text of `length` positions from the 1-based `start`; `None` if that would cut a character.
    pub(super) fn at(&self, start: usize, length: usize) -> Option<&'a str> {
        let (from, to) = (start.checked_sub(1)?, start.checked_sub(1)?.checked_add(length)?);
        if self.characters.is_empty() {
            return self.text.get(from..to);
        }
        self.text.get(*self.characters.get(from)?..*self.characters.get(to)?)
    }
}

/// The field's text, or its number as plain decimal text.
///
/// In EBCDIC 273 the overpunched zeros are `ä` and `ü`, which share their bytes with `{` and `}` of other pages.
pub(super) fn field_value(record: &Cut<'_>, field: &FixedField, german_ebcdic: bool) -> Result<String, FileCause> {
    let raw = record.at(field.start, field.length).ok_or(FileCause::CutCharacter)?;
    match field.kind {
        FixedKind::Text(trim) => Ok(match trim {
            Trim::None => raw,
            Trim::Right => raw.trim_end_matches(' '),
            Trim::Left => raw.trim_start_matches(' '),
            Trim::Both => raw.trim_matches(' '),
        }
        .to_owned()),
        FixedKind::Number { implied_decimals, sign } => {
            let sign_text = match sign {
                Sign::At(position) => record.at(position, 1).ok_or(FileCause::CutCharacter)?,
                Sign::None | Sign::Leading | Sign::Trailing | Sign::Overpunch => "",
            };
            let bad = |reason| FileCause::BadNumber { text: format!("{raw}{sign_text}"), reason };
            number(raw, sign_text, implied_decimals, sign, german_ebcdic).map_err(bad)
        }
    }
}

fn number(raw: &str, sign_text: &str, decimals: u32, sign: Sign, german_ebcdic: bool) -> Result<String, &'static str> {
    if raw.chars().all(|c| c == ' ') && (sign_text.is_empty() || sign_text == " ") {
        return Ok(String::new());
    }
    let (digits, negative) = match sign {
        Sign::None => (raw.to_owned(), false),
        Sign::At(_) => (raw.to_owned(), is_minus(sign_text.chars().next())?),
        Sign::Leading => {
            let mut characters = raw.chars();
            let first = characters.next();
            (characters.as_str().to_owned(), is_minus(first)?)
        }
        Sign::Trailing => {
            let mut characters = raw.chars();
            let last = characters.next_back();
            (characters.as_str().to_owned(), is_minus(last)?)
        }
        Sign::Overpunch => {
            let mut characters = raw.chars();
            let last = characters.next_back();
            let (digit, negative) = last.and_then(|c| overpunched(c, german_ebcdic)).ok_or("bad overpunch")?;
            (format!("{}{digit}", characters.as_str()), negative)
        }
    };
    plain_decimal(digits.trim_matches(' '), decimals, negative)
}

fn is_minus(character: Option<char>) -> Result<bool, &'static str> {
    match character {
        Some('-') => Ok(true),
        Some('+' | ' ') | None => Ok(false),
        Some(_) => Err("the sign is neither +, - nor blank"),
    }
}

fn overpunched(character: char, german_ebcdic: bool) -> Option<(char, bool)> {
    let nth = |first: char| char::from_digit(u32::from(character) - u32::from(first) + 1, 10);
    match character {
        '0'..='9' => Some((character, false)),
        '{' => Some(('0', false)),
        '}' => Some(('0', true)),
        'ä' if german_ebcdic => Some(('0', false)),
        'ü' if german_ebcdic => Some(('0', true)),
        'A'..='I' => nth('A').map(|digit| (digit, false)),
        'J'..='R' => nth('J').map(|digit| (digit, true)),
        _ => None,
    }
}

/// `0000012500`, 3, negative: `-12.500`. Keeps all decimals, drops leading zeros, writes no negative zero.
fn plain_decimal(digits: &str, decimals: u32, negative: bool) -> Result<String, &'static str> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("not only digits");
    }
    let decimals = decimals as usize;
    let padded = format!("{digits:0>width$}", width = decimals + 1);
    let (whole, fraction) = padded.split_at(padded.len() - decimals);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let is_zero = digits.bytes().all(|byte| byte == b'0');
    let sign = if negative && !is_zero { "-" } else { "" };
    Ok(if decimals == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, sign_text: &str, decimals: u32, sign: Sign, expected: Result<&str, &'static str>) {
        assert_eq!(number(raw, sign_text, decimals, sign, false), expected.map(str::to_owned), "{raw:?}");
    }

    #[test]
    fn numbers_become_plain_decimal_text() {
        check("0000240000", "+", 3, Sign::At(35), Ok("240.000"));
        check("0000012500", "-", 3, Sign::At(35), Ok("-12.500"));
        check("00000000950", "", 2, Sign::None, Ok("9.50"));
        check("0000125}", "", 0, Sign::Overpunch, Ok("-1250"));
        check("0000012E", "", 2, Sign::Overpunch, Ok("1.25"));
        check("0000012N", "", 2, Sign::Overpunch, Ok("-1.25"));
        check("00000120", "", 2, Sign::Overpunch, Ok("1.20"));
        check("1250-", "", 2, Sign::Trailing, Ok("-12.50"));
        check("-0125", "", 2, Sign::Leading, Ok("-1.25"));
        check("0", "", 2, Sign::None, Ok("0.00"));
        check("000", "-", 0, Sign::At(9), Ok("0"));
        check("     ", " ", 2, Sign::At(9), Ok(""));
        check("   12", "", 0, Sign::None, Ok("12"));
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        check("12.50", "", 2, Sign::None, Err("not only digits"));
        check("1 250", "", 2, Sign::None, Err("not only digits"));
        check("0012X", "", 2, Sign::Overpunch, Err("bad overpunch"));
        check("00125", "x", 2, Sign::At(6), Err("the sign is neither +, - nor blank"));
        check("     ", "-", 2, Sign::At(6), Err("not only digits"));
    }

    #[test]
    fn german_ebcdic_shows_overpunched_zeros_as_umlauts() {
        assert_eq!(number("125ü", "", 0, Sign::Overpunch, true), Ok("-1250".to_owned()));
        assert_eq!(number("125ü", "", 0, Sign::Overpunch, false), Err("bad overpunch"));
    }
}
