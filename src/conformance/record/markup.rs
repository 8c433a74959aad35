//! XML as text: each value of an element or attribute passes a scrubber, everything else stays to the byte.
//!
//! Not here: what is scrubbed (`scrub`), what XML means to the engine (`connector::http::xml`).

/// `change` sees a value without its escapes, and the names that lead to it, prefixes left out.
pub(super) fn scrub(text: &str, change: &mut dyn FnMut(&str, &[String]) -> String) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut path: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        value(&rest[..open], &path, change, &mut out);
        rest = &rest[open..];
        if let Some(inner) = rest.strip_prefix("<![CDATA[") {
            let end = inner.find("]]>").ok_or("its XML has a CDATA section without an end")?;
            let changed = change(&inner[..end], &path).replace("]]>", "]] >");
            out.push_str(&format!("<![CDATA[{changed}]]>"));
            rest = &inner[end + 3..];
            continue;
        }
        if rest.starts_with("<!--") {
            let end = rest.find("-->").ok_or("its XML has a comment without an end")?;
            // Nobody reads it, so nobody misses it.
            rest = &rest[end + 3..];
            continue;
        }
        let end = end_of_tag(rest).ok_or("its XML has a tag without an end")?;
        let tag = &rest[..end];
        rest = &rest[end..];
        if tag.starts_with("</") {
            path.pop();
            out.push_str(tag);
        } else if tag.starts_with("<?") || tag.starts_with("<!") {
            out.push_str(tag);
        } else {
            path.push(name_of(tag));
            attributes(tag, &path, change, &mut out);
            if tag.ends_with("/>") {
                path.pop();
            }
        }
    }
    value(rest, &path, change, &mut out);
    Ok(out)
}

/// Behind the `>` that no quote holds.
fn end_of_tag(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (None, '>') => return Some(at + 1),
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), letter) if open == letter => quote = None,
            (None | Some(_), _) => {}
        }
    }
    None
}

fn name_of(tag: &str) -> String {
    let name: String =
        tag.chars().skip(1).take_while(|letter| !letter.is_whitespace() && !"/>".contains(*letter)).collect();
    local(&name).to_owned()
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

fn value(text: &str, path: &[String], change: &mut dyn FnMut(&str, &[String]) -> String, out: &mut String) {
    if text.trim().is_empty() {
        out.push_str(text);
        return;
    }
    let inner = text.trim();
    let start = text.find(inner).unwrap_or(0);
    out.push_str(&text[..start]);
    out.push_str(&escaped(&change(&unescaped(inner), path)));
    out.push_str(&text[start + inner.len()..]);
}

fn attributes(tag: &str, path: &[String], change: &mut dyn FnMut(&str, &[String]) -> String, out: &mut String) {
    let mut rest = tag;
    while let Some(equals) = rest.find('=') {
        let before = &rest[..equals];
        let name = before.split_whitespace().next_back().unwrap_or_default().to_owned();
        let after = &rest[equals + 1..];
        let quote = after.trim_start().chars().next().filter(|letter| matches!(letter, '"' | '\''));
        let Some(quote) = quote else { break };
        let begin = after.find(quote).unwrap_or(0) + 1;
        let Some(length) = after[begin..].find(quote) else { break };
        let given = &after[begin..begin + length];
        out.push_str(before);
        out.push('=');
        out.push_str(&after[..begin]);
        // Name spaces are addresses that nobody calls.
        if name.starts_with("xmlns") || name.ends_with("schemaLocation") {
            out.push_str(given);
        } else {
            let mut inner = path.to_vec();
            inner.push(local(&name).to_owned());
            out.push_str(&escaped(&change(&unescaped(given), &inner)));
        }
        out.push(quote);
        rest = &after[begin + length + 1..];
    }
    out.push_str(rest);
}

fn unescaped(text: &str) -> String {
    quick_xml::escape::unescape(text).map_or_else(|_| text.to_owned(), std::borrow::Cow::into_owned)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::scrub;

    #[test]
    fn values_change_and_nothing_else_does() {
        let text = "<?xml version=\"1.0\"?>\n<a:orders xmlns:a=\"urn:x\"><order id='7' who=\"A &amp; B\">\n  <name>Anna &lt;x&gt;</name><note><![CDATA[hi <b>]]></note><!-- Anna --><empty/></order></a:orders>\n";
        let mut seen = Vec::new();
        let out = scrub(text, &mut |text, path| {
            seen.push(format!("{}={text}", path.join(".")));
            format!("({text})")
        })
        .unwrap();
        assert_eq!(
            seen,
            ["orders.order.id=7", "orders.order.who=A & B", "orders.order.name=Anna <x>", "orders.order.note=hi <b>"]
        );
        assert_eq!(
            out,
            "<?xml version=\"1.0\"?>\n<a:orders xmlns:a=\"urn:x\"><order id='(7)' who=\"(A &amp; B)\">\n  <name>(Anna &lt;x&gt;)</name><note><![CDATA[(hi <b>)]]></note><empty/></order></a:orders>\n"
        );
        assert!(scrub("<a", &mut |text, _| text.to_owned()).is_err());
    }
}
