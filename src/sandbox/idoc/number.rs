//! SAP's ways with numbers: a minus that trails, zeros in front of identifiers, days that are no days.
//!
//! Not here: where a number stands (`order`, `messages`).

/// Decimals of a [`Exact`]: as many as any quantity or price in an IDoc has.
const DECIMALS: usize = 6;

/// A number in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Exact(pub i64);

impl Exact {
    pub const ZERO: Exact = Exact(0);

    /// `minor` units of a currency with that many decimals.
    pub fn from_minor(minor: i64, decimals: u32) -> Exact {
        Exact(minor * 10_i64.pow(DECIMALS as u32 - decimals))
    }

    pub fn thousandths(self) -> i64 {
        self.0 / 1000
    }

    /// Digits with a point and, if negative, a minus behind (or in front, which some senders do); blanks around it.
    pub fn parse(text: &str) -> Option<Exact> {
        let text = text.trim();
        let (digits, negative) = match (text.strip_suffix('-'), text.strip_prefix('-')) {
            (Some(digits), _) | (None, Some(digits)) => (digits, true),
            (None, None) => (text, false),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let fraction = fraction.trim_end_matches('0');
        if whole.is_empty() || fraction.len() > DECIMALS || !all(whole) || !all(fraction) {
            return None;
        }
        let value: i64 = format!("{whole}{fraction:0<DECIMALS$}").parse().ok()?;
        Some(Exact(if negative { -value } else { value }))
    }
}

/// A quantity as an IDoc has it: three decimals, the minus behind.
pub fn quantity(thousandths: i64) -> String {
    let (whole, rest) = (thousandths.abs() / 1000, thousandths.abs() % 1000);
    format!("{whole}.{rest:03}{}", if thousandths < 0 { "-" } else { "" })
}

/// The conversion of identifiers: digits lose the zeros in front, everything else stays as it is.
pub fn external(id: &str) -> String {
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return id.to_owned();
    }
    let trimmed = id.trim_start_matches('0');
    if trimmed.is_empty() { "0".to_owned() } else { trimmed.to_owned() }
}

/// The way back: digits are filled with zeros to `width`.
pub fn internal(id: &str, width: usize) -> String {
    if id.bytes().all(|byte| byte.is_ascii_digit()) { format!("{id:0>width$}") } else { id.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_point_and_may_carry_their_minus_behind() {
        assert_eq!(Exact::parse("18.00-"), Some(Exact(-18_000_000)));
        assert_eq!(Exact::parse("  240.000 "), Some(Exact(240_000_000)));
        assert_eq!(Exact::parse("2"), Some(Exact(2_000_000)));
        assert_eq!(Exact::parse("-1.5"), Some(Exact(-1_500_000)));
        for wrong in ["", "1,5", "1.2.3", "1.2345678", ".5", "1e3", "-", "1-2", "--1"] {
            assert_eq!(Exact::parse(wrong), None, "{wrong:?}");
        }
        assert_eq!(Exact::from_minor(500, 0), Exact::from_minor(50_000, 2));
        assert_eq!(quantity(-7_500), "7.500-");
        assert_eq!(quantity(2_000), "2.000");
    }

    #[test]
    fn only_identifiers_of_digits_gain_and_lose_zeros() {
        assert_eq!(internal("4711", 18), "000000000000004711");
        assert_eq!(external("000000000000004711"), "4711");
        assert_eq!(internal("MUG-01", 18), "MUG-01");
        assert_eq!(external("00A1"), "00A1");
        assert_eq!(external("000"), "0");
    }
}
