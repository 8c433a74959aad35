//! The named schemes: descriptions that many vendors share or that a manifest should not have to repeat.
//!
//! Not here: the engine. Each of these is only a value for it; sources and vectors are in the tests beside `verify`.

use jiff::SignedDuration;

use super::key::KeyDecoding;
use super::spec::{
    HashAlgorithm, HmacSpec, SignatureEncoding, SignatureForm, SpecError, TimestampSource, TimestampUnit, Variant,
};

/// The window that vendors' own libraries use.
pub const USUAL_TOLERANCE: SignedDuration = SignedDuration::from_secs(300);

/// Standard Webhooks 1.0 (and the `svix-` spelling of its headers): `id.timestamp.body`, key after `whsec_`, 24 bytes at least.
pub fn standard_webhooks() -> Result<HmacSpec, SpecError> {
    let spelled = |prefix: &str| Variant {
        signature_header: format!("{prefix}-signature"),
        timestamp: TimestampSource::Header(format!("{prefix}-timestamp")),
        id_header: Some(format!("{prefix}-id")),
    };
    Ok(HmacSpec {
        hash: HashAlgorithm::Sha256,
        variants: vec![spelled("webhook"), spelled("svix")],
        form: SignatureForm::List { separator: ' ', prefix: "v1,".to_owned() },
        encoding: SignatureEncoding::Base64,
        key: KeyDecoding::Base64AfterPrefix { prefix: "whsec_".to_owned(), min_bytes: 24 },
        contents: vec!["{id}.{timestamp}.{body}".parse()?],
        timestamp_unit: TimestampUnit::Seconds,
        tolerance: Some(USUAL_TOLERANCE),
    })
}

/// `t=<unix>,v1=<hex>[,v1=<hex>]` over `t.body`, the whole secret text as key.
pub fn timestamped_pairs(header: &str) -> Result<HmacSpec, SpecError> {
    Ok(HmacSpec {
        hash: HashAlgorithm::Sha256,
        variants: vec![Variant {
            signature_header: header.to_owned(),
            timestamp: TimestampSource::Pair,
            id_header: None,
        }],
        form: SignatureForm::Pairs { signature_key: "v1".to_owned(), timestamp_key: Some("t".to_owned()) },
        encoding: SignatureEncoding::Hex,
        key: KeyDecoding::Utf8,
        contents: vec!["{timestamp}.{body}".parse()?],
        timestamp_unit: TimestampUnit::Seconds,
        tolerance: Some(USUAL_TOLERANCE),
    })
}

/// HubSpot v3: method, address, body and a time in milliseconds. Its documentation decodes some escapes of the address,
/// its libraries do not: either counts.
pub fn hubspot_v3() -> Result<HmacSpec, SpecError> {
    Ok(HmacSpec {
        hash: HashAlgorithm::Sha256,
        variants: vec![Variant {
            signature_header: "x-hubspot-signature-v3".to_owned(),
            timestamp: TimestampSource::Header("x-hubspot-request-timestamp".to_owned()),
            id_header: None,
        }],
        form: SignatureForm::Plain { prefix: String::new() },
        encoding: SignatureEncoding::Base64,
        key: KeyDecoding::Utf8,
        contents: vec!["{method}{url_decoded}{body}{timestamp}".parse()?, "{method}{url}{body}{timestamp}".parse()?],
        timestamp_unit: TimestampUnit::Milliseconds,
        tolerance: Some(USUAL_TOLERANCE),
    })
}

/// Square: the registered address followed by the body.
pub fn square() -> Result<HmacSpec, SpecError> {
    let mut spec = HmacSpec::over_body("x-square-hmacsha256-signature", SignatureEncoding::Base64, "")?;
    spec.contents = vec!["{url}{body}".parse()?];
    Ok(spec)
}
