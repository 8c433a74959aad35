//! Exact reading of decimal text: the one parser behind money, quantities, integers and rates.
//!
//! Not here: rounding (it does not exist), binary floating point, locale formats (see `mapping`).

use rust_decimal::Decimal;

/// Most significant digits a number may have; the most that `rust_decimal` holds for certain.
const MAX_DIGITS: u32 = 28;
/// Longest excerpt of an offending text that an error repeats.
const MAX_EXCERPT_CHARS: usize = 60;

/// A text that is not a value of the type asked for: what was expected, what was found, and why it was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found} is not {expected}: {reason}")]
pub struct ValueError {
    expected: String,
    found: String,
    reason: String,
}

impl ValueError {
    pub fn new(expected: impl Into<String>, found: &str, reason: impl Into<String>) -> ValueError {
        ValueError { expected: expected.into(), found: format!("{:?}", excerpt(found)), reason: reason.into() }
    }

    pub(crate) fn wrong_kind(expected: impl Into<String>, kind: &str) -> ValueError {
        let expected = expected.into();
        ValueError { reason: format!("expected {expected}"), expected, found: kind.to_owned() }
    }
}

fn excerpt(text: &str) -> String {
    match text.char_indices().nth(MAX_EXCERPT_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A number exactly as written: `mantissa / 10^scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exact {
    mantissa: i128,
    scale: u32,
}

impl Exact {
    /// Reads `[+-]digits[.digits]`. Refuses exponents, grouping, blanks, `NaN`, and more than 28 significant digits.
    pub fn parse(text: &str) -> Result<Exact, &'static str> {
        let (negative, digits) = match text.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let mut mantissa: i128 = 0;
        let mut scale: u32 = 0;
        let (mut seen_digit, mut seen_point, mut significant) = (false, false, 0_u32);
        for &byte in digits {
            match byte {
                b'0'..=b'9' => {
                    seen_digit = true;
                    scale += u32::from(seen_point);
                    if significant > 0 || byte != b'0' {
                        significant += 1;
                    }
                    if significant > MAX_DIGITS || scale > MAX_DIGITS {
                        return Err("it has more than 28 digits");
                    }
                    mantissa = mantissa * 10 + i128::from(byte - b'0');
                }
                b'.' if seen_point => return Err("it has two decimal points"),
                b'.' => seen_point = true,
                b'e' | b'E' => return Err("numbers with an exponent are refused"),
                b',' | b'\'' | b'_' | b' ' | 0xC2 | 0xE2 => {
                    return Err("only digits and a decimal point are read; declare the number format in the mapping");
                }
                _ => return Err("it is not a number"),
            }
        }
        if !seen_digit {
            return Err("it has no digits");
        }
        Ok(Exact { mantissa: if negative { -mantissa } else { mantissa }, scale })
    }

    pub(crate) const fn from_minor(mantissa: i128, scale: u32) -> Exact {
        Exact { mantissa, scale }
    }

    /// The integer that this number is at `scale` decimals; `None` if digits would be lost or it overflows.
    pub(crate) fn at_scale(self, scale: u32) -> Option<i128> {
        if scale >= self.scale {
            self.mantissa.checked_mul(10_i128.checked_pow(scale - self.scale)?)
        } else {
            let divisor = 10_i128.checked_pow(self.scale - scale)?;
            (self.mantissa % divisor == 0).then_some(self.mantissa / divisor)
        }
    }

    /// How many decimals are needed, trailing zeros not counted.
    pub(crate) fn needed_scale(self) -> u32 {
        let (mut mantissa, mut scale) = (self.mantissa, self.scale);
        while scale > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        scale
    }

    pub(crate) fn to_decimal(self) -> Result<Decimal, &'static str> {
        Decimal::try_from_i128_with_scale(self.mantissa, self.scale)
            .map(|decimal| decimal.normalize())
            .map_err(|_| "it is too large")
    }

    pub(crate) fn to_i64(self) -> Result<i64, &'static str> {
        let whole = self.at_scale(0).ok_or("it is not a whole number")?;
        i64::try_from(whole).map_err(|_| "it does not fit 64 bits")
    }
}

/// Writes `minor / 10^exponent` as decimal text with exactly `exponent` decimals.
pub(crate) fn format_scaled(minor: i128, exponent: u32) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let width = exponent as usize + 1;
    let digits = format!("{:0>width$}", minor.unsigned_abs());
    let (whole, fraction) = digits.split_at(digits.len() - exponent as usize);
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(i128, u32), &str>) {
        let found = Exact::parse(text).map(|exact| (exact.mantissa, exact.scale));
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text:?}"),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{text:?}: {found}"),
            (found, expected) => panic!("{text:?}: {found:?} against {expected:?}"),
        }
    }

    #[test]
    fn reads_plain_decimals_and_nothing_else() {
        check("29.35", Ok((2935, 2)));
        check("-0.50", Ok((-50, 2)));
        check("+7", Ok((7, 0)));
        check(".5", Ok((5, 1)));
        check("2935.", Ok((2935, 0)));
        check("000123456", Ok((123_456, 0)));
        check("1e2", Err("exponent"));
        check("1E400", Err("exponent"));
        check("NaN", Err("not a number"));
        check("Infinity", Err("not a number"));
        check("1.234,56", Err("number format"));
        check("1,234.56", Err("number format"));
        check("1 234", Err("number format"));
        check("1\u{a0}234", Err("number format"));
        check("1_000", Err("number format"));
        check("1.2.3", Err("two decimal points"));
        check("", Err("no digits"));
        check("-", Err("no digits"));
        check(".", Err("no digits"));
        check("--1", Err("not a number"));
        check("1\0", Err("not a number"));
        check("12345678901234567890123", Ok((12_345_678_901_234_567_890_123, 0)));
        check(&"9".repeat(29), Err("28 digits"));
        check(&format!("0.{}", "0".repeat(29)), Err("28 digits"));
        check("٣", Err("not a number"));
    }

    #[test]
    fn formats_with_exactly_the_exponent() {
        assert_eq!(format_scaled(5, 2), "0.05");
        assert_eq!(format_scaled(-5, 3), "-0.005");
        assert_eq!(format_scaled(500, 0), "500");
        assert_eq!(format_scaled(i128::from(i64::MIN), 2), "-92233720368547758.08");
    }
}
