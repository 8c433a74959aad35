//! Words and YAML text: names in the forms that files need, values in quotes where YAML would read something else.
//!
//! Not here: what is written.

/// `acme-eu` is "Acme eu".
pub(super) fn title(name: &str) -> String {
    let words = name.replace(['-', '_'], " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// In double quotes; JSON's escapes are YAML's too.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

/// Plain where that is safe.
pub(super) fn scalar(text: &str) -> String {
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let plain = first && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'));
    let word =
        matches!(text.to_ascii_lowercase().as_str(), "true" | "false" | "null" | "none" | "yes" | "no" | "on" | "off");
    if plain && !word { text.to_owned() } else { quoted(text) }
}

/// One line, no control characters, at most `max` characters: for comments and titles out of somebody's document.
pub(super) fn one_line(text: &str, max: usize) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    let line = words.join(" ");
    match line.char_indices().nth(max) {
        Some((cut, _)) => format!("{}…", line[..cut].trim_end()),
        None => line,
    }
}

/// A name that streams and settings may have; `None` where nothing is left of it.
pub(super) fn name(text: &str) -> Option<String> {
    let words = words(text).join("_");
    let start = words.find(|c: char| c.is_ascii_alphabetic())?;
    let name: String = words[start..].chars().take(40).collect();
    Some(name.trim_end_matches('_').to_owned())
}

/// `lineItems`, `line-items`, `line_items` are line, items. ASCII only: the rest separates.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    let mut upper = false;
    for c in text.chars() {
        if !c.is_ascii_alphanumeric() {
            open = false;
            upper = false;
            continue;
        }
        if !open || (c.is_ascii_uppercase() && !upper) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(c.to_ascii_lowercase());
        }
        open = true;
        upper = c.is_ascii_uppercase();
    }
    words
}

/// `orders`, `categories`, `addresses` without their ending.
pub(super) fn singular(word: &str) -> String {
    if let Some(stem) = word.strip_suffix("ies").filter(|stem| stem.len() > 1) {
        return format!("{stem}y");
    }
    for ending in ["sses", "xes", "ches"] {
        if word.ends_with(ending) {
            return word[..word.len() - 2].to_owned();
        }
    }
    match word.strip_suffix('s') {
        Some(stem) if !stem.ends_with('s') && !stem.ends_with('u') && stem.len() > 1 => stem.to_owned(),
        Some(_) | None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_apart_into_words() {
        assert_eq!(words("lineItems"), ["line", "items"]);
        assert_eq!(words("SKU"), ["sku"]);
        assert_eq!(words("updated-at[gte]"), ["updated", "at", "gte"]);
        assert_eq!(name("/Sales Orders/"), Some("sales_orders".to_owned()));
        assert_eq!(name("123"), None);
        assert_eq!([singular("orders"), singular("deliveries"), singular("status")], ["order", "delivery", "status"]);
    }

    #[test]
    fn text_stays_what_it_is() {
        assert_eq!(scalar("data.items"), "data.items");
        assert_eq!(scalar("null"), "\"null\"");
        assert_eq!(scalar("a: b"), "\"a: b\"");
        assert_eq!(one_line("a\n  b\tc", 3), "a b…");
    }
}
