//! Indents JSON for reading without changing one character of any value; pure. What is not JSON stays as it is.

use serde::de::IgnoredAny;

/// Head lines (a request line, headers) stay; a JSON body after an empty line is indented.
pub fn pretty(text: &str) -> String {
    if let Some((head, body)) = text.split_once("\n\n") {
        return format!("{head}\n\n{}", json(body));
    }
    json(text)
}

fn json(text: &str) -> String {
    let trimmed = text.trim();
    if !trimmed.starts_with(['{', '[']) || serde_json::from_str::<IgnoredAny>(trimmed).is_err() {
        return text.to_owned();
    }
    indent(trimmed)
}

/// Valid JSON in, the same tokens with other white space out: digits, escapes and duplicate keys survive.
fn indent(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut in_text, mut escaped, mut empty) = (0_usize, false, false, false);
    for character in json.chars() {
        if in_text {
            out.push(character);
            match (escaped, character) {
                (true, _) => escaped = false,
                (false, '\\') => escaped = true,
                (false, '"') => in_text = false,
                (false, _) => {}
            }
            continue;
        }
        if character.is_ascii_whitespace() {
            continue;
        }
        if empty && !matches!(character, '}' | ']') {
            line(&mut out, depth);
        }
        match character {
            '{' | '[' => {
                depth += 1;
                out.push(character);
                empty = true;
                continue;
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                if !empty {
                    line(&mut out, depth);
                }
                out.push(character);
            }
            ',' => {
                out.push(',');
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            '"' => {
                in_text = true;
                out.push('"');
            }
            other => out.push(other),
        }
        empty = false;
    }
    out
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    // Deep nesting is somebody's joke: the page stays small.
    out.extend(std::iter::repeat_n("  ", depth.min(32)));
}

#[cfg(test)]
mod tests {
    use super::pretty;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(pretty(text), expected);
    }

    #[test]
    fn values_keep_every_character() {
        check(
            r#"{"a":1.10,"b":[],"c":{}, "a":"x,{\"y\":1}"}"#,
            "{\n  \"a\": 1.10,\n  \"b\": [],\n  \"c\": {},\n  \"a\": \"x,{\\\"y\\\":1}\"\n}",
        );
        check("[12345678901234567890123,\n true]", "[\n  12345678901234567890123,\n  true\n]");
    }

    #[test]
    fn what_is_not_json_stays() {
        check("<order>\n</order>", "<order>\n</order>");
        check("{broken", "{broken");
        check("POST /x\nA: b\n\n{\"a\":1}", "POST /x\nA: b\n\n{\n  \"a\": 1\n}");
    }
}
