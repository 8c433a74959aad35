//! Forgeries of a good delivery, by what its scheme proves.
//!
//! Not here: judging them (`deliveries`).

use serde_json::Value as Json;

use super::deliveries::Sent;
use crate::connector::manifest::{SecretPlace, SignedItems, Verify};
use crate::mapping::expr::{Path, Step};

/// Each with what was changed.
pub(super) fn forgeries(verify: &Verify, sent: &Sent) -> Vec<(String, Sent)> {
    let mut forged = Vec::new();
    match verify {
        Verify::Hmac { hmac, .. } | Verify::Digest { hmac, .. } => {
            let names: Vec<&str> = hmac.headers.iter().map(String::as_str).collect();
            forged.extend(changed_header(sent, &names));
            forged.extend(without(sent, &names));
            let signs_body = hmac.content.contains(&crate::connector::manifest::ContentPart::Body);
            forged.extend(signs_body.then(|| changed_body(sent)));
        }
        Verify::StandardWebhooks { .. } => {
            let names = ["webhook-signature", "svix-signature"];
            forged.extend(changed_header(sent, &names));
            forged.extend(without(sent, &names));
            forged.push(changed_body(sent));
        }
        Verify::SharedSecret { place: SecretPlace::Header(name), .. } => {
            forged.extend(changed_header(sent, &[name]));
            forged.extend(without(sent, &[name]));
        }
        Verify::SharedSecret { place: SecretPlace::Body(path), .. } => {
            forged.extend(changed_at(sent, path, &[]).map(|sent| ("a changed secret".to_owned(), sent)));
        }
        Verify::SignedItems { items, .. } => forged.extend(changed_items(sent, items)),
        Verify::Certificate { signature, .. } => {
            forged.extend(changed_header(sent, &[&signature.header]));
            forged.extend(without(sent, &[&signature.header]));
            forged.push(changed_body(sent));
        }
        // The address is the proof.
        Verify::PathSecret => {}
    }
    forged
}

fn changed_body(sent: &Sent) -> (String, Sent) {
    let mut body = sent.body.clone();
    body.push(b' ');
    ("a changed body".to_owned(), Sent { headers: sent.headers.clone(), body })
}

fn changed_header(sent: &Sent, names: &[&str]) -> Option<(String, Sent)> {
    let mut headers = sent.headers.clone();
    let is_one = |name: &str| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    let (_, value) = headers.iter_mut().find(|(name, _)| is_one(name))?;
    *value = other_tail(value);
    Some(("a changed signature".to_owned(), Sent { headers, body: sent.body.clone() }))
}

fn without(sent: &Sent, names: &[&str]) -> Option<(String, Sent)> {
    let mut headers = sent.headers.clone();
    headers.retain(|(name, _)| !names.iter().any(|known| known.eq_ignore_ascii_case(name)));
    (headers.len() < sent.headers.len()).then(|| ("no signature".to_owned(), Sent { headers, body: sent.body.clone() }))
}

/// One forgery for each signed field, and one for the signature.
fn changed_items(sent: &Sent, scheme: &SignedItems) -> Vec<(String, Sent)> {
    let steps = scheme.items.steps();
    let mut forged = Vec::new();
    for field in scheme.fields.iter().chain([&scheme.signature]) {
        forged.extend(changed_at(sent, field, steps).map(|sent| (format!("a changed {}", field.as_str()), sent)));
    }
    forged
}

/// The text at `path` below the first item of `outer`, changed.
fn changed_at(sent: &Sent, path: &Path, outer: &[Step]) -> Option<Sent> {
    let mut body: Json = serde_json::from_slice(&sent.body).ok()?;
    let mut place = &mut body;
    for step in outer.iter().chain(path.steps()) {
        if place.is_array() && matches!(step, Step::Name(_)) {
            place = place.get_mut(0)?;
        }
        place = match step {
            Step::Name(name) => place.get_mut(&**name)?,
            Step::Index(index) => place.get_mut(*index)?,
            Step::Each => place.get_mut(0)?,
        };
    }
    let changed = match &*place {
        Json::String(text) if !text.is_empty() => Json::String(other_tail(text)),
        Json::Number(number) => Json::String(format!("{number}1")),
        Json::Bool(flag) => Json::Bool(!flag),
        Json::Null | Json::String(_) | Json::Array(_) | Json::Object(_) => return None,
    };
    *place = changed;
    Some(Sent { headers: sent.headers.clone(), body: body.to_string().into_bytes() })
}

/// Another text of the same form: a letter or digit in the middle is another one that hexadecimal and base64 know, too.
pub(super) fn other(text: &str) -> String {
    swap_at(text, text.chars().count() / 2)
}

/// The same near the end, where signatures are.
fn other_tail(text: &str) -> String {
    swap_at(text, text.chars().count().saturating_sub(6))
}

fn swap_at(text: &str, from: usize) -> String {
    let position = |skip: usize| text.chars().enumerate().skip(skip).find(|(_, letter)| letter.is_ascii_alphanumeric());
    let Some((at, letter)) = position(from).or_else(|| position(0)) else { return format!("{text}0") };
    let swapped = match letter {
        '0'..='8' => char::from(letter as u8 + 1),
        '9' => '0',
        'a'..='e' => char::from(letter as u8 + 1),
        'f'..='z' => 'a',
        'A'..='E' => char::from(letter as u8 + 1),
        _ => 'A',
    };
    text.chars().enumerate().map(|(index, known)| if index == at { swapped } else { known }).collect()
}
