//! Addresses of pages, with everything that a record may contain encoded; pure.

/// Percent-encodes all but the unreserved characters of RFC 3986.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The reverse; what is no encoding stays as it is.
pub(super) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

pub(super) fn record(connection: &str, stream: &str, key: &str) -> String {
    format!("/records/{}/{}/{}", encode(connection), encode(stream), encode(key))
}

pub(super) fn flow(name: &str) -> String {
    format!("/flows/{}", encode(name))
}

pub(super) fn issue(id: i64) -> String {
    format!("/issues/{id}")
}

/// A flow, or the connections if the scope is one of them.
pub(super) fn scope(scope: &str, flows: &[String]) -> String {
    if flows.iter().any(|flow| flow == scope) { flow(scope) } else { "/connections".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_one_segment() {
        assert_eq!(record("shop", "orders", "a/b?c#d%e \"<é"), "/records/shop/orders/a%2Fb%3Fc%23d%25e%20%22%3C%C3%A9");
        assert_eq!(decode("a%2Fb%zz%C3%A9%"), "a/b%zzé%");
    }
}
