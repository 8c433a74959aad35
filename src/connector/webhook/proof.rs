//! Reading what the headers of a delivery claim: signatures, time, id.
//!
//! Not here: whether the claim is true (`verify`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use jiff::Timestamp;

use super::refusal::Refusal;
use crate::connector::manifest::{Encoding, Hmac, TimeUnit, TimestampFrom};

/// Signatures looked at in one delivery; senders rotate two secrets, not more, and each costs a hash of the body.
const MAX_SIGNATURES: usize = 8;

/// What the headers claim.
pub(super) struct Proof<'a> {
    pub(super) signatures: Vec<Vec<u8>>,
    /// The header it stands in, and its text.
    pub(super) timestamp: Option<(&'a str, &'a str)>,
    pub(super) id: Option<&'a str>,
}

/// Reads the first spelling of the signature header that is present, alone; with none, the first one is reported missing.
pub(super) fn read<'a>(scheme: &'a Hmac, headers: &'a HeaderMap) -> Result<Proof<'a>, Refusal> {
    let present = scheme.headers.iter().find(|name| headers.contains_key(name.as_str()));
    let name = present.or(scheme.headers.first()).map_or("", String::as_str);
    let header = single(headers, name)?;
    let (signatures, timestamp_part) = signatures(scheme, name, header)?;
    let timestamp = match scheme.timestamp.as_ref().map(|check| &check.from) {
        None => None,
        Some(TimestampFrom::Header(source)) => Some((source.as_str(), single(headers, source)?)),
        Some(TimestampFrom::Part(_)) => {
            Some((name, timestamp_part.ok_or_else(|| malformed(name, "it contains no timestamp"))?))
        }
    };
    let id = scheme.id_header.as_deref().map(|name| single(headers, name)).transpose()?;
    Ok(Proof { signatures, timestamp, id })
}

fn signatures<'a>(scheme: &Hmac, name: &str, header: &'a str) -> Result<(Vec<Vec<u8>>, Option<&'a str>), Refusal> {
    let mut timestamp = None;
    let texts: Vec<&str> = match &scheme.parts {
        None => vec![header.strip_prefix(&scheme.prefix).ok_or_else(|| malformed(name, "its prefix is another one"))?],
        Some(parts) => {
            let mut found = Vec::new();
            for (key, value) in header.split(parts.separator).filter_map(|entry| entry.trim().split_once(parts.assign))
            {
                if key == parts.signature {
                    found.push(value);
                } else if scheme
                    .timestamp
                    .as_ref()
                    .is_some_and(|check| check.from == TimestampFrom::Part(key.to_owned()))
                    && timestamp.replace(value).is_some()
                {
                    return Err(malformed(name, "it contains two timestamps"));
                }
            }
            found
        }
    };
    if texts.is_empty() {
        return Err(malformed(name, "it contains no signature of a known version"));
    }
    if texts.len() > MAX_SIGNATURES {
        return Err(malformed(name, "it contains too many signatures"));
    }
    let decoded = texts.iter().filter_map(|text| decode(scheme.encoding, text)).filter(|bytes| !bytes.is_empty());
    let decoded: Vec<Vec<u8>> = decoded.collect();
    if decoded.is_empty() { Err(malformed(name, "its encoding is not the scheme's")) } else { Ok((decoded, timestamp)) }
}

/// Hexadecimal digits count in either case: the bytes are what is compared.
fn decode(encoding: Encoding, text: &str) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Base64 => STANDARD.decode(text).ok(),
        Encoding::Hex => hex::decode(text).ok(),
    }
}

/// The only value of a header of the proof.
pub(crate) fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Refusal> {
    let header = || name.to_ascii_lowercase();
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or_else(|| Refusal::MissingHeader { header: header() })?;
    if values.next().is_some() {
        return Err(Refusal::DuplicateHeader { header: header() });
    }
    value.to_str().map_err(|_| malformed(name, "it is not plain ASCII"))
}

pub(super) fn malformed(header: &str, reason: &'static str) -> Refusal {
    Refusal::Malformed { header: header.to_ascii_lowercase(), reason }
}

/// Digits only: a sign, a fraction or an exponent would be another writing of a signed text.
pub(super) fn parse_time(text: &str, unit: TimeUnit) -> Option<Timestamp> {
    if unit == TimeUnit::Rfc3339 {
        return text.parse().ok();
    }
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i64 = text.parse().ok()?;
    match unit {
        TimeUnit::Seconds => Timestamp::from_second(number).ok(),
        TimeUnit::Milliseconds => Timestamp::from_millisecond(number).ok(),
        TimeUnit::Rfc3339 => None,
    }
}
