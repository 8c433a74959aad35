//! Remembers in the browser the name that a person last gave with a change; not here: proof of it.

use http::{HeaderMap, HeaderValue, header};

use crate::api::{decode, encode};

const NAME: &str = "syncline_actor";

/// The remembered name, or nothing.
pub(super) fn remembered(headers: &HeaderMap) -> String {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let found = cookies.flat_map(|line| line.split(';')).find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == NAME).then(|| decode(value))
    });
    found.unwrap_or_default()
}

pub(super) fn remember(actor: &str) -> Option<HeaderValue> {
    let text = format!("{NAME}={}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Strict", encode(actor));
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_as_they_were() {
        for name in ["ann", "Zoë O'Neill", "a;b=c\"d"] {
            let set = remember(name).unwrap();
            let pair = set.to_str().unwrap().split(';').next().unwrap().to_owned();
            let mut headers = HeaderMap::new();
            headers.insert(header::COOKIE, format!("x=1; {pair}").parse().unwrap());
            assert_eq!(remembered(&headers), name);
        }
        assert_eq!(remembered(&HeaderMap::new()), "");
    }
}
