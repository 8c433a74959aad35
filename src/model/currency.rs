//! ISO 4217 currencies and their minor-unit exponents, withdrawn codes included, because old files still carry them.
//!
//! Not here: exponents by which a processor deviates from ISO (they belong to `mappings/<connector>/values.yaml`).

use std::fmt;

use super::ValueError;

/// Code and exponent, ordered by code. Source: the ISO 4217 lists one and three as of February 2026.
#[rustfmt::skip]
const TABLE: &[(&str, u8)] = &[
    ("ADP", 0), ("AED", 2), ("AFA", 2), ("AFN", 2), ("ALL", 2), ("AMD", 2), ("ANG", 2), ("AOA", 2), ("ARS", 2),
    ("ATS", 2), ("AUD", 2), ("AWG", 2), ("AZM", 2), ("AZN", 2), ("BAM", 2), ("BBD", 2), ("BDT", 2), ("BEF", 0),
    ("BGL", 2), ("BGN", 2), ("BHD", 3), ("BIF", 0), ("BMD", 2), ("BND", 2), ("BOB", 2), ("BOV", 2), ("BRL", 2),
    ("BSD", 2), ("BTN", 2), ("BWP", 2), ("BYN", 2), ("BYR", 0), ("BZD", 2), ("CAD", 2), ("CDF", 2), ("CHE", 2),
    ("CHF", 2), ("CHW", 2), ("CLF", 4), ("CLP", 0), ("CNY", 2), ("COP", 2), ("COU", 2), ("CRC", 2), ("CSD", 2),
    ("CUC", 2), ("CUP", 2), ("CVE", 2), ("CYP", 2), ("CZK", 2), ("DEM", 2), ("DJF", 0), ("DKK", 2), ("DOP", 2),
    ("DZD", 2), ("EEK", 2), ("EGP", 2), ("ERN", 2), ("ESP", 0), ("ETB", 2), ("EUR", 2), ("FIM", 2), ("FJD", 2),
    ("FKP", 2), ("FRF", 2), ("GBP", 2), ("GEL", 2), ("GHC", 2), ("GHS", 2), ("GIP", 2), ("GMD", 2), ("GNF", 0),
    ("GRD", 0), ("GTQ", 2), ("GYD", 2), ("HKD", 2), ("HNL", 2), ("HRK", 2), ("HTG", 2), ("HUF", 2), ("IDR", 2),
    ("IEP", 2), ("ILS", 2), ("INR", 2), ("IQD", 3), ("IRR", 2), ("ISK", 0), ("ITL", 0), ("JMD", 2), ("JOD", 3),
    ("JPY", 0), ("KES", 2), ("KGS", 2), ("KHR", 2), ("KMF", 0), ("KPW", 2), ("KRW", 0), ("KWD", 3), ("KYD", 2),
    ("KZT", 2), ("LAK", 2), ("LBP", 2), ("LKR", 2), ("LRD", 2), ("LSL", 2), ("LTL", 2), ("LUF", 0), ("LVL", 2),
    ("LYD", 3), ("MAD", 2), ("MDL", 2), ("MGA", 2), ("MGF", 0), ("MKD", 2), ("MMK", 2), ("MNT", 2), ("MOP", 2),
    ("MRO", 2), ("MRU", 2), ("MTL", 2), ("MUR", 2), ("MVR", 2), ("MWK", 2), ("MXN", 2), ("MXV", 2), ("MYR", 2),
    ("MZM", 2), ("MZN", 2), ("NAD", 2), ("NGN", 2), ("NIO", 2), ("NLG", 2), ("NOK", 2), ("NPR", 2), ("NZD", 2),
    ("OMR", 3), ("PAB", 2), ("PEN", 2), ("PGK", 2), ("PHP", 2), ("PKR", 2), ("PLN", 2), ("PTE", 0), ("PYG", 0),
    ("QAR", 2), ("ROL", 2), ("RON", 2), ("RSD", 2), ("RUB", 2), ("RUR", 2), ("RWF", 0), ("SAR", 2), ("SBD", 2),
    ("SCR", 2), ("SDD", 2), ("SDG", 2), ("SEK", 2), ("SGD", 2), ("SHP", 2), ("SIT", 2), ("SKK", 2), ("SLE", 2),
    ("SLL", 2), ("SOS", 2), ("SRD", 2), ("SSP", 2), ("STD", 2), ("STN", 2), ("SVC", 2), ("SYP", 2), ("SZL", 2),
    ("THB", 2), ("TJS", 2), ("TMM", 2), ("TMT", 2), ("TND", 3), ("TOP", 2), ("TPE", 0), ("TRL", 0), ("TRY", 2),
    ("TTD", 2), ("TWD", 2), ("TZS", 2), ("UAH", 2), ("UGX", 0), ("USD", 2), ("USN", 2), ("USS", 2), ("UYI", 0),
    ("UYU", 2), ("UYW", 4), ("UZS", 2), ("VEB", 2), ("VED", 2), ("VEF", 2), ("VES", 2), ("VND", 0), ("VUV", 0),
    ("WST", 2), ("XAD", 2), ("XAF", 0), ("XCD", 2), ("XCG", 2), ("XOF", 0), ("XPF", 0), ("YER", 2), ("ZAR", 2),
    ("ZMK", 2), ("ZMW", 2), ("ZWD", 2), ("ZWG", 2), ("ZWL", 2),
];

/// Codes of ISO 4217 that have no minor unit: metals, funds units, tests. They cannot carry an amount.
const WITHOUT_MINOR_UNIT: &[&str] =
    &["XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XDR", "XPD", "XPT", "XSU", "XTS", "XUA", "XXX"];

/// A known currency. Comparable and small; ordered by code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(u8);

impl Currency {
    /// Reads a three-letter code in either case. An unknown code is refused, never guessed.
    pub fn parse(text: &str) -> Result<Currency, ValueError> {
        let mut code = [0_u8; 3];
        if text.len() != code.len() || !text.is_ascii() {
            return Err(ValueError::new("a currency code", text, "a code has three letters"));
        }
        code.copy_from_slice(text.as_bytes());
        code.make_ascii_uppercase();
        match TABLE.binary_search_by(|(known, _)| known.as_bytes().cmp(code.as_slice())) {
            Ok(index) => Ok(Currency(index as u8)),
            Err(_) if WITHOUT_MINOR_UNIT.iter().any(|known| known.as_bytes() == code) => {
                Err(ValueError::new("a currency code", text, "it has no minor unit and cannot carry an amount"))
            }
            Err(_) => Err(ValueError::new("a currency code", text, "ISO 4217 does not know it")),
        }
    }

    pub fn as_str(self) -> &'static str {
        TABLE[usize::from(self.0)].0
    }

    /// Decimals of the minor unit by ISO 4217: 2 for EUR, 0 for JPY, 3 for KWD.
    pub fn exponent(self) -> u32 {
        u32::from(TABLE[usize::from(self.0)].1)
    }

    pub fn all() -> impl Iterator<Item = Currency> {
        (0..TABLE.len()).map(|index| Currency(index as u8))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        Currency::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_ordered_and_fits_its_index() {
        assert!(TABLE.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(TABLE.len() <= usize::from(u8::MAX));
        assert!(Currency::all().all(|currency| Currency::parse(currency.as_str()) == Ok(currency)));
    }

    #[track_caller]
    fn check(code: &str, exponent: u32) {
        assert_eq!(Currency::parse(code).unwrap().exponent(), exponent, "{code}");
    }

    #[test]
    fn exponents_follow_iso() {
        for (code, exponent) in
            [("EUR", 2), ("usd", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("ISK", 0), ("MGA", 2), ("HUF", 2), ("UGX", 0)]
        {
            check(code, exponent);
        }
        for old in ["HRK", "BGN", "ZWL", "ANG", "SLL", "CUC", "DEM"] {
            check(old, 2);
        }
        check("ITL", 0);
    }

    #[test]
    fn unknown_codes_are_refused() {
        for text in ["", "EU", "EURO", "€", "ZZZ", "€", "E R", "978"] {
            assert!(Currency::parse(text).is_err(), "{text}");
        }
        assert!(Currency::parse("XAU").unwrap_err().to_string().contains("minor unit"));
    }
}
