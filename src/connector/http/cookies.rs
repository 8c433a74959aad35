//! The cookies that a log-in sets, as far as sending them back to the same host needs.
//!
//! Not here: a browser's rules about domains and paths; a connection has one host.

use http::HeaderMap;
use http::header::SET_COOKIE;

/// `name=value; other=value` of all cookies that an answer sets; later ones replace earlier ones, deleted ones are left out.
pub(super) fn set_by(headers: &HeaderMap) -> Option<String> {
    let mut found: Vec<(&str, &str)> = Vec::new();
    for line in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
        let mut attributes = line.split(';').map(str::trim);
        let Some((name, value)) = attributes.next().and_then(|pair| pair.split_once('=')) else { continue };
        let deleted = attributes.any(|attribute| {
            let age = attribute.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case("max-age"));
            age.is_some_and(|(_, age)| age.trim().parse::<i64>().is_ok_and(|age| age <= 0))
        });
        found.retain(|(known, _)| *known != name.trim());
        if !deleted && !name.trim().is_empty() {
            found.push((name.trim(), value.trim()));
        }
    }
    let pairs: Vec<String> = found.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if pairs.is_empty() { None } else { Some(pairs.join("; ")) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_about_a_cookie_counts() {
        let headers =
            |lines: &[&str]| -> HeaderMap { lines.iter().map(|line| (SET_COOKIE, line.parse().unwrap())).collect() };
        let mut all = HeaderMap::new();
        for line in ["sid=a=b; Path=/; HttpOnly; Secure", "lang=de", "old=1; Max-Age=0", "sid=c; SameSite=Lax", "odd"] {
            all.append(SET_COOKIE, line.parse().unwrap());
        }
        assert_eq!(set_by(&all).as_deref(), Some("lang=de; sid=c"));
        assert_eq!(set_by(&headers(&["x=1; max-age=-1"])), None);
        assert_eq!(set_by(&HeaderMap::new()), None);
    }
}
