//! Amounts as the vendors hold them: integers in minor units, and each vendor's way to write them.
//!
//! Not here: rounding; every amount in the sandbox is exact from the start.

/// The currencies the sandbox trades in; the sheet's exponents, per vendor where they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Currency {
    Eur,
    Jpy,
    Kwd,
    /// Zero decimals by ISO 4217, but the processor wants two.
    Isk,
}

impl Currency {
    pub fn code(self) -> &'static str {
        match self {
            Currency::Eur => "EUR",
            Currency::Jpy => "JPY",
            Currency::Kwd => "KWD",
            Currency::Isk => "ISK",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        [Currency::Eur, Currency::Jpy, Currency::Kwd, Currency::Isk].into_iter().find(|c| c.code() == code)
    }

    /// Decimals by ISO 4217, used by shop and ERP.
    pub fn exponent(self) -> u32 {
        match self {
            Currency::Eur => 2,
            Currency::Jpy | Currency::Isk => 0,
            Currency::Kwd => 3,
        }
    }

    /// The processor's integer for an ISO minor amount: ISK is sent as if it had two decimals.
    pub fn psp_amount(self, minor: i64) -> i64 {
        match self {
            Currency::Eur | Currency::Jpy | Currency::Kwd => minor,
            Currency::Isk => minor * 100,
        }
    }

    pub fn psp_code(self) -> String {
        self.code().to_lowercase()
    }

    /// Price of an article in this currency from its euro cents, at invented rates. Dinars end in 0 because the
    /// processor refuses any other third decimal.
    pub fn price_from_cents(self, cents: i64) -> i64 {
        match self {
            Currency::Eur => cents,
            Currency::Jpy | Currency::Isk => cents * 16 / 10,
            Currency::Kwd => cents * 34 / 100 * 10,
        }
    }

    /// The largest amount that is no more than `minor` and that the processor can move.
    pub fn movable(self, minor: i64) -> i64 {
        match self {
            Currency::Eur | Currency::Jpy | Currency::Isk => minor,
            Currency::Kwd => minor - minor % 10,
        }
    }

    /// `47.90`, `4790`, `4.790`.
    pub fn decimal(self, minor: i64) -> String {
        decimal(minor, self.exponent(), ".")
    }

    /// Reads exactly this currency's number of decimals; no sign, no exponent, no other separator.
    pub fn parse(self, text: &str) -> Option<i64> {
        let exponent = usize::try_from(self.exponent()).ok()?;
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return None,
            None => (text, ""),
        };
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || fraction.len() != exponent || !digits(whole) || !digits(fraction) {
            return None;
        }
        format!("{whole}{fraction}").parse().ok()
    }
}

fn decimal(minor: i64, exponent: u32, separator: &str) -> String {
    let unit = 10_i64.pow(exponent);
    let sign = if minor < 0 { "-" } else { "" };
    let (whole, rest) = ((minor / unit).abs(), (minor % unit).abs());
    match exponent {
        0 => format!("{sign}{whole}"),
        decimals => format!("{sign}{whole}{separator}{rest:0width$}", width = decimals as usize),
    }
}

/// The ERP's file form: decimal comma, and points between thousands if asked: `1.234,50`.
pub fn german(cents: i64, thousands: bool) -> String {
    let plain = decimal(cents, 2, ",");
    let Some((whole, fraction)) = plain.split_once(',').filter(|_| thousands) else { return plain };
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push('.');
        }
        grouped.push(digit);
    }
    format!("{grouped},{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_each_currency_with_its_decimals() {
        assert_eq!(Currency::Eur.decimal(2935), "29.35");
        assert_eq!(Currency::Eur.decimal(5), "0.05");
        assert_eq!(Currency::Jpy.decimal(500), "500");
        assert_eq!(Currency::Kwd.decimal(1230), "1.230");
        assert_eq!(Currency::Isk.psp_amount(1234), 123_400);
        assert_eq!(Currency::Jpy.psp_amount(2935), 2935);
    }

    #[test]
    fn reads_only_the_exact_number_of_decimals() {
        assert_eq!(Currency::Eur.parse("29.35"), Some(2935));
        assert_eq!(Currency::Jpy.parse("500"), Some(500));
        assert_eq!(Currency::Kwd.parse("1.234"), Some(1234));
        for wrong in ["29.3", "29", "29.350", "29,35", "-1.00", "1e2", "", ".50", "1.", " 1.00"] {
            assert_eq!(Currency::Eur.parse(wrong), None, "{wrong:?}");
        }
        assert_eq!(Currency::Jpy.parse("500.00"), None);
        assert_eq!(Currency::Jpy.parse("500."), None);
    }

    #[test]
    fn german_form_groups_thousands() {
        assert_eq!(german(123_450, true), "1.234,50");
        assert_eq!(german(126_800, false), "1268,00");
        assert_eq!(german(950, true), "9,50");
    }
}
