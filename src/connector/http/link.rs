//! `Link` headers (RFC 8288), as far as walking pages needs them.
//!
//! Not here: whether the address may be called (`pages` checks the origin).

/// The target of the first link whose relations include `wanted`.
pub fn target(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header;
    while let Some(open) = rest.find('<') {
        let close = open + rest[open..].find('>')?;
        let (parameters, after) = parameters(&rest[close + 1..]);
        let related = parameters.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("rel")
                && value.split_ascii_whitespace().any(|rel| rel.eq_ignore_ascii_case(wanted))
        });
        if related {
            return Some(rest[open + 1..close].trim().to_owned());
        }
        rest = after;
    }
    None
}

/// Reads `; name=value; name="quoted, with; anything"` up to the comma that ends this link.
fn parameters(text: &str) -> (Vec<(String, String)>, &str) {
    let mut found = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let Some(after) = rest.strip_prefix(';') else { break };
        let end = after.find(['=', ';', ',']).unwrap_or(after.len());
        let name = after[..end].trim().to_owned();
        rest = &after[end..];
        let Some(value) = rest.strip_prefix('=') else {
            found.push((name, String::new()));
            continue;
        };
        let (value, after) = value_of(value.trim_start());
        found.push((name, value));
        rest = after;
    }
    let next = rest.find(',').map_or("", |comma| &rest[comma + 1..]);
    (found, next)
}

fn value_of(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',']).unwrap_or(text.len());
        return (text[..end].trim().to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut escaped = false;
    for (index, character) in quoted.char_indices() {
        match character {
            _ if escaped => {
                value.push(character);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return (value, &quoted[index + 1..]),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: &str, expected: Option<&str>) {
        assert_eq!(target(header, "next").as_deref(), expected, "{header}");
    }

    #[test]
    fn finds_the_next_page() {
        check(
            r#"<https://a.test/orders.json?limit=50&page_info=eyJ>; rel="previous", <https://a.test/orders.json?page_info=abc,def>; rel="next""#,
            Some("https://a.test/orders.json?page_info=abc,def"),
        );
        check("<https://a.test/?p=2>;rel=next", Some("https://a.test/?p=2"));
        check(r#"</p?2>; title="a, <b>; rel=\"next\""; rel="last next""#, Some("/p?2"));
        check(r#"<a>; rel="nextish", <b>; title="rel=next""#, None);
        check(r#"<a>; REL = "NEXT""#, Some("a"));
        check(r#"<a>; crossorigin; rel=next"#, Some("a"));
        for none in ["", "<", "<a", "<a>", "a; rel=next", "<a>; rel=\"prev", ";;;,,,", "<>;=;,"] {
            check(none, None);
        }
    }
}
