//! Who asks for a change: a name given with the request, checked for length and shape; not here: proof of it.
//!
//! The hub has no accounts yet and listens on loopback: the name is a note for the audit trail, not a permission.

use http::HeaderMap;

use crate::api::error::ApiError;
use crate::api::guard::ACTOR_HEADER;

const LONGEST: usize = 80;

/// The body's name, else the header's.
pub fn actor(headers: &HeaderMap, given: Option<&str>) -> Result<String, ApiError> {
    let header = headers.get(ACTOR_HEADER).and_then(|value| value.to_str().ok());
    let name = given.or(header).map(str::trim).unwrap_or_default();
    if name.is_empty() {
        return Err(ApiError::bad_request(
            "a change needs the name of who asks for it",
            format!("give `actor` in the body, or the header `{ACTOR_HEADER}`"),
        ));
    }
    if name.chars().count() > LONGEST || name.chars().any(char::is_control) {
        return Err(ApiError::bad_request(
            format!("that is no name: at most {LONGEST} characters, none of them control characters"),
            "give a name such as `ann`",
        ));
    }
    Ok(name.to_owned())
}

/// A reason for something that cannot be taken back.
pub fn reason(given: Option<&str>) -> Result<String, ApiError> {
    let reason = given.map(str::trim).unwrap_or_default();
    if reason.is_empty() {
        return Err(ApiError::bad_request("a reason is needed", "say in a few words why; it is kept with the record"));
    }
    if reason.chars().count() > 500 {
        return Err(ApiError::bad_request("the reason is longer than 500 characters", "say it shorter"));
    }
    Ok(reason.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_body_goes_before_the_header() {
        let mut headers = HeaderMap::new();
        assert!(actor(&headers, None).is_err());
        headers.insert(ACTOR_HEADER, "bob".parse().unwrap());
        assert_eq!(actor(&headers, None).unwrap(), "bob");
        assert_eq!(actor(&headers, Some(" ann ")).unwrap(), "ann");
        for refused in ["", "  ", "a\nb", &"x".repeat(81)] {
            assert!(actor(&headers, Some(refused)).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn reasons_are_not_empty() {
        assert!(reason(None).is_err() && reason(Some(" \n")).is_err() && reason(Some(&"x".repeat(501))).is_err());
        assert_eq!(reason(Some(" test order ")).unwrap(), "test order");
    }
}
