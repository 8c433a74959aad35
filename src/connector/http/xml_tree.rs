//! A value as XML text: members are elements in their order, lists are elements that repeat.
//!
//! Not here: text with values in it (`render`), reading (`xml`), declarations and encodings; a request is UTF-8.

use serde_json::Value;

use super::xml::escape;

/// Writes the elements of an object: `"@name"` is an attribute of the element it stands in, `"#text"` its text, null an empty element.
/// The error says what cannot be written.
pub fn write(value: &Value) -> Result<String, String> {
    let mut text = String::new();
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                element(&mut text, name, value)?;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err("is not an object of elements".to_owned());
        }
    }
    Ok(text)
}

fn element(text: &mut String, name: &str, value: &Value) -> Result<(), String> {
    if let Value::Array(items) = value {
        return items.iter().try_for_each(|item| match item {
            Value::Array(_) => Err(format!("`{name}` is a list of lists")),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                element(text, name, item)
            }
        });
    }
    checked(name)?;
    text.push_str(&format!("<{name}"));
    if let Value::Object(members) = value {
        for (attribute, value) in members.iter().filter_map(|(key, value)| Some((key.strip_prefix('@')?, value))) {
            checked(attribute)?;
            text.push_str(&format!(" {attribute}=\"{}\"", plain(attribute, value)?));
        }
    }
    text.push('>');
    match value {
        Value::Object(members) => {
            for (key, value) in members.iter().filter(|(key, _)| !key.starts_with('@')) {
                if key == "#text" {
                    text.push_str(&plain(key, value)?);
                } else {
                    element(text, key, value)?;
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            text.push_str(&plain(name, value)?);
        }
    }
    text.push_str(&format!("</{name}>"));
    Ok(())
}

fn plain(name: &str, value: &Value) -> Result<String, String> {
    let text = match value {
        Value::Null => String::new(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(_) | Value::Object(_) => return Err(format!("`{name}` holds elements where only text can stand")),
    };
    match text.chars().find(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
        Some(control) => Err(format!("`{name}` holds {control:?}, which XML cannot")),
        None => Ok(escape(&text)),
    }
}

/// Names are the manifest's, but also those of lists and objects that expressions made.
fn checked(name: &str) -> Result<(), String> {
    let starts = name.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
    if starts && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':')) {
        Ok(())
    } else {
        Err(format!("{name:?} is not the name of an element"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(value: &Value, expected: Result<&str, &str>) {
        match (write(value), expected) {
            (Ok(text), Ok(expected)) => assert_eq!(text, expected),
            (Err(reason), Err(expected)) => assert!(reason.contains(expected), "{reason}"),
            (got, _) => panic!("{got:?}"),
        }
    }

    #[test]
    fn members_are_elements_and_lists_repeat() {
        let tree = json!({ "r:call": { "@xmlns:r": "urn:\"x\"", "row": [ { "sku": "A&B<1>" }, { "n": 2, "b": true } ], "gone": [], "none": null } });
        check(
            &tree,
            Ok(
                "<r:call xmlns:r=\"urn:&quot;x&quot;\"><row><sku>A&amp;B&lt;1&gt;</sku></row><row><n>2</n><b>true</b></row><none></none></r:call>",
            ),
        );
        check(&json!({ "a": { "@k": 1, "#text": "x" } }), Ok("<a k=\"1\">x</a>"));
    }

    #[test]
    fn what_xml_cannot_hold_is_refused() {
        check(&json!("text"), Err("not an object"));
        check(&json!({ "a b": 1 }), Err("\"a b\" is not the name"));
        check(&json!({ "a": { "x><y": 1 } }), Err("is not the name"));
        check(&json!({ "a": [[1]] }), Err("a list of lists"));
        check(&json!({ "a": { "@k": [1] } }), Err("only text can stand"));
        check(&json!({ "a": "\u{0}" }), Err("which XML cannot"));
    }
}
