//! Look-alikes: for every value that says something about a person another of its kind and length, the same for the same value.
//!
//! Not here: which values do (`mapping::personal`), where they stand (`scrub`).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use crate::mapping::personal::{Category, iban_remainder, is_card, is_iban, luhn};

/// Whether a value of it that stands anywhere is recognisable as such.
fn is_strong(category: Category, original: &str) -> bool {
    let letters = original.chars().filter(|letter| letter.is_alphabetic()).count();
    let digits = original.chars().filter(char::is_ascii_digit).count();
    match category {
        Category::Email | Category::Bank | Category::Card => true,
        Category::Phone => digits >= 7,
        Category::Name => letters >= 4,
        Category::Address | Category::Person => letters >= 5,
        Category::Id => original.len() >= 4 && digits > 0,
        Category::Secret | Category::Ip | Category::Birth | Category::FreeText | Category::Host => false,
    }
}

/// What stands for what, within one recording.
#[derive(Default)]
pub(super) struct LookAlikes {
    by_original: HashMap<(Category, String), String>,
    used: HashSet<String>,
    drawn: BTreeMap<Category, u64>,
    /// Originals that are recognised anywhere, by their first word.
    known: HashMap<String, Vec<(String, String)>>,
}

impl LookAlikes {
    pub(super) fn of(&mut self, category: Category, original: &str) -> String {
        // The same mailbox, however it is written.
        let same = if category == Category::Email { original.to_lowercase() } else { original.to_owned() };
        let key = (category, same);
        if let Some(known) = self.by_original.get(&key) {
            return known.clone();
        }
        let mut made = original.to_owned();
        for _ in 0..64 {
            let drawn = self.drawn.entry(category).or_insert(0);
            *drawn += 1;
            made = make(category, original, *drawn);
            if made != original && !self.used.contains(&made) {
                break;
            }
        }
        self.used.insert(made.clone());
        if is_strong(category, original)
            && let Some(first) = words(original).next()
        {
            self.known.entry(first.to_lowercase()).or_default().push((original.to_owned(), made.clone()));
        }
        self.by_original.insert(key, made.clone());
        made
    }

    /// What stands for a value that was met before.
    pub(super) fn known(&self, category: Category, original: &str) -> Option<&str> {
        self.by_original.get(&(category, original.to_owned())).map(String::as_str)
    }

    /// Replaces what is known of people wherever else it stands; the number says how often.
    pub(super) fn replace_known(&self, text: &str) -> (String, usize) {
        let mut candidates: Vec<&(String, String)> =
            words(text).filter_map(|word| self.known.get(&word.to_lowercase())).flatten().collect();
        candidates.sort_by_key(|(original, _)| std::cmp::Reverse(original.len()));
        candidates.dedup();
        let (mut text, mut count) = (text.to_owned(), 0);
        for (original, made) in candidates {
            let mut from = 0;
            while let Some(at) = text.get(from..).and_then(|rest| rest.find(original.as_str())).map(|at| at + from) {
                let end = at + original.len();
                let joined = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
                if joined(text[..at].chars().next_back()) || joined(text[end..].chars().next()) {
                    from = end;
                } else {
                    text.replace_range(at..end, made);
                    from = at + made.len();
                    count += 1;
                }
            }
        }
        (text, count)
    }

    /// Originals that nothing that is written may contain.
    pub(super) fn telling(&self) -> impl Iterator<Item = (Category, &str)> {
        let telling = |category| matches!(category, Category::Email | Category::Bank | Category::Card);
        self.by_original
            .keys()
            .filter(move |(category, _)| telling(*category))
            .map(|(category, text)| (*category, text.as_str()))
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty())
}

fn make(category: Category, original: &str, number: u64) -> String {
    let mut draw = fastrand::Rng::with_seed(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ category as u64);
    match category {
        Category::Secret => super::secrets::placeholder(&format!("value {number}")),
        Category::Email => {
            let local = original.split('@').next().unwrap_or_default();
            let local: String = shape(local, &mut draw).chars().filter(|letter| !letter.is_whitespace()).collect();
            if local.len() < 3 { format!("{local}{number}@example.com") } else { format!("{local}@example.com") }
        }
        Category::Bank => iban(original, &mut draw).unwrap_or_else(|| shape(original, &mut draw)),
        Category::Card => card(original, &mut draw),
        Category::Ip => match original.parse() {
            Ok(IpAddr::V6(_)) => format!("2001:db8::{number:x}"),
            Ok(IpAddr::V4(_)) | Err(_) => {
                let block = ["192.0.2", "198.51.100", "203.0.113"][usize::try_from(number / 254 % 3).unwrap_or(0)];
                format!("{block}.{}", number % 254 + 1)
            }
        },
        Category::Birth if is_iso_date(original) => {
            let (year, month, day) = (draw.u32(1950..2000), draw.u32(1..13), draw.u32(1..29));
            format!("{year}-{month:02}-{day:02}{}", original.get(10..).unwrap_or_default())
        }
        Category::FreeText => neutral(original, &mut draw),
        Category::Host => format!("host{number}.example.com"),
        Category::Phone | Category::Name | Category::Address | Category::Birth | Category::Person | Category::Id => {
            shape(original, &mut draw)
        }
    }
}

fn is_iso_date(text: &str) -> bool {
    text.get(..10).is_some_and(|date| date.parse::<jiff::civil::Date>().is_ok())
}

/// Letters for letters, digits for digits; signs, spaces, case and length stay. A leading zero stays one.
fn shape(original: &str, draw: &mut fastrand::Rng) -> String {
    const VOWELS: [char; 5] = ['a', 'e', 'i', 'o', 'u'];
    const OTHERS: [char; 14] = ['b', 'd', 'f', 'g', 'k', 'l', 'm', 'n', 'p', 'r', 's', 't', 'v', 'z'];
    let mut out = String::with_capacity(original.len());
    let (mut vowel, mut first_digit) = (false, true);
    for letter in original.chars() {
        if letter.is_alphabetic() {
            let drawn = if vowel { VOWELS[draw.usize(..VOWELS.len())] } else { OTHERS[draw.usize(..OTHERS.len())] };
            vowel = !vowel;
            out.push(if letter.is_uppercase() { drawn.to_ascii_uppercase() } else { drawn });
        } else if letter.is_ascii_digit() {
            out.push(match (letter, first_digit) {
                ('0', true) => '0',
                (_, true) => char::from(b'1' + draw.u8(..9)),
                (_, false) => char::from(b'0' + draw.u8(..10)),
            });
            first_digit = false;
        } else {
            vowel = false;
            out.push(letter);
        }
    }
    out
}

/// Words that say nothing, of about the same lengths; line breaks and signs stay.
fn neutral(original: &str, draw: &mut fastrand::Rng) -> String {
    const WORDS: [&[&str]; 9] = [
        &["a"],
        &["of", "in", "to", "by"],
        &["the", "and", "any", "for"],
        &["some", "text", "here", "with", "note"],
        &["plain", "words", "about", "other", "which"],
        &["sample", "detail", "simple", "either"],
        &["nothing", "neutral", "another", "example"],
        &["sentence", "whatever", "anything"],
        &["something", "elsewhere", "otherwise"],
    ];
    let mut out = String::with_capacity(original.len());
    let mut word = String::new();
    for letter in original.chars().chain([' ']) {
        if letter.is_alphanumeric() {
            word.push(letter);
            continue;
        }
        let length = word.chars().count();
        if length > 0 {
            let of_length = WORDS[(length - 1).min(WORDS.len() - 1)];
            let drawn = of_length[draw.usize(..of_length.len())];
            let capital = word.chars().next().is_some_and(char::is_uppercase);
            let mut letters = drawn.chars();
            if let Some(first) = letters.next() {
                out.push(if capital { first.to_ascii_uppercase() } else { first });
                out.extend(letters);
            }
            word.clear();
        }
        out.push(letter);
    }
    out.pop();
    out
}

/// A number with the country and the length of the original, whose check digits hold.
fn iban(original: &str, draw: &mut fastrand::Rng) -> Option<String> {
    let compact: String = original.chars().filter(|letter| !letter.is_whitespace()).collect();
    if !is_iban(&compact) {
        return None;
    }
    let (country, account) = (compact.get(..2)?, shape(compact.get(4..)?, draw));
    let check = 98 - iban_remainder(&format!("{account}{country}00"))?;
    let made = format!("{country}{check:02}{account}");
    let mut made = made.chars();
    original.chars().map(|letter| if letter.is_whitespace() { Some(letter) } else { made.next() }).collect()
}

/// Digits for digits from the second on, with a check digit that holds.
fn card(original: &str, draw: &mut fastrand::Rng) -> String {
    let shaped = shape(original, draw);
    let mut out: Vec<char> = shaped.chars().collect();
    let last = out.iter().rposition(char::is_ascii_digit);
    if let Some(last) = last.filter(|_| is_card(original)) {
        for digit in '0'..='9' {
            out[last] = digit;
            if luhn(out.iter().filter_map(|letter| letter.to_digit(10))) {
                break;
            }
        }
    }
    out.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_length_and_equality_stay() {
        let mut all = LookAlikes::default();
        let name = all.of(Category::Name, "Anna Müller");
        assert_eq!(name.chars().count(), 11);
        assert!(name.chars().nth(4) == Some(' ') && name != "Anna Müller", "{name}");
        assert_eq!(all.of(Category::Name, "Anna Müller"), name);
        assert_ne!(all.of(Category::Name, "Anna Mullar"), name);
        let mail = all.of(Category::Email, "Anna.M@corp.example");
        assert!(mail.ends_with("@example.com") && all.of(Category::Email, "anna.m@corp.example") == mail, "{mail}");
        let phone = all.of(Category::Phone, "+49 (0)170 1234567");
        assert!(phone.starts_with('+') && phone.len() == 18, "{phone}");
        assert!(phone.find('(') == Some(4) && phone.find(')') == Some(6), "{phone}");
        let account = all.of(Category::Bank, "DE89 3704 0044 0532 0130 00");
        assert!(is_iban(&account.replace(' ', "")) && account.starts_with("DE"), "{account}");
        let card = all.of(Category::Card, "4242 4242 4242 4242");
        assert!(is_card(&card), "{card}");
        let note = all.of(Category::FreeText, "Please ring twice,\nThanks!");
        assert!(note.contains(",\n") && note.ends_with('!') && !note.contains("ring"), "{note}");
        assert_eq!(all.of(Category::Birth, "1984-02-29").len(), 10);
        assert_eq!(all.of(Category::Ip, "10.1.2.3"), "192.0.2.2");
        assert_eq!(all.of(Category::Ip, "fe80::1"), "2001:db8::2");
    }

    #[test]
    fn what_is_known_is_recognised_elsewhere_but_not_inside_words() {
        let mut all = LookAlikes::default();
        let made = all.of(Category::Name, "Anna");
        assert_eq!(all.replace_known("for Anna, by Annabel"), (format!("for {made}, by Annabel"), 1));
        assert_eq!(all.replace_known("nobody").1, 0);
    }
}
