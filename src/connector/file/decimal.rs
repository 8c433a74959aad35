//! Exact decimals in the spellings that control totals use.
//!
//! Only totals are computed here; what a row's own numbers mean is the mapping's business.

use rust_decimal::Decimal;

/// How a partner writes numbers; declared, because `1.234` is ambiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecimalForm {
    /// `.` or `,`.
    pub point: char,
    /// Thousands separator, if any: `.`, `,`, `'`, blank (which also accepts the no-break spaces).
    pub group: Option<char>,
}

impl DecimalForm {
    /// `1234.56`
    pub const POINT: Self = Self { point: '.', group: None };
    /// `1234,56`
    pub const COMMA: Self = Self { point: ',', group: None };
    /// `1.234,56`
    pub const GROUPED_COMMA: Self = Self { point: ',', group: Some('.') };

    /// Reads `7,5-`, `-7,5`, `+7,5`, `,50`, `1.234,50`; refuses anything else, exponents and misplaced groups included.
    pub fn parse(self, text: &str) -> Result<Decimal, &'static str> {
        let text = text.trim();
        let (negative, unsigned) = match (text.strip_prefix('-'), text.strip_prefix('+'), text.strip_suffix('-')) {
            (Some(rest), _, None) => (true, rest),
            (None, Some(rest), None) => (false, rest),
            (None, None, Some(rest)) => (true, rest),
            (None, None, None) => (false, text.strip_suffix('+').unwrap_or(text)),
            (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => return Err("two signs"),
        };
        let (whole, fraction) = match unsigned.split_once(self.point) {
            Some((whole, fraction)) => (whole, fraction),
            None => (unsigned, ""),
        };
        let whole = self.ungroup(whole)?;
        if whole.is_empty() && fraction.is_empty() {
            return Err("no digits");
        }
        if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
            return Err("not only digits");
        }
        let digits = format!("{whole}{fraction}");
        let mantissa: i128 = digits.parse().map_err(|_| "too many digits")?;
        let scale = u32::try_from(fraction.len()).map_err(|_| "too many digits")?;
        let signed = if negative { -mantissa } else { mantissa };
        Decimal::try_from_i128_with_scale(signed, scale).map_err(|_| "too many digits")
    }

    fn ungroup(self, whole: &str) -> Result<String, &'static str> {
        let Some(group) = self.group else { return Ok(whole.to_owned()) };
        let is_group = |c: char| c == group || (group == ' ' && matches!(c, '\u{a0}' | '\u{202f}'));
        let parts: Vec<&str> = whole.split(is_group).collect();
        let misplaced = parts.len() > 1
            && (parts[0].is_empty() || parts[0].len() > 3 || parts[1..].iter().any(|part| part.len() != 3));
        if misplaced { Err("misplaced thousands separator") } else { Ok(parts.concat()) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(form: DecimalForm, text: &str, expected: Result<&str, &str>) {
        assert_eq!(form.parse(text).map(|decimal| decimal.to_string()), expected.map(str::to_owned), "{text:?}");
    }

    #[test]
    fn numbers_are_read_exactly_or_refused() {
        check(DecimalForm::COMMA, "9,50", Ok("9.50"));
        check(DecimalForm::COMMA, "7,5-", Ok("-7.5"));
        check(DecimalForm::COMMA, ",50", Ok("0.50"));
        check(DecimalForm::COMMA, "+1", Ok("1"));
        check(DecimalForm::GROUPED_COMMA, "1.234,50", Ok("1234.50"));
        check(DecimalForm::GROUPED_COMMA, "1.234", Ok("1234"));
        check(DecimalForm::GROUPED_COMMA, "1.23", Err("misplaced thousands separator"));
        check(DecimalForm::POINT, "1.234", Ok("1.234"));
        check(DecimalForm { point: ',', group: Some(' ') }, "1\u{202f}234,5", Ok("1234.5"));
        check(DecimalForm { point: '.', group: Some('\'') }, "1'234.56", Ok("1234.56"));
        check(DecimalForm::POINT, "1e2", Err("not only digits"));
        check(DecimalForm::POINT, "1,5", Err("not only digits"));
        check(DecimalForm::POINT, "-5-", Err("two signs"));
        check(DecimalForm::POINT, "", Err("no digits"));
        check(DecimalForm::POINT, &"9".repeat(60), Err("too many digits"));
    }
}
