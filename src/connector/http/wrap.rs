//! Takes the vendor's dress off values that are read, and puts it on values that are written. Pure.
//!
//! Not here: which values are dressed (the manifest's `wrappers`).

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::connector::manifest::Wrapper;
use crate::mapping::expr::Step;

/// Replaces every dressed value, at every depth. What the reader of bodies let through is no deeper than it allows.
pub(crate) fn unwrap(wrappers: &[Wrapper], value: Value) -> Value {
    if wrappers.is_empty() {
        return value;
    }
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(|item| unwrap(wrappers, item)).collect()),
        Value::Object(mut fields) => match wrappers.iter().find_map(|wrapper| bare(wrapper, &mut fields)) {
            Some(inner) => unwrap(wrappers, inner),
            None => Value::Object(fields.into_iter().map(|(name, value)| (name, unwrap(wrappers, value))).collect()),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

fn bare(wrapper: &Wrapper, fields: &mut Map<String, Value>) -> Option<Value> {
    let member = wrapper.value.as_deref()?;
    let tag = fields.get(&wrapper.tag)?.as_str()?;
    if wrapper.is.as_deref().is_some_and(|is| is != tag) {
        return None;
    }
    fields.remove(member)
}

/// The record as the vendor wants it.
pub(crate) fn wrap<'r>(wrappers: &[Wrapper], record: &'r Value) -> Cow<'r, Value> {
    if wrappers.iter().all(|wrapper| wrapper.write.is_empty()) {
        return Cow::Borrowed(record);
    }
    let mut dressed = record.clone();
    for wrapper in wrappers {
        for path in &wrapper.write {
            at(&mut dressed, path.steps(), &mut |value| dress(wrapper, value));
        }
    }
    Cow::Owned(dressed)
}

/// An absent value stays absent: nothing to say is not an empty object.
fn dress(wrapper: &Wrapper, value: &mut Value) {
    let Some(is) = &wrapper.is else { return };
    let tag = (wrapper.tag.clone(), Value::String(is.clone()));
    match (&wrapper.value, value) {
        (_, Value::Null) => {}
        (Some(member), value) => {
            let inner = value.take();
            *value = Value::Object(Map::from_iter([tag, (member.clone(), inner)]));
        }
        (None, Value::Object(fields)) => {
            fields.insert(tag.0, tag.1);
        }
        (None, Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {}
    }
}

fn at(value: &mut Value, steps: &[Step], change: &mut impl FnMut(&mut Value)) {
    let Some((step, rest)) = steps.split_first() else {
        change(value);
        return;
    };
    match (step, value) {
        (Step::Name(name), Value::Object(fields)) => {
            if let Some(inner) = fields.get_mut(&**name) {
                at(inner, rest, change);
            }
        }
        (Step::Index(index), Value::Array(items)) => {
            if let Some(inner) = items.get_mut(*index) {
                at(inner, rest, change);
            }
        }
        (Step::Each, Value::Array(items)) => items.iter_mut().for_each(|inner| at(inner, rest, change)),
        (Step::Name(_) | Step::Index(_) | Step::Each, _) => {}
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::yaml::{Place, Source, Span, Spanned};
    use crate::mapping::expr::Path;

    fn wrapper(is: Option<&str>, value: Option<&str>, write: &[&str]) -> Wrapper {
        let place = || Place { source: Source::new("test.yaml", ""), span: Span::START };
        let write = write.iter().map(|path| Spanned { value: Path::parse(path).unwrap(), place: place() }).collect();
        Wrapper { tag: "__class__".to_owned(), is: is.map(str::to_owned), value: value.map(str::to_owned), write }
    }

    #[test]
    fn dressed_values_are_read_bare_at_every_depth() {
        let wrappers = [wrapper(Some("Decimal"), Some("value"), &[]), wrapper(Some("Box"), Some("in"), &[])];
        let dressed: Value = serde_json::from_str(
            r#"{"total":{"__class__":"Decimal","value":19.90},"lines":[{"price":{"__class__":"Box","in":{"__class__":"Decimal","value":"1"}}}],
               "other":{"__class__":"Date","value":"x"},"value":5}"#,
        )
        .unwrap();
        let expected = r#"{"total":19.90,"lines":[{"price":"1"}],"other":{"__class__":"Date","value":"x"},"value":5}"#;
        assert_eq!(unwrap(&wrappers, dressed).to_string(), expected);
        let any = [wrapper(None, Some("value"), &[])];
        assert_eq!(unwrap(&any, json!({"__class__": "Date", "value": "x"})), json!("x"));
        assert_eq!(unwrap(&any, json!({"__class__": "Date"})), json!({"__class__": "Date"}));
    }

    #[test]
    fn written_values_are_dressed_where_the_manifest_says() {
        let wrappers = [
            wrapper(Some("Decimal"), Some("value"), &["total", "lines[].price", "absent", "none"]),
            wrapper(Some("Line"), None, &["lines[]"]),
        ];
        let record = json!({"total": "19.90", "lines": [{"price": 1}, {"sku": "A"}], "none": null});
        let expected = json!({
            "total": {"__class__": "Decimal", "value": "19.90"},
            "lines": [{"price": {"__class__": "Decimal", "value": 1}, "__class__": "Line"}, {"sku": "A", "__class__": "Line"}],
            "none": null,
        });
        assert_eq!(wrap(&wrappers, &record).into_owned(), expected);
        assert_eq!(unwrap(&wrappers, expected)["total"], record["total"]);
    }
}
