//! What MT940 tells about an entry, `:86:`: numbered subfields, tags between slashes, or plain text.
//!
//! Banks fill the field as they like; what is not recognised stays in the purpose. Not here: amounts.

use crate::connector::file::statement::Entry;

/// Words that German banks put into the remittance text, each followed by its value.
const KEYWORDS: &[(&str, &str)] = &[
    ("EREF+", "end_to_end_reference"),
    ("KREF+", "payment_reference"),
    ("MREF+", "mandate"),
    ("CRED+", "creditor_id"),
    ("DEBT+", "debtor_id"),
    ("SVWZ+", "purpose"),
    ("ABWA+", "ultimate_debtor"),
    ("ABWE+", "ultimate_creditor"),
    ("IBAN+", "counterparty_account"),
    ("BIC+", "counterparty_bank"),
    ("PURP+", "purpose_code"),
    ("COAM+", "charges_text"),
    ("OAMT+", "original_amount_text"),
];

/// Tags between slashes, as Dutch banks use them.
const TAGS: &[(&str, &str)] = &[
    ("TRTP", "booking_text"),
    ("IBAN", "counterparty_account"),
    ("BIC", "counterparty_bank"),
    ("NAME", "counterparty"),
    ("REMI", "purpose"),
    ("EREF", "end_to_end_reference"),
    ("MARF", "mandate"),
    ("CSID", "creditor_id"),
    ("PREF", "payment_reference"),
    ("PURP", "purpose_code"),
    ("RTRN", "return_code"),
    ("CNTP", "counterparty_parts"),
    ("ORDP", ""),
    ("BENM", ""),
    ("ULTC", "ultimate_creditor"),
    ("ULTD", "ultimate_debtor"),
    ("ISDT", "interest_date_text"),
    ("TRCD", "return_text"),
];

pub(super) fn information(lines: &[String], entry: &mut Entry) {
    let together = lines.concat();
    if let Some((code, separator)) = numbered(&together) {
        entry.text("gvc", code);
        subfields(together.get(3..).unwrap_or_default(), separator, entry);
    } else if !(together.starts_with('/') && tags(&together, entry)) {
        entry.text("purpose", &unwrapped(lines));
    }
}

/// Lines were broken at a full line in the middle of a word, at any other place between words.
fn unwrapped(lines: &[String]) -> String {
    lines
        .iter()
        .fold((String::new(), 0), |(text, before), line| {
            let separator = if text.is_empty() || before >= 65 { "" } else { " " };
            (format!("{text}{separator}{line}"), line.chars().count())
        })
        .0
}

/// `166?00...`: three digits, then a separator before each two-digit code.
fn numbered(text: &str) -> Option<(&str, char)> {
    let (code, rest) = (text.get(..3)?, text.get(3..)?);
    let separator = rest.chars().next()?;
    let is_code = code.bytes().all(|byte| byte.is_ascii_digit());
    let is_separator = separator.is_ascii_punctuation() && !matches!(separator, '/' | ',' | '.' | '-' | ':');
    let has_subfield = rest.get(1..3).is_some_and(|next| next.bytes().all(|byte| byte.is_ascii_digit()));
    (is_code && is_separator && has_subfield).then_some((code, separator))
}

fn subfields(text: &str, separator: char, entry: &mut Entry) {
    let (mut remittance, mut name) = (String::new(), String::new());
    let mut texts: Vec<(&'static str, String)> = Vec::new();
    let mut target: Option<u8> = None;
    for piece in text.split(separator).skip(1) {
        let code = piece.get(..2).filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()));
        let known = code.and_then(|code| code.parse::<u8>().ok()).filter(|code| is_subfield(*code));
        // A separator in the text itself is no subfield.
        let value =
            if known.is_some() { piece.get(2..).unwrap_or_default().to_owned() } else { format!("{separator}{piece}") };
        target = known.or(target);
        match target {
            Some(0) => texts.push(("booking_text", value)),
            Some(10) => texts.push(("prima_nota", value)),
            Some(20..=29 | 60..=63) => remittance.push_str(&value),
            Some(30) => texts.push(("counterparty_bank", value)),
            Some(31) => texts.push(("counterparty_account", value)),
            Some(32 | 33) => name.push_str(&value),
            Some(34) => texts.push(("text_key", value)),
            Some(_) | None => remittance.push_str(&value),
        }
    }
    texts.push(("counterparty", name));
    for (name, value) in texts {
        entry.text(name, &value);
    }
    keywords(&remittance, entry);
}

fn is_subfield(code: u8) -> bool {
    matches!(code, 0 | 10 | 20..=34 | 60..=63)
}

/// What stands before the first keyword is remittance too.
fn keywords(text: &str, entry: &mut Entry) {
    let mut marks: Vec<(usize, usize, &'static str)> =
        KEYWORDS.iter().filter_map(|(word, name)| text.find(word).map(|at| (at, at + word.len(), *name))).collect();
    marks.sort_unstable();
    let before = &text[..marks.first().map_or(text.len(), |(at, _, _)| *at)];
    let mut purpose = before.trim().to_owned();
    for (index, (_, start, name)) in marks.iter().enumerate() {
        let end = marks.get(index + 1).map_or(text.len(), |(at, _, _)| *at);
        let value = text[*start..end.max(*start)].trim();
        if *name == "purpose" {
            if !purpose.is_empty() {
                purpose.push(' ');
            }
            purpose.push_str(value);
        } else if !entry.texts.iter().any(|(known, _)| known == name) {
            entry.text(name, value);
        }
    }
    entry.text("purpose", &purpose);
}

/// `/NAME/Acme/REMI/USTD//TX20134XT/`; `false` if no tag is known.
fn tags(text: &str, entry: &mut Entry) -> bool {
    let mut marks: Vec<(usize, usize, &'static str)> = Vec::new();
    let mut at = 0;
    while let Some(found) = text[at..].find('/').map(|found| found + at) {
        let known =
            TAGS.iter().find(|(tag, _)| text[found + 1..].strip_prefix(tag).is_some_and(|rest| rest.starts_with('/')));
        match known {
            Some((tag, name)) => {
                let start = found + tag.len() + 2;
                marks.push((found, start, name));
                // The slash that ends this tag may begin the next.
                at = start - 1;
            }
            None => at = found + 1,
        }
    }
    if marks.first().is_none_or(|(at, _, _)| *at != 0) {
        return false;
    }
    for (index, (_, start, name)) in marks.iter().enumerate() {
        let end = marks.get(index + 1).map_or(text.len(), |(at, _, _)| *at);
        let value = text.get(*start..end).unwrap_or_default().trim_matches('/');
        match *name {
            "" => {}
            "purpose" => entry.text("purpose", value.strip_prefix("USTD//").unwrap_or(value)),
            "counterparty_parts" => {
                let names = ["counterparty_account", "counterparty_bank", "counterparty", "counterparty_city"];
                for (name, part) in names.into_iter().zip(value.split('/')) {
                    entry.text(name, part);
                }
            }
            name if entry.texts.iter().any(|(known, _)| *known == name) => {}
            name => entry.text(name, value),
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str], expected: &[(&str, &str)]) {
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        let mut entry = Entry::default();
        information(&lines, &mut entry);
        let mut found: Vec<(&str, &str)> = entry.texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let mut expected = expected.to_vec();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }

    #[test]
    fn numbered_subfields_are_joined_in_mid_word() {
        check(
            &[
                "166?00GUTSCHRIFT?20EREF+TX20134XT?21SVWZ+TX20134XT batch 134, H?22u",
                "bMerchantEU?30ABNANL2A?31NL91ABNA0417164300?32Acme?33 N.V.?34000",
            ],
            &[
                ("gvc", "166"),
                ("booking_text", "GUTSCHRIFT"),
                ("end_to_end_reference", "TX20134XT"),
                ("purpose", "TX20134XT batch 134, HubMerchantEU"),
                ("counterparty_bank", "ABNANL2A"),
                ("counterparty_account", "NL91ABNA0417164300"),
                ("counterparty", "Acme N.V."),
                ("text_key", "000"),
            ],
        );
        check(
            &["808?00ENTGELT?20Account fee? 5?21 EUR"],
            &[("gvc", "808"), ("booking_text", "ENTGELT"), ("purpose", "Account fee? 5 EUR")],
        );
    }

    #[test]
    fn tags_between_slashes() {
        check(
            &[
                "/TRTP/SEPA OVERBOEKING/IBAN/NL91ABNA0417164300/BIC/ABNANL2A",
                "/NAME/Acme/REMI/USTD//a/b//EREF/NOTPROVIDED",
            ],
            &[
                ("booking_text", "SEPA OVERBOEKING"),
                ("counterparty_account", "NL91ABNA0417164300"),
                ("counterparty_bank", "ABNANL2A"),
                ("counterparty", "Acme"),
                ("purpose", "a/b"),
            ],
        );
        check(&["/ORDP//NAME/Acme/REMI/x"], &[("counterparty", "Acme"), ("purpose", "x")]);
        check(
            &["/CNTP/NL91ABNA0417164300/ABNANL2A/Acme/Amsterdam/"],
            &[
                ("counterparty_account", "NL91ABNA0417164300"),
                ("counterparty_bank", "ABNANL2A"),
                ("counterparty", "Acme"),
                ("counterparty_city", "Amsterdam"),
            ],
        );
        check(&["/unknown/text"], &[("purpose", "/unknown/text")]);
    }

    #[test]
    fn plain_text() {
        check(&["12 pens, 5.00", "second line"], &[("purpose", "12 pens, 5.00 second line")]);
        check(&[&"x".repeat(65), "y"], &[("purpose", &format!("{}y", "x".repeat(65)))]);
        check(&[""], &[]);
        check(&["ééé?20"], &[("purpose", "ééé?20")]);
    }
}
