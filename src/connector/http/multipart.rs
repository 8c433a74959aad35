//! `multipart/form-data` bodies (RFC 7578).
//!
//! Not here: choosing this body over another (`request`), reading one.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// One rendered part.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) filename: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) content: Vec<u8>,
}

/// The body and the boundary that its content type names. The boundary follows from the content, so that the same parts
/// make the same request every time, and never occurs in it.
pub(crate) fn encode(parts: &[Part]) -> (String, Vec<u8>) {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.name.as_bytes());
        digest.update(&part.content);
    }
    let mut boundary = hex::encode(&digest.finalize()[..16]);
    while parts.iter().any(|part| contains(&part.content, boundary.as_bytes())) {
        boundary = hex::encode(&Sha256::digest(boundary.as_bytes())[..16]);
    }
    let mut body = Vec::new();
    for part in parts {
        let mut head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", quoted(&part.name));
        // Writing to a String cannot fail.
        if let Some(filename) = &part.filename {
            let _ = write!(head, "; filename=\"{}\"", quoted(filename));
        }
        if let Some(content_type) = &part.content_type {
            let _ = write!(head, "\r\nContent-Type: {}", content_type.replace(['\r', '\n'], " "));
        }
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(&part.content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (boundary, body)
}

/// What browsers do with the characters that would end the name.
fn quoted(text: &str) -> String {
    text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

fn contains(content: &[u8], needle: &[u8]) -> bool {
    content.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cannot_break_out() {
        let part = |name: &str, filename: Option<&str>, content: &[u8]| Part {
            name: name.to_owned(),
            filename: filename.map(str::to_owned),
            content_type: filename.map(|_| "text/csv".to_owned()),
            content: content.to_vec(),
        };
        let parts = [part("note", None, b"a"), part("f\"\r\n", Some("ü\".csv"), b"1;2\r\n\xff")];
        let (boundary, body) = encode(&parts);
        let text = String::from_utf8_lossy(&body);
        let expected = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\na\r\n--{boundary}\r\nContent-Disposition: \
             form-data; name=\"f%22%0D%0A\"; filename=\"ü%22.csv\"\r\nContent-Type: text/csv\r\n\r\n1;2\r\n\u{fffd}\r\n--{boundary}--\r\n"
        );
        assert_eq!(text, expected);
        assert_eq!(encode(&parts), (boundary.clone(), body));
        // A content that holds the boundary that it would get gets another one.
        let (other, _) = encode(&[part("note", None, boundary.as_bytes())]);
        assert_ne!(other, boundary);
    }
}
