//! Exact money: an integer of minor units and a currency; unit prices, which may be finer than a minor unit.
//!
//! Not here: rounding, exchange rates, binary floating point. A value that would have to be rounded is refused.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::exact::{Exact, format_scaled};
use super::{Currency, ValueError};

/// An amount in minor units of its currency by ISO 4217. Serialised as `{"amount_minor":4790,"currency":"EUR"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    amount_minor: i64,
    currency: Currency,
}

/// Two amounts that cannot be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("{0} and {1} cannot be added")]
    CurrencyMismatch(Currency, Currency),
    #[error("the sum in {0} does not fit 64 bits")]
    Overflow(Currency),
}

impl Money {
    /// `amount_minor` counts ISO minor units: 4790 EUR is 47.90, 500 JPY is 500.
    pub const fn new(amount_minor: i64, currency: Currency) -> Money {
        Money { amount_minor, currency }
    }

    /// Reads decimal text in major units, e.g. `29.35`.
    pub fn from_decimal(text: &str, currency: Currency) -> Result<Money, ValueError> {
        Money::exactly(Exact::parse(text), currency.exponent(), text, currency)
    }

    /// Reads decimal text of a system whose currency has `exponent` decimals instead of ISO's; more decimals are refused.
    pub fn from_decimal_at(text: &str, currency: Currency, exponent: u32) -> Result<Money, ValueError> {
        Money::exactly(Exact::parse(text), exponent, text, currency)
    }

    /// Reads a whole number of ISO minor units, e.g. `2935`.
    pub fn from_minor(text: &str, currency: Currency) -> Result<Money, ValueError> {
        Money::from_minor_at(text, currency, currency.exponent())
    }

    /// Reads a whole number of units of `10^-exponent`, as a system counts that deviates from ISO
    /// (1234 ISK is sent as `123400` with exponent 2).
    pub fn from_minor_at(text: &str, currency: Currency, exponent: u32) -> Result<Money, ValueError> {
        let scaled = Exact::parse(text).and_then(|exact| {
            let whole = exact.at_scale(0).ok_or("minor units are whole numbers")?;
            Ok(Exact::from_minor(whole, exponent))
        });
        Money::exactly(scaled, exponent, text, currency)
    }

    fn exactly(
        exact: Result<Exact, &'static str>,
        exponent: u32,
        text: &str,
        currency: Currency,
    ) -> Result<Money, ValueError> {
        let refuse = |reason: String| ValueError::new(format!("an amount in {currency}"), text, reason);
        let exact = exact.map_err(|reason| refuse(reason.to_owned()))?;
        let decimals = exponent.min(currency.exponent());
        if exact.needed_scale() > decimals {
            return Err(refuse(format!("more than {decimals} decimals would have to be rounded")));
        }
        let minor = exact.at_scale(currency.exponent()).and_then(|minor| i64::try_from(minor).ok());
        minor
            .map(|amount_minor| Money { amount_minor, currency })
            .ok_or_else(|| refuse("it does not fit 64 bits".to_owned()))
    }

    pub const fn amount_minor(self) -> i64 {
        self.amount_minor
    }

    pub const fn currency(self) -> Currency {
        self.currency
    }

    pub const fn is_zero(self) -> bool {
        self.amount_minor == 0
    }

    /// Decimal text with the currency's own number of decimals: `47.90`, `500`, `1.234`.
    pub fn to_decimal(self) -> String {
        format_scaled(i128::from(self.amount_minor), self.currency.exponent())
    }

    /// Decimal text with `exponent` decimals; refused if digits would be lost.
    pub fn to_decimal_at(self, exponent: u32) -> Result<String, ValueError> {
        self.scaled(exponent).map(|minor| format_scaled(minor, exponent))
    }

    /// The whole number of `10^-exponent` units; refused if digits would be lost.
    pub fn to_minor_at(self, exponent: u32) -> Result<i64, ValueError> {
        i64::try_from(self.scaled(exponent)?).map_err(|_| self.unwritable("it does not fit 64 bits".to_owned()))
    }

    fn scaled(self, exponent: u32) -> Result<i128, ValueError> {
        Exact::from_minor(i128::from(self.amount_minor), self.currency.exponent())
            .at_scale(exponent)
            .ok_or_else(|| self.unwritable(format!("it would have to be rounded to {exponent} decimals")))
    }

    fn unwritable(self, reason: String) -> ValueError {
        ValueError::new(format!("an amount this system can take in {}", self.currency), &self.to_decimal(), reason)
    }

    pub fn checked_add(self, other: Money) -> Result<Money, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch(self.currency, other.currency));
        }
        match self.amount_minor.checked_add(other.amount_minor) {
            Some(amount_minor) => Ok(Money { amount_minor, ..self }),
            None => Err(MoneyError::Overflow(self.currency)),
        }
    }

    pub fn checked_sub(self, other: Money) -> Result<Money, MoneyError> {
        match other.amount_minor.checked_neg() {
            Some(amount_minor) => self.checked_add(Money { amount_minor, ..other }),
            None => Err(MoneyError::Overflow(self.currency)),
        }
    }

    pub fn checked_neg(self) -> Option<Money> {
        self.amount_minor.checked_neg().map(|amount_minor| Money { amount_minor, ..self })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_decimal(), self.currency)
    }
}

/// What one unit costs: an exact decimal that may be finer than a minor unit (0.0125 EUR a screw).
/// Serialised as `{"amount":"9.00","currency":"EUR"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UnitPrice {
    amount: Decimal,
    currency: Currency,
}

impl UnitPrice {
    pub fn from_decimal(text: &str, currency: Currency) -> Result<UnitPrice, ValueError> {
        UnitPrice::exactly(Exact::parse(text), text, currency)
    }

    /// Reads a whole number of units of `10^-exponent`.
    pub fn from_minor_at(text: &str, currency: Currency, exponent: u32) -> Result<UnitPrice, ValueError> {
        let scaled = Exact::parse(text).and_then(|exact| {
            exact.at_scale(0).map(|whole| Exact::from_minor(whole, exponent)).ok_or("minor units are whole numbers")
        });
        UnitPrice::exactly(scaled, text, currency)
    }

    fn exactly(exact: Result<Exact, &'static str>, text: &str, currency: Currency) -> Result<UnitPrice, ValueError> {
        match exact.and_then(Exact::to_decimal) {
            Ok(amount) => Ok(UnitPrice { amount, currency }),
            Err(reason) => Err(ValueError::new(format!("a unit price in {currency}"), text, reason)),
        }
    }

    pub const fn amount(self) -> Decimal {
        self.amount
    }

    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Decimal text with at least the currency's own number of decimals: `9.00`, `0.0125`.
    pub fn to_decimal(self) -> String {
        let scale = self.amount.scale().max(self.currency.exponent());
        match Exact::from_minor(self.amount.mantissa(), self.amount.scale()).at_scale(scale) {
            Some(minor) => format_scaled(minor, scale),
            None => self.amount.to_string(),
        }
    }

    /// The price as money; `None` if it is finer than a minor unit or too large.
    pub fn to_money(self) -> Option<Money> {
        let minor =
            Exact::from_minor(self.amount.mantissa(), self.amount.scale()).at_scale(self.currency.exponent())?;
        i64::try_from(minor).ok().map(|amount_minor| Money::new(amount_minor, self.currency))
    }
}

impl From<Money> for UnitPrice {
    fn from(money: Money) -> UnitPrice {
        let amount = Decimal::from_i128_with_scale(i128::from(money.amount_minor), money.currency.exponent());
        UnitPrice { amount: amount.normalize(), currency: money.currency }
    }
}

impl fmt::Display for UnitPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_decimal(), self.currency)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    #[track_caller]
    fn check(text: &str, code: &str, expected: Option<i64>) {
        let found = Money::from_decimal(text, currency(code)).ok().map(Money::amount_minor);
        assert_eq!(found, expected, "{text} {code}");
    }

    #[test]
    fn decimal_text_becomes_minor_units_or_is_refused() {
        check("29.35", "EUR", Some(2935));
        check("29.3500", "EUR", Some(2935));
        check("29", "EUR", Some(2900));
        check("-10.00", "EUR", Some(-1000));
        check("500", "JPY", Some(500));
        check("2935.0", "JPY", Some(2935));
        check("1.234", "KWD", Some(1234));
        check("1234.50", "EUR", Some(123_450));
        check("92233720368547758.07", "EUR", Some(i64::MAX));
        check("92233720368547758.08", "EUR", None);
        check("29.355", "EUR", None);
        check("500.5", "JPY", None);
        check("1e2", "EUR", None);
        check("NaN", "EUR", None);
        check("1.234,56", "EUR", None);
        check("29.35 ", "EUR", None);
    }

    #[test]
    fn processors_that_deviate_from_iso() {
        let isk = Money::from_minor_at("123400", currency("ISK"), 2).unwrap();
        assert_eq!((isk.amount_minor(), isk.to_decimal()), (1234, "1234".to_owned()));
        assert_eq!(isk.to_minor_at(2), Ok(123_400));
        assert!(Money::from_minor_at("123450", currency("ISK"), 2).is_err(), "a fraction of a króna does not exist");
        assert_eq!(Money::from_minor_at("5", currency("MGA"), 0).unwrap().amount_minor(), 500);
        assert_eq!(Money::from_minor("000001234", currency("USD")).unwrap().to_decimal(), "12.34");
        let huf = Money::from_decimal_at("1500", currency("HUF"), 0).unwrap();
        assert_eq!((huf.amount_minor(), huf.to_decimal_at(0)), (150_000, Ok("1500".to_owned())));
        assert!(Money::from_decimal_at("1500.50", currency("HUF"), 0).is_err());
        assert!(Money::new(150_050, currency("HUF")).to_decimal_at(0).is_err());
        assert!(Money::from_minor("29.35", currency("EUR")).is_err());
    }

    #[test]
    fn errors_say_what_and_why() {
        let error = Money::from_decimal("29.355", currency("EUR")).unwrap_err().to_string();
        assert_eq!(error, "\"29.355\" is not an amount in EUR: more than 2 decimals would have to be rounded");
    }

    #[test]
    fn adds_only_like_to_like() {
        let (euro, dollar) = (Money::new(1, currency("EUR")), Money::new(1, currency("USD")));
        assert_eq!(euro.checked_add(euro), Ok(Money::new(2, currency("EUR"))));
        assert!(matches!(euro.checked_add(dollar), Err(MoneyError::CurrencyMismatch(..))));
        assert!(matches!(Money::new(i64::MAX, currency("EUR")).checked_add(euro), Err(MoneyError::Overflow(_))));
        assert!(matches!(euro.checked_sub(Money::new(i64::MIN, currency("EUR"))), Err(MoneyError::Overflow(_))));
    }

    #[test]
    fn unit_prices_keep_their_decimals() {
        let screw = UnitPrice::from_decimal("0.01250", currency("EUR")).unwrap();
        assert_eq!((screw.to_decimal(), screw.to_money()), ("0.0125".to_owned(), None));
        let mug = UnitPrice::from_decimal("9.0", currency("EUR")).unwrap();
        assert_eq!((mug.to_decimal(), mug.to_money()), ("9.00".to_owned(), Some(Money::new(900, currency("EUR")))));
        assert_eq!(UnitPrice::from(Money::new(900, currency("EUR"))), mug);
    }

    fn any_currency() -> impl Strategy<Value = Currency> {
        let all: Vec<Currency> = Currency::all().collect();
        (0..all.len()).prop_map(move |index| all[index])
    }

    proptest! {
        #[test]
        fn decimal_and_minor_text_round_trip(amount in any::<i64>(), currency in any_currency()) {
            let money = Money::new(amount, currency);
            prop_assert_eq!(Money::from_decimal(&money.to_decimal(), currency), Ok(money));
            prop_assert_eq!(Money::from_minor(&amount.to_string(), currency), Ok(money));
            prop_assert_eq!(serde_json::from_str::<Money>(&serde_json::to_string(&money).unwrap()).unwrap(), money);
        }

        #[test]
        fn hostile_text_never_panics_and_never_rounds(text in "[-+0-9eE.,'_ ]{0,40}", currency in any_currency()) {
            if let Ok(money) = Money::from_decimal(&text, currency) {
                let again = Money::from_decimal(&money.to_decimal(), currency);
                prop_assert_eq!(again, Ok(money));
            }
        }
    }
}
