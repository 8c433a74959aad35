//! The escapes of an address that some vendors undo before they sign it.
//!
//! Not here: full percent decoding, which would make different addresses equal.

use std::borrow::Cow;

/// HubSpot's documented list: https://developers.hubspot.com/docs/guides/apps/authentication/validating-requests
const LISTED: [(&str, char); 12] = [
    ("3a", ':'),
    ("2f", '/'),
    ("3f", '?'),
    ("40", '@'),
    ("21", '!'),
    ("24", '$'),
    ("27", '\''),
    ("28", '('),
    ("29", ')'),
    ("2a", '*'),
    ("2c", ','),
    ("3b", ';'),
];

/// Decodes only the listed escapes; all others stay as they are.
pub(super) fn decode_listed(url: &str) -> Cow<'_, str> {
    if !url.contains('%') {
        return Cow::Borrowed(url);
    }
    let mut decoded = String::with_capacity(url.len());
    let mut rest = url;
    while let Some(at) = rest.find('%') {
        decoded.push_str(&rest[..at]);
        let code = rest.get(at + 1..at + 3);
        let plain = code.and_then(|code| LISTED.iter().find(|(hex, _)| hex.eq_ignore_ascii_case(code)));
        match plain {
            Some((_, character)) => {
                decoded.push(*character);
                rest = &rest[at + 3..];
            }
            None => {
                decoded.push('%');
                rest = &rest[at + 1..];
            }
        }
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_escapes_are_undone() {
        assert_eq!(decode_listed("a?b=%3A%2f%20%25%3"), "a?b=:/%20%25%3");
        assert_eq!(decode_listed("%%40ü%2Cé%"), "%@ü,é%");
    }
}
