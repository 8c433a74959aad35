//! One value of one field, and how JSON says it: `false` for nothing, naive UTC for times, floats with their noise.
//!
//! Not here: which field has which kind (`models`).

use serde_json::{Value, json};

use crate::sandbox::clock::{parse_bare_s, spaced_time};

/// Millionths: finer than anything the sandbox trades in.
pub const MICRO: i64 = 1_000_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Odoo's `false`, whatever the kind of the field.
    Empty,
    Flag(bool),
    /// An integer, an id, or the id that a many2one holds.
    Whole(i64),
    /// A number in millionths.
    Micro(i64),
    Text(String),
    Time(i64),
}

impl Cell {
    pub fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    pub fn whole(&self) -> Option<i64> {
        match self {
            Cell::Whole(id) => Some(*id),
            Cell::Empty | Cell::Flag(_) | Cell::Micro(_) | Cell::Text(_) | Cell::Time(_) => None,
        }
    }

    pub fn micro(&self) -> i64 {
        match self {
            Cell::Micro(micro) => *micro,
            Cell::Empty | Cell::Flag(_) | Cell::Whole(_) | Cell::Text(_) | Cell::Time(_) => 0,
        }
    }

    pub fn as_text(&self) -> &str {
        match self {
            Cell::Text(text) => text,
            Cell::Empty | Cell::Flag(_) | Cell::Whole(_) | Cell::Micro(_) | Cell::Time(_) => "",
        }
    }

    /// `noisy` shows the float's last digit, as sums of binary fractions do.
    pub fn json(&self, noisy: bool) -> Value {
        match self {
            Cell::Empty => json!(false),
            Cell::Flag(flag) => json!(flag),
            Cell::Whole(whole) => json!(whole),
            Cell::Micro(micro) => number(*micro, noisy),
            Cell::Text(text) => json!(text),
            Cell::Time(at_s) => json!(spaced_time(*at_s)),
        }
    }
}

fn number(micro: i64, noisy: bool) -> Value {
    let sign = if micro < 0 { "-" } else { "" };
    let (whole, fraction) = (micro.unsigned_abs() / MICRO.unsigned_abs(), micro.unsigned_abs() % MICRO.unsigned_abs());
    let digits = format!("{fraction:06}");
    let text = match (fraction, noisy) {
        (0, _) => format!("{sign}{whole}.0"),
        (_, true) => format!("{sign}{whole}.{digits}0000000{}", 2),
        (_, false) => format!("{sign}{whole}.{}", digits.trim_end_matches('0')),
    };
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

/// Reads a JSON number from its text; more than six decimals or an exponent is not one here.
pub fn micro_of(value: &Value) -> Option<i64> {
    let text = value.as_number()?.to_string();
    let (sign, digits) = text.strip_prefix('-').map_or((1, text.as_str()), |rest| (-1, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > 6 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let padded: i64 = format!("{fraction:0<6}").parse().ok()?;
    Some(sign * (whole.parse::<i64>().ok()?.checked_mul(MICRO)? + padded))
}

/// A naive UTC time, with a blank between date and time.
pub fn time_of(value: &Value) -> Option<i64> {
    value.as_str().filter(|text| text.len() == 19 && text.as_bytes()[10] == b' ').and_then(parse_bare_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_look_like_pythons_floats() {
        assert_eq!(Cell::Micro(100 * MICRO).json(true).to_string(), "100.0");
        assert_eq!(Cell::Micro(21_420_000).json(false).to_string(), "21.42");
        assert_eq!(Cell::Micro(-21_420_000).json(true).to_string(), "-21.42000000000002");
        assert_eq!(Cell::Empty.json(false), json!(false));
    }

    #[test]
    fn numbers_are_read_from_their_text() {
        for (text, micro) in
            [("2", Some(2_000_000)), ("9.00", Some(9_000_000)), ("-1.5", Some(-1_500_000)), ("1e3", None)]
        {
            assert_eq!(micro_of(&serde_json::from_str(text).unwrap_or_default()), micro, "{text}");
        }
        assert_eq!(micro_of(&json!("2")), None);
    }

    #[test]
    fn times_have_a_blank_in_the_middle() {
        assert_eq!(time_of(&json!("2025-11-22 08:26:40")), Some(1_763_800_000));
        assert_eq!(time_of(&json!("2025-11-22T08:26:40")), None);
        assert_eq!(time_of(&json!("2025-11-22")), None);
    }
}
