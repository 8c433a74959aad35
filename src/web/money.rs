//! Amounts as finance reads them: digits in threes, a real minus sign, the unit's own decimals; pure. Not here: rounding (there is
//! none), sums.

/// An exact amount, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Money {
    pub text: String,
    pub unit: String,
    pub negative: bool,
    pub zero: bool,
}

/// Of a decimal as reports write it: `-1234.50`. Anything else is shown as it stands.
pub(super) fn money(decimal: &str, unit: &str) -> Money {
    let negative = decimal.starts_with('-');
    let digits = decimal.strip_prefix('-').unwrap_or(decimal);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = !whole.is_empty() && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    let text = if plain { grouped(negative, whole, fraction) } else { decimal.to_owned() };
    let zero = plain && digits.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    Money { text, unit: unit.to_owned(), negative: negative && plain, zero }
}

fn grouped(negative: bool, whole: &str, fraction: &str) -> String {
    let mut text = String::with_capacity(whole.len() * 2 + fraction.len() + 4);
    if negative {
        text.push('\u{2212}');
    }
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::money;

    #[track_caller]
    fn check(decimal: &str, text: &str, negative: bool, zero: bool) {
        let shown = money(decimal, "EUR");
        assert_eq!((shown.text.as_str(), shown.negative, shown.zero), (text, negative, zero));
    }

    #[test]
    fn every_digit_is_kept() {
        check("0.00", "0.00", false, true);
        check("-0.01", "−0.01", true, false);
        check("1234567.890", "1\u{202f}234\u{202f}567.890", false, false);
        check("-95547", "−95\u{202f}547", true, false);
        check("123", "123", false, false);
        let large = "99999999999999999999999999999999999.99";
        assert_eq!(money(large, "EUR").text.replace('\u{202f}', ""), large);
    }

    #[test]
    fn what_is_no_number_stays_as_it_is() {
        check("-<b>", "-<b>", false, false);
        check("", "", false, false);
        check("1e9", "1e9", false, false);
    }
}
