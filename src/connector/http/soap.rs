//! SOAP 1.1 and 1.2: the envelope, how the action travels, and whose fault a fault was.
//!
//! Not here: writing the content (`render`), reading XML (`xml`).

use serde_json::Value;

use super::classify::{Purpose, by_status};
use super::protocol::text;
use crate::connector::manifest::SoapVersion;
use crate::model::ErrorClass;

const fn namespace(version: SoapVersion) -> &'static str {
    match version {
        SoapVersion::V1_1 => "http://schemas.xmlsoap.org/soap/envelope/",
        SoapVersion::V1_2 => "http://www.w3.org/2003/05/soap-envelope",
    }
}

pub(super) fn envelope(version: SoapVersion, content: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soap:Envelope xmlns:soap=\"{}\"><soap:Body>{content}</soap:Body></soap:Envelope>",
        namespace(version)
    )
}

pub(super) const fn content_type(version: SoapVersion) -> &'static str {
    match version {
        SoapVersion::V1_1 => "text/xml; charset=utf-8",
        SoapVersion::V1_2 => "application/soap+xml; charset=utf-8",
    }
}

/// Version 1.1 wants its header also where there is no action (1.1, 6.1.1); 1.2 has a parameter of the content type in its
/// place (RFC 3902).
pub(super) fn headers(version: SoapVersion, action: Option<&str>) -> Vec<(&'static str, String)> {
    match (version, action) {
        (SoapVersion::V1_1, action) => vec![("soapaction", format!("\"{}\"", action.unwrap_or_default()))],
        (SoapVersion::V1_2, None) => Vec::new(),
        (SoapVersion::V1_2, Some(action)) => {
            let quoted = action.replace('\\', "\\\\").replace('"', "\\\"");
            vec![("content-type", format!("{}; action=\"{quoted}\"", content_type(version)))]
        }
    }
}

/// The fault's code says whose fault it was (1.1, 4.4.1; 1.2, part 1, 5.4.6). A vendor may answer in the other version.
pub(super) fn failed(body: &Value, purpose: Purpose) -> Option<(ErrorClass, String)> {
    let fault = body.pointer("/Envelope/Body/Fault")?;
    let code = text(fault.get("faultcode")).or_else(|| text(fault.pointer("/Code/Value"))).unwrap_or_default();
    let code = code.rsplit_once(':').map_or(code.as_str(), |(_, local)| local);
    let class = match code.split('.').next().unwrap_or_default() {
        "Client" | "Sender" | "VersionMismatch" | "MustUnderstand" | "DataEncodingUnknown" => ErrorClass::Data,
        _ => by_status(500, purpose),
    };
    let said = text(fault.get("faultstring")).or_else(|| reason(fault.pointer("/Reason/Text")?));
    Some((class, said.unwrap_or_else(|| fault.to_string())))
}

/// The reason in English where it is told in several languages, else in the first one.
fn reason(told: &Value) -> Option<String> {
    let Value::Array(told) = told else { return text(Some(told)) };
    let is_english = |one: &&Value| one.get("@lang").and_then(Value::as_str).is_some_and(|lang| lang.starts_with("en"));
    text(told.iter().find(is_english).or(told.first()))
}
