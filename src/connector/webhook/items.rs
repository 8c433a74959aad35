//! Proof inside the body: a signature in every item, or a secret that every item repeats.
//!
//! Not here: proof in headers (`verify`), what the items say (`interpret`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::{Sha256, Sha512};
use subtle::{Choice, ConstantTimeEq};

use super::refusal::Refusal;
use crate::connector::http::json;
use crate::connector::manifest::{Encoding, Hash, SignedItems};
use crate::mapping::expr::Path;

/// Items looked at in one delivery; each costs a hash per secret.
const MAX_ITEMS: usize = 1_000;

/// Every item must bear a good signature; the lowest-numbered secret that fits all of them is told.
pub(super) fn signed(scheme: &SignedItems, keys: &[Vec<u8>], body: &[u8]) -> Result<Option<usize>, Refusal> {
    let body = read(body)?;
    let items = at(&scheme.items, &body)?;
    let mut fitting: Vec<Choice> = vec![Choice::from(1); keys.len()];
    let mut genuine = Choice::from(1);
    for item in items {
        let claimed = claimed(scheme, item)?;
        let signed = content(scheme, item)?;
        let mut hit = Choice::from(0);
        for (key, fits) in keys.iter().zip(&mut fitting) {
            let equal = digest(scheme.hash, key, signed.as_bytes())?.ct_eq(&claimed);
            hit |= equal;
            *fits &= equal;
        }
        genuine &= hit;
    }
    if !bool::from(genuine) {
        return Err(Refusal::Forged);
    }
    // Items may be signed with different secrets while one is being replaced.
    Ok(fitting.into_iter().position(bool::from))
}

/// Every value at `path` must equal one of the secrets.
pub(super) fn repeated(path: &Path, keys: &[Vec<u8>], body: &[u8]) -> Result<Option<usize>, Refusal> {
    let body = read(body)?;
    let mut found = None;
    for value in at(path, &body)? {
        let given = value.as_str().ok_or_else(|| malformed(path, "it is not text"))?;
        let mut hit = None;
        for (index, key) in keys.iter().enumerate() {
            if bool::from(key.as_slice().ct_eq(given.as_bytes())) {
                hit = hit.or(Some(index));
            }
        }
        found = Some(hit.ok_or(Refusal::Forged)?);
    }
    Ok(found)
}

fn read(body: &[u8]) -> Result<Value, Refusal> {
    json::parse(body).map_err(|_| Refusal::Body { path: String::new(), reason: "it is not JSON" })
}

/// At least one: a delivery without items proves nothing.
fn at<'b>(path: &Path, body: &'b Value) -> Result<Vec<&'b Value>, Refusal> {
    let mut found = Vec::new();
    if path.is_many() {
        path.each(body, &mut |item| found.push(item));
    } else {
        found.extend(path.first(body));
    }
    match found.len() {
        0 => Err(malformed(path, "nothing is there")),
        1..=MAX_ITEMS => Ok(found),
        _ => Err(malformed(path, "it holds too many items")),
    }
}

fn claimed(scheme: &SignedItems, item: &Value) -> Result<Vec<u8>, Refusal> {
    let text = scheme.signature.first(item).and_then(Value::as_str);
    let text = text.ok_or_else(|| malformed(&scheme.signature, "an item has no signature"))?;
    let decoded = match scheme.encoding {
        Encoding::Base64 => STANDARD.decode(text).ok(),
        Encoding::Hex => hex::decode(text).ok(),
    };
    decoded
        .filter(|bytes| !bytes.is_empty())
        .ok_or_else(|| malformed(&scheme.signature, "its encoding is not the scheme's"))
}

fn content(scheme: &SignedItems, item: &Value) -> Result<String, Refusal> {
    let mut texts = Vec::with_capacity(scheme.fields.len());
    for field in &scheme.fields {
        texts.push(match field.first(item) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::Bool(flag)) => flag.to_string(),
            Some(Value::Array(_) | Value::Object(_)) => return Err(malformed(field, "it is not a single value")),
        });
    }
    Ok(texts.join(&scheme.separator))
}

fn digest(hash: Hash, key: &[u8], content: &[u8]) -> Result<Vec<u8>, Refusal> {
    // HMAC takes keys of every length; a hash that does not must not accept anything.
    match hash {
        Hash::Sha256 => {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| Refusal::Forged)?;
            mac.update(content);
            Ok(mac.finalize().into_bytes().to_vec())
        }
        Hash::Sha512 => {
            let mut mac = Hmac::<Sha512>::new_from_slice(key).map_err(|_| Refusal::Forged)?;
            mac.update(content);
            Ok(mac.finalize().into_bytes().to_vec())
        }
    }
}

fn malformed(path: &Path, reason: &'static str) -> Refusal {
    Refusal::Body { path: path.as_str().to_owned(), reason }
}
