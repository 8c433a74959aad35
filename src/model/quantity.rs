//! Exact quantities: pieces, metres, kilograms; a normalised decimal without a unit.
//!
//! Not here: units of measure (a mapping converts them), money.

use std::fmt;

use rust_decimal::Decimal;

use super::{Exact, ValueError};

/// An exact number of things. `2`, `2.0` and `2.00` are the same quantity and are written `2`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Quantity(Decimal);

impl Quantity {
    pub const ZERO: Quantity = Quantity(Decimal::ZERO);

    pub fn parse(text: &str) -> Result<Quantity, ValueError> {
        Exact::parse(text)
            .and_then(Exact::to_decimal)
            .map(Quantity)
            .map_err(|reason| ValueError::new("a quantity", text, reason))
    }

    pub fn decimal(self) -> Decimal {
        self.0
    }

    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    pub fn is_negative(self) -> bool {
        self.0.is_sign_negative() && !self.0.is_zero()
    }

    /// The whole number this is; `None` for 7.5 or beyond 64 bits.
    pub fn to_i64(self) -> Option<i64> {
        if self.0.scale() == 0 { i64::try_from(self.0.mantissa()).ok() } else { None }
    }

    /// `None` when the sum has more than 28 digits.
    pub fn checked_add(self, other: Quantity) -> Option<Quantity> {
        Quantity::exact_sum(self.0, other.0)
    }

    /// `None` when the difference has more than 28 digits.
    pub fn checked_sub(self, other: Quantity) -> Option<Quantity> {
        Quantity::exact_sum(self.0, -other.0)
    }

    /// `Decimal` silently drops digits of the smaller operand when the sum is too long: such a sum is no answer.
    fn exact_sum(left: Decimal, right: Decimal) -> Option<Quantity> {
        let sum = left.checked_add(right)?;
        (sum.checked_sub(left)? == right && sum.checked_sub(right)? == left).then(|| Quantity(sum.normalize()))
    }
}

impl From<i64> for Quantity {
    fn from(whole: i64) -> Quantity {
        Quantity(Decimal::from(whole))
    }
}

impl From<Decimal> for Quantity {
    fn from(decimal: Decimal) -> Quantity {
        Quantity(decimal.normalize())
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// As text: JSON numbers invite binary floating point on the other side.
impl serde::Serialize for Quantity {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Quantity {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        Quantity::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(Quantity::parse(text).ok().map(|quantity| quantity.to_string()).as_deref(), expected, "{text}");
    }

    #[test]
    fn is_normalised_and_exact() {
        check("2", Some("2"));
        check("2.00", Some("2"));
        check("-7.50", Some("-7.5"));
        check("-0.0", Some("0"));
        check("100", Some("100"));
        check("0.1234567890123456789", Some("0.1234567890123456789"));
        check("1e3", None);
        check("7,5", None);
        check("", None);
    }

    #[test]
    fn sums_that_would_lose_digits_are_refused() {
        let (large, small) = (Quantity::parse(&"9".repeat(28)).unwrap(), Quantity::parse("0.01").unwrap());
        assert_eq!(large.checked_add(small), None);
        assert_eq!(Quantity::from(3).checked_sub(Quantity::from(5)), Some(Quantity::from(-2)));
    }
}
