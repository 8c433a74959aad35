//! What says something about a person: by the name of its field, or by its own look.
//!
//! Not here: what is put in its place (`conformance::record`), fields that a mapping marks (`Mapping::personal_paths`).

use std::net::IpAddr;

/// What was replaced, as it is counted and told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    Secret,
    Email,
    Phone,
    Name,
    Address,
    Bank,
    Card,
    Ip,
    Birth,
    Person,
    FreeText,
    Host,
    Id,
}

impl Category {
    pub fn as_str(self) -> &'static str {
        match self {
            Category::Secret => "secrets",
            Category::Email => "e-mail addresses",
            Category::Phone => "phone numbers",
            Category::Name => "names",
            Category::Address => "addresses",
            Category::Bank => "bank accounts",
            Category::Card => "cards",
            Category::Ip => "IP addresses",
            Category::Birth => "dates of birth",
            Category::Person => "other personal data",
            Category::FreeText => "free texts",
            Category::Host => "host names",
            Category::Id => "ids",
        }
    }
}

/// `shippingAddress2` and `shipping_address_2` are both [shipping, address, 2].
pub(crate) fn tokens(name: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut before: Option<char> = None;
    for letter in name.chars() {
        let joins = match before {
            Some(before) if letter.is_alphabetic() => {
                before.is_alphabetic() && !(before.is_lowercase() && letter.is_uppercase())
            }
            Some(before) => before.is_ascii_digit() && letter.is_ascii_digit(),
            None => false,
        };
        if letter.is_alphanumeric() {
            match tokens.last_mut() {
                Some(token) if joins => token.extend(letter.to_lowercase()),
                Some(_) | None => tokens.push(letter.to_lowercase().collect()),
            }
        }
        before = Some(letter).filter(|letter| letter.is_alphanumeric());
    }
    tokens
}

fn is_any(tokens: &[String], words: &[&str]) -> bool {
    tokens.iter().any(|token| words.contains(&token.as_str()))
}

const PEOPLE: [&str; 38] = [
    "customer",
    "customers",
    "contact",
    "contacts",
    "person",
    "people",
    "billing",
    "shipping",
    "recipient",
    "receiver",
    "sender",
    "buyer",
    "payer",
    "owner",
    "user",
    "employee",
    "addressee",
    "consignee",
    "cardholder",
    "holder",
    "patient",
    "guest",
    "member",
    "author",
    "address",
    "addresses",
    "ship",
    "bill",
    "counterparty",
    "debtor",
    "creditor",
    "partner",
    "staff",
    "attendee",
    "creator",
    "profile",
    "account",
    "contactperson",
];
const NAMES: [&str; 15] = [
    "first",
    "last",
    "given",
    "family",
    "full",
    "middle",
    "maiden",
    "nick",
    "legal",
    "user",
    "company",
    "business",
    "login",
    "display",
    "organisation",
];

/// By the names that lead to a value, innermost last.
pub(crate) fn by_name(path: &[String]) -> Option<Category> {
    let own = tokens(path.last()?);
    let above = || path.iter().rev().skip(1).take(2).flat_map(|name| tokens(name)).collect::<Vec<_>>();
    let last = own.last().map(String::as_str).unwrap_or_default();
    if [
        "id", "ids", "type", "code", "status", "kind", "count", "at", "date", "time", "enabled", "verified", "format",
        "url", "state",
    ]
    .contains(&last)
        && !is_any(&own, &["post", "postal", "zip", "birth", "card", "tax", "vat"])
    {
        return None;
    }
    let compact = own.concat();
    if is_any(&own, &["email", "emails", "mail"]) || compact.contains("email") {
        return Some(Category::Email);
    }
    if is_any(&own, &["phone", "phones", "mobile", "telephone", "tel", "fax", "cellphone", "msisdn"])
        || compact.ends_with("phone")
    {
        return Some(Category::Phone);
    }
    if is_any(&own, &["iban", "bban", "sortcode"])
        || ["accountnumber", "bankaccount", "routingnumber"].contains(&compact.as_str())
    {
        return Some(Category::Bank);
    }
    if ["pan", "cvc", "cvv"].contains(&last)
        || ["cardnumber", "creditcard", "last4", "cardlast4"].contains(&compact.as_str())
    {
        return Some(Category::Card);
    }
    if is_any(&own, &["ip", "ipv4", "ipv6"]) || compact.ends_with("ipaddress") || compact == "remoteaddr" {
        return Some(Category::Ip);
    }
    if is_any(&own, &["birthday", "birthdate", "birth", "dob"]) {
        return Some(Category::Birth);
    }
    if is_any(&own, &["ssn", "passport", "vat", "vatin", "lat", "latitude", "lng", "longitude"])
        || ["taxid", "taxnumber", "nationalid", "socialsecuritynumber"].contains(&compact.as_str())
    {
        return Some(Category::Person);
    }
    if is_any(
        &own,
        &[
            "street",
            "address",
            "address1",
            "address2",
            "addresses",
            "postcode",
            "postal",
            "zip",
            "zipcode",
            "city",
            "town",
            "suburb",
            "apartment",
            "house",
        ],
    ) || ["line1", "line2", "postalcode", "addressline1", "addressline2"].contains(&compact.as_str())
    {
        return Some(Category::Address);
    }
    if is_any(
        &own,
        &[
            "surname",
            "firstname",
            "lastname",
            "fullname",
            "forename",
            "username",
            "cardholder",
            "attention",
            "addressee",
            "salutation",
        ],
    ) || compact == "company"
    {
        return Some(Category::Name);
    }
    if last == "name" && (is_any(&own, &NAMES) || is_any(&own, &PEOPLE) || is_any(&above(), &PEOPLE)) {
        return Some(Category::Name);
    }
    is_any(
        &own,
        &[
            "note",
            "notes",
            "comment",
            "comments",
            "memo",
            "remark",
            "remarks",
            "description",
            "instructions",
            "message",
            "purpose",
            "feedback",
            "review",
        ],
    )
    .then_some(Category::FreeText)
}

/// By its own look, whatever the field is called.
pub(crate) fn by_look(text: &str) -> Option<Category> {
    let compact: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    if is_mail(text) {
        Some(Category::Email)
    } else if text.parse::<IpAddr>().is_ok() && text.len() > 6 {
        Some(Category::Ip)
    } else if is_iban(&compact) {
        Some(Category::Bank)
    } else if text.contains([' ', '-']) && is_card(text) {
        Some(Category::Card)
    } else if is_phone(text) {
        Some(Category::Phone)
    } else {
        None
    }
}

/// Whether a text is made of words rather than codes: three or more of them.
pub(crate) fn is_free_text(text: &str) -> bool {
    let words = text.split_whitespace().filter(|word| {
        let bare = word.trim_matches(|letter: char| letter.is_ascii_punctuation());
        bare.chars().count() > 1
            && bare.chars().all(|letter| letter.is_alphabetic() || matches!(letter, '\'' | '-' | '’'))
    });
    let months_and_days = |word: &&str| is_calendar(word);
    words.clone().count() >= 3 && !words.clone().all(|word| months_and_days(&word))
}

fn is_calendar(word: &str) -> bool {
    const WORDS: [&str; 20] = [
        "mon", "tue", "wed", "thu", "fri", "sat", "sun", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep",
        "oct", "nov", "dec", "gmt",
    ];
    WORDS.contains(&word.trim_matches(',').to_lowercase().as_str())
}

/// Whether a field's name says that its value opens something.
pub(crate) fn is_secretive(name: &str) -> bool {
    let own = tokens(name);
    let compact = own.concat();
    let opens = is_any(
        &own,
        &[
            "secret",
            "password",
            "passwd",
            "passphrase",
            "token",
            "signature",
            "sig",
            "hmac",
            "credential",
            "credentials",
            "jwt",
            "assertion",
            "otp",
            "cookie",
            "authorization",
            "apikey",
        ],
    ) || ["apikey", "privatekey", "accesskey", "secretkey", "sessionid", "sessionkey", "sharedkey"]
        .iter()
        .any(|word| compact.contains(word));
    let about = own.last().is_some_and(|last| {
        [
            "type", "url", "uri", "at", "in", "expires", "expiry", "count", "scope", "endpoint", "ttl", "name",
            "method", "id",
        ]
        .contains(&last.as_str())
    }) && !compact.ends_with("sessionid");
    // Where the next page begins opens nothing.
    let place = is_any(&own, &["page", "next", "continuation", "sync", "delta", "cursor", "skip", "previous", "prev"]);
    opens && !about && !place
}

pub(crate) fn is_mail(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let allowed = |letter: char| letter.is_alphanumeric() || "._%+-'".contains(letter);
    !local.is_empty()
        && local.chars().all(allowed)
        && domain.contains('.')
        && domain
            .split('.')
            .all(|part| !part.is_empty() && part.chars().all(|letter| letter.is_alphanumeric() || letter == '-'))
}

/// E-mail addresses inside a text: where each begins and ends.
pub(crate) fn mails(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices('@') {
        let local = |letter: &char| letter.is_alphanumeric() || "._%+-".contains(*letter);
        let domain = |letter: &char| letter.is_alphanumeric() || ".-".contains(*letter);
        let before: usize = text[..at].chars().rev().take_while(local).map(char::len_utf8).sum();
        let after: usize = text[at + 1..].chars().take_while(domain).map(char::len_utf8).sum();
        let end = at + 1 + text[at + 1..at + 1 + after].trim_end_matches(['.', '-']).len();
        let start = at - before;
        if text.get(start..end).is_some_and(is_mail) {
            found.push((start, end));
        }
    }
    found
}

fn is_phone(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    text.starts_with('+')
        && (8..=15).contains(&digits)
        && text.chars().all(|letter| letter.is_ascii_digit() || "+ ()-./".contains(letter))
}

pub(crate) fn is_iban(compact: &str) -> bool {
    (15..=34).contains(&compact.len())
        && compact.chars().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit())
        && compact.chars().take(2).all(|letter| letter.is_ascii_uppercase())
        && compact.chars().skip(2).take(2).all(|letter| letter.is_ascii_digit())
        && iban_remainder(&format!("{}{}", &compact[4..], &compact[..4])) == Some(1)
}

/// Of the rearranged number divided by 97; lower-case letters count as capitals.
pub(crate) fn iban_remainder(rearranged: &str) -> Option<u32> {
    rearranged.chars().try_fold(0, |rest, letter| {
        let value = letter.to_ascii_lowercase().to_digit(36)?;
        Some(if value < 10 { (rest * 10 + value) % 97 } else { (rest * 100 + value) % 97 })
    })
}

pub(crate) fn is_card(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|letter| letter.to_digit(10)).collect();
    (13..=19).contains(&digits.len())
        && text.chars().all(|letter| letter.is_ascii_digit() || matches!(letter, ' ' | '-'))
        && luhn(digits.into_iter())
}

pub(crate) fn luhn(digits: impl DoubleEndedIterator<Item = u32>) -> bool {
    let doubled = digits.rev().enumerate().map(|(place, digit)| match place % 2 {
        0 => digit,
        _ if digit > 4 => digit * 2 - 9,
        _ => digit * 2,
    });
    doubled.sum::<u32>() % 10 == 0
}

/// A value of somebody as it may be shown: its form.
pub(crate) fn masked(text: &str) -> String {
    let form = |letter: char| match letter {
        letter if letter.is_alphabetic() => 'x',
        letter if letter.is_numeric() => '0',
        other => other,
    };
    text.chars().take(40).map(form).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_fields() {
        for (path, expected) in [
            ("customer.firstName", Some(Category::Name)),
            ("billing_address.name", Some(Category::Name)),
            ("name", None),
            ("file_name", None),
            ("contact_email", Some(Category::Email)),
            ("email_verified", None),
            ("shipping.address1", Some(Category::Address)),
            ("address.country_code", None),
            ("zip", Some(Category::Address)),
            ("postal_code", Some(Category::Address)),
            ("browser_ip", Some(Category::Ip)),
            ("tip", None),
            ("customer.note", Some(Category::FreeText)),
            ("phoneNumber", Some(Category::Phone)),
            ("order_number", None),
            ("company_id", None),
            ("cardNumber", Some(Category::Card)),
        ] {
            let path: Vec<String> = path.split('.').map(str::to_owned).collect();
            assert_eq!(by_name(&path), expected, "{path:?}");
        }
    }

    #[test]
    fn looks() {
        for (text, expected) in [
            ("anna@corp.example", Some(Category::Email)),
            ("192.168.7.12", Some(Category::Ip)),
            ("1.2.3", None),
            ("DE89370400440532013000", Some(Category::Bank)),
            ("DE89370400440532013001", None),
            ("4242 4242 4242 4242", Some(Category::Card)),
            ("4242424242424242", None),
            ("+49 170 1234567", Some(Category::Phone)),
            ("2026-11-20", None),
            ("1001", None),
        ] {
            assert_eq!(by_look(text), expected, "{text}");
        }
        assert_eq!(mails("to <a.b@c.example>, or d@e.example."), [(4, 17), (23, 34)]);
        assert!(is_free_text("Please ring twice") && !is_free_text("Wed, 21 Oct 2026 07:28:00 GMT"));
        assert!(!is_free_text("in_progress") && !is_free_text("2026-11-20 08:00:00"));
    }

    #[test]
    fn secretive_names() {
        for name in ["access_token", "clientSecret", "api_key", "X-Signature", "password", "session_id"] {
            assert!(is_secretive(name), "{name}");
        }
        for name in ["token_type", "expires_in", "next_page_token", "key", "token_url", "sku"] {
            assert!(!is_secretive(name), "{name}");
        }
    }
}
