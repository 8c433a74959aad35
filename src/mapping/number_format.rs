//! Declared number formats of files and old systems: `1.234,56`, `12,50-`, `1'234.50` to plain decimal text.
//!
//! Not here: guessing. `1.234` is a thousand or a fraction only because the mapping says which.

use std::borrow::Cow;

use crate::model::ValueError;

crate::choice! {
    pub enum DecimalSign ("decimal sign") { Point = "point", Comma = "comma" }
}

/// How a text writes numbers. The default is plain: a decimal point and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberFormat {
    pub decimal: DecimalSign,
    /// The sign between groups of three digits, if the text may have it.
    pub grouping: Option<char>,
    /// A minus sign stands behind the number: `12,50-`.
    pub trailing_minus: bool,
}

impl Default for NumberFormat {
    fn default() -> Self {
        NumberFormat { decimal: DecimalSign::Point, grouping: None, trailing_minus: false }
    }
}

impl NumberFormat {
    /// The number as plain decimal text. Text that is already plain passes without a copy and is checked by its reader.
    pub fn plain<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, ValueError> {
        if *self == NumberFormat::default() {
            return Ok(Cow::Borrowed(text));
        }
        let refuse = |reason: &str| ValueError::new("a number", text, reason);
        let (negative, body) = self.sign(text);
        let sign = match self.decimal {
            DecimalSign::Point => '.',
            DecimalSign::Comma => ',',
        };
        let (whole, fraction) = body.split_once(sign).unwrap_or((body, ""));
        let whole = self.ungrouped(whole).ok_or_else(|| refuse("its digits are not grouped by three"))?;
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() && fraction.is_empty() {
            return Err(refuse("it has no digits"));
        }
        if !digits(&whole) || !digits(fraction) {
            return Err(refuse(match self.decimal {
                DecimalSign::Point => "only digits and a decimal point are read",
                DecimalSign::Comma => "only digits and a decimal comma are read",
            }));
        }
        let minus = if negative { "-" } else { "" };
        let point = if fraction.is_empty() { "" } else { "." };
        Ok(Cow::Owned(format!("{minus}{whole}{point}{fraction}")))
    }

    fn sign<'t>(&self, text: &'t str) -> (bool, &'t str) {
        if let Some(body) = text.strip_prefix('-') {
            return (true, body);
        }
        match text.strip_suffix('-') {
            Some(body) if self.trailing_minus => (true, body),
            Some(_) | None => (false, text.strip_prefix('+').unwrap_or(text)),
        }
    }

    fn ungrouped<'t>(&self, whole: &'t str) -> Option<Cow<'t, str>> {
        let Some(separator) = self.grouping.filter(|separator| whole.contains(*separator)) else {
            return Some(Cow::Borrowed(whole));
        };
        let mut groups = whole.split(separator);
        let first = groups.next()?;
        let sound = (1..=3).contains(&first.len()) && groups.all(|group| group.len() == 3);
        sound.then(|| Cow::Owned(whole.replace(separator, "")))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const GERMAN: NumberFormat =
        NumberFormat { decimal: DecimalSign::Comma, grouping: Some('.'), trailing_minus: true };
    const COMMA: NumberFormat = NumberFormat { decimal: DecimalSign::Comma, grouping: None, trailing_minus: false };
    const SWISS: NumberFormat =
        NumberFormat { decimal: DecimalSign::Point, grouping: Some('\''), trailing_minus: false };

    #[track_caller]
    fn check(format: NumberFormat, text: &str, expected: Option<&str>) {
        assert_eq!(format.plain(text).ok().as_deref(), expected, "{text}");
    }

    #[test]
    fn numbers_are_read_as_declared() {
        check(GERMAN, "1.234,56", Some("1234.56"));
        check(GERMAN, "1.234", Some("1234"));
        check(GERMAN, "12,50-", Some("-12.50"));
        check(GERMAN, "-0,5", Some("-0.5"));
        check(GERMAN, ",50", Some(".50"));
        check(GERMAN, "2935,", Some("2935"));
        check(GERMAN, "1234567,8", Some("1234567.8"));
        check(GERMAN, "1.23,4", None);
        check(GERMAN, "1.2345", None);
        check(GERMAN, ".123", None);
        check(GERMAN, "1,234.56", None);
        check(GERMAN, "4,0988E+12", None);
        check(GERMAN, "-", None);
        check(GERMAN, "", None);
        check(COMMA, "9,50", Some("9.50"));
        check(COMMA, "9.50", None);
        check(COMMA, "7,5-", None);
        check(SWISS, "1'234.50", Some("1234.50"));
        check(NumberFormat::default(), "29.35", Some("29.35"));
    }
}
