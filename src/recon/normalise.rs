//! Making keys comparable that two systems write differently: spaces, case, Unicode form, prefixes, leading zeros.
//!
//! Each step is named in the rules; a key is never changed otherwise. Not here: which keys a pass uses.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// One step, applied in the order of the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Normaliser {
    /// White space at both ends, and runs of it inside become one space.
    Spaces,
    /// Case is ignored.
    Case,
    /// Composed and decomposed letters are the same (NFC).
    Unicode,
    /// This prefix is left out, once, if it is there.
    Prefix(Box<str>),
    /// Zeros in front of other digits.
    LeadingZeros,
    /// These characters are left out wherever they are.
    Without(Box<str>),
}

/// `text` after all steps.
pub fn normalise<'a>(text: &'a str, steps: &[Normaliser]) -> Cow<'a, str> {
    steps.iter().fold(Cow::Borrowed(text), |text, step| match step {
        Normaliser::Spaces => Cow::Owned(text.split_whitespace().collect::<Vec<_>>().join(" ")),
        Normaliser::Case => Cow::Owned(text.to_lowercase()),
        Normaliser::Unicode => Cow::Owned(text.nfc().collect()),
        Normaliser::Prefix(prefix) => match text.strip_prefix(&**prefix) {
            Some(rest) => Cow::Owned(rest.to_owned()),
            None => text,
        },
        Normaliser::LeadingZeros => {
            let rest = text.trim_start_matches('0');
            let rest = if rest.starts_with(|first: char| first.is_ascii_digit()) || rest.len() == text.len() {
                rest
            } else {
                // Only zeros, or zeros before something that is no digit: one of them stays.
                text.get(text.len() - rest.len() - 1..).unwrap_or(&text)
            };
            Cow::Owned(rest.to_owned())
        }
        Normaliser::Without(characters) => Cow::Owned(text.chars().filter(|c| !characters.contains(*c)).collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(steps: &[Normaliser], text: &str, expected: &str) {
        assert_eq!(normalise(text, steps), expected);
    }

    #[test]
    fn each_step_does_one_thing() {
        check(&[], " #A ", " #A ");
        check(&[Normaliser::Spaces], "  R  17\t4 ", "R 17 4");
        check(&[Normaliser::Case], "Ab-Ä", "ab-ä");
        check(&[Normaliser::Unicode], "u\u{308}", "ü");
        check(&[Normaliser::Prefix("#".into())], "##1", "#1");
        check(&[Normaliser::Without(" -".into())], "DE 12-34", "DE1234");
        for (text, expected) in
            [("00012", "12"), ("0", "0"), ("000", "0"), ("0A", "0A"), ("00A", "0A"), ("A01", "A01"), ("", "")]
        {
            check(&[Normaliser::LeadingZeros], text, expected);
        }
    }

    #[test]
    fn steps_follow_each_other() {
        let steps =
            [Normaliser::Spaces, Normaliser::Case, Normaliser::Prefix("order ".into()), Normaliser::LeadingZeros];
        check(&steps, " ORDER  0042", "42");
    }
}
