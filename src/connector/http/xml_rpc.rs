//! XML-RPC: calls written from JSON values, answers read back into them.
//!
//! Not here: reading XML as such (`xml`), what a fault means (`classify`).

use serde_json::{Map, Number, Value};

use super::body::BodyError;
use super::xml;

/// A `methodCall`. Objects with the one member `$dateTime`, `$base64`, `$int`, `$double` or `$string` are values of that type; null is `<nil/>`.
pub(crate) fn call(method: &str, params: &[Value]) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><methodCall><methodName>{}</methodName><params>",
        xml::escape(method)
    );
    for param in params {
        text.push_str("<param>");
        write(&mut text, param);
        text.push_str("</param>");
    }
    text.push_str("</params></methodCall>");
    text
}

const TYPED: [(&str, &str); 5] = [
    ("$dateTime", "dateTime.iso8601"),
    ("$base64", "base64"),
    ("$int", "int"),
    ("$double", "double"),
    ("$string", "string"),
];

fn write(text: &mut String, value: &Value) {
    let scalar = |text: &mut String, kind: &str, content: &str| {
        text.push_str(&format!("<value><{kind}>{}</{kind}></value>", xml::escape(content)));
    };
    match value {
        Value::Null => text.push_str("<value><nil/></value>"),
        Value::Bool(flag) => scalar(text, "boolean", if *flag { "1" } else { "0" }),
        Value::Number(number) => scalar(text, kind_of(number), &number.to_string()),
        Value::String(string) => scalar(text, "string", string),
        Value::Array(items) => {
            text.push_str("<value><array><data>");
            items.iter().for_each(|item| write(text, item));
            text.push_str("</data></array></value>");
        }
        Value::Object(fields) => {
            let typed = fields.iter().next().filter(|_| fields.len() == 1).and_then(|(name, inner)| {
                let kind = TYPED.iter().find(|(known, _)| known == name)?.1;
                let content = inner.as_str().map_or_else(|| inner.to_string(), str::to_owned);
                Some((kind, content))
            });
            if let Some((kind, content)) = typed {
                scalar(text, kind, &content);
                return;
            }
            text.push_str("<value><struct>");
            for (name, inner) in fields {
                text.push_str(&format!("<member><name>{}</name>", xml::escape(name)));
                write(text, inner);
                text.push_str("</member>");
            }
            text.push_str("</struct></value>");
        }
    }
}

/// Four bytes are an `int`, more an `i8`, everything with a fraction a `double` with its digits as they are.
fn kind_of(number: &Number) -> &'static str {
    match number.as_i64() {
        Some(whole) if i32::try_from(whole).is_ok() => "int",
        Some(_) => "i8",
        None => "double",
    }
}

/// A `methodResponse` as `{"result": value}` or `{"fault": {"faultCode": …, "faultString": …}}`.
pub(crate) fn read(bytes: &[u8]) -> Result<Value, BodyError> {
    let document = xml::parse_exact(bytes).map_err(|error| {
        if error.truncated { BodyError::Truncated(error.to_string()) } else { BodyError::Unreadable(error.to_string()) }
    })?;
    let odd = |what: &str| BodyError::Unreadable(format!("it is not an XML-RPC answer: {what}"));
    let answer = document.get("methodResponse").ok_or_else(|| odd("no methodResponse"))?;
    let named = |name: &str, value: Value| Value::Object(Map::from_iter([(name.to_owned(), value)]));
    if let Some(fault) = answer.get("fault") {
        let fault = fault.get("value").ok_or_else(|| odd("a fault without a value"))?;
        return Ok(named("fault", value(fault).map_err(|reason| odd(&reason))?));
    }
    let result = answer.pointer("/params/param/value").ok_or_else(|| odd("no parameter"))?;
    Ok(named("result", value(result).map_err(|reason| odd(&reason))?))
}

/// What stands inside `<value>`: text without a type is a string.
fn value(inside: &Value) -> Result<Value, String> {
    let fields = match inside {
        Value::Null => return Ok(Value::String(String::new())),
        Value::String(text) => return Ok(Value::String(text.clone())),
        Value::Object(fields) => fields,
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => return Err("a value is no element".to_owned()),
    };
    // White space around the element of the type is layout.
    let mut elements = fields.iter().filter(|(name, _)| !name.starts_with(['#', '@']));
    let (Some((kind, content)), None) = (elements.next(), elements.next()) else {
        return Err("a value has one type".to_owned());
    };
    let text = || content.as_str().unwrap_or_default();
    match kind.as_str() {
        "string" => Ok(Value::String(text().to_owned())),
        "base64" => Ok(Value::String(text().split_whitespace().collect())),
        "dateTime.iso8601" => Ok(Value::String(extended(text().trim()))),
        "nil" => Ok(Value::Null),
        "boolean" => match text().trim() {
            "1" => Ok(Value::Bool(true)),
            "0" => Ok(Value::Bool(false)),
            _ => Err("a boolean is neither 0 nor 1".to_owned()),
        },
        "int" | "i4" | "i8" | "double" | "bigdecimal" => {
            let digits = text().trim().trim_start_matches('+');
            digits
                .parse()
                .map(Value::Number)
                .map_err(|_| format!("`{}` is not a number", super::mask::escape(digits, 40)))
        }
        "array" => match content.get("data").and_then(|data| data.get("value")) {
            None => Ok(Value::Array(Vec::new())),
            Some(Value::Array(items)) => items.iter().map(value).collect::<Result<_, _>>().map(Value::Array),
            Some(single) => Ok(Value::Array(vec![value(single)?])),
        },
        "struct" => {
            let members = match content.get("member") {
                None => &[][..],
                Some(Value::Array(members)) => members.as_slice(),
                Some(single) => std::slice::from_ref(single),
            };
            let mut object = Map::new();
            for member in members {
                let name = member.get("name").and_then(Value::as_str).ok_or("a member has no name")?;
                let inner = member.get("value").ok_or("a member has no value")?;
                object.insert(name.to_owned(), value(inner)?);
            }
            Ok(Value::Object(object))
        }
        other => Err(format!("the type `{}` is unknown", super::mask::escape(other, 40))),
    }
}

/// `20261122T10:00:00` as the form that everything else here reads, `2026-11-22T10:00:00`; other forms stay as they are.
fn extended(text: &str) -> String {
    let basic = text.is_ascii() && text.len() >= 9 && text.as_bytes()[..8].iter().all(u8::is_ascii_digit);
    if basic { format!("{}-{}-{}{}", &text[..4], &text[4..6], &text[6..8], &text[8..]) } else { text.to_owned() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn response(value: &str) -> String {
        format!(
            "<?xml version='1.0'?>\n<methodResponse>\n <params>\n  <param>\n   <value>{value}</value>\n  </param>\n </params>\n</methodResponse>"
        )
    }

    #[track_caller]
    fn check(inside: &str, expected: &str) {
        assert_eq!(read(response(inside).as_bytes()).unwrap()["result"].to_string(), expected, "{inside}");
    }

    #[test]
    fn every_type_is_read() {
        check("<int>-7</int>", "-7");
        check("<i8>9007199254740993</i8>", "9007199254740993");
        check("<double>19.90</double>", "19.90");
        check("<boolean>1</boolean>", "true");
        check("<string> two  spaces </string>", "\" two  spaces \"");
        check("bare", "\"bare\"");
        check("<string/>", "\"\"");
        check("", "\"\"");
        check("<nil/>", "null");
        check("<dateTime.iso8601>20261122T10:00:00</dateTime.iso8601>", "\"2026-11-22T10:00:00\"");
        check("<base64>\nAAE=\n</base64>", "\"AAE=\"");
        check("<array><data/></array>", "[]");
        check("<array><data><value><int>1</int></value></data></array>", "[1]");
        check(
            "<array><data>\n<value><int>1</int></value>\n<value><array><data/></array></value></data></array>",
            "[1,[]]",
        );
        check("<array><data><value/></data></array>", "[\"\"]");
        check(
            "<struct>\n<member>\n<name>a</name>\n<value><int>1</int></value></member><member><name>b</name><value>x</value></member></struct>",
            r#"{"a":1,"b":"x"}"#,
        );
        check("<struct/>", "{}");
    }

    #[test]
    fn faults_and_nonsense_are_told_apart() {
        let fault = "<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>4</int></value></member>\
                     <member><name>faultString</name><value><string>Too many</string></value></member></struct></value></fault></methodResponse>";
        assert_eq!(read(fault.as_bytes()).unwrap(), json!({"fault": {"faultCode": 4, "faultString": "Too many"}}));
        for odd in ["<a/>", "<methodResponse/>", "<methodResponse><params/></methodResponse>"] {
            assert!(matches!(read(odd.as_bytes()), Err(BodyError::Unreadable(_))), "{odd}");
        }
        for odd in ["<int>x</int>", "<boolean>2</boolean>", "<long>1</long>", "<int>1</int><int>2</int>"] {
            assert!(read(response(odd).as_bytes()).is_err(), "{odd}");
        }
        assert!(matches!(read(b"<methodResponse><params>"), Err(BodyError::Truncated(_))));
    }

    #[test]
    fn what_is_written_reads_back() {
        let params = json!([1, 9_007_199_254_740_993_i64, "<a> & b", true, null, [1, []], {"k": "v"}, {"$dateTime": "20261122T10:00:00"}, {"$base64": "AAE="}]);
        let text = call("execute<", params.as_array().unwrap());
        assert!(text.contains("<methodName>execute&lt;</methodName>"), "{text}");
        let document = xml::parse_exact(text.as_bytes()).unwrap();
        let read: Vec<Value> = document["methodCall"]["params"]["param"]
            .as_array()
            .unwrap()
            .iter()
            .map(|param| value(&param["value"]).unwrap())
            .collect();
        let expected = json!([1, 9_007_199_254_740_993_i64, "<a> & b", true, null, [1, []], {"k": "v"}, "2026-11-22T10:00:00", "AAE="]);
        assert_eq!(Value::Array(read), expected);
        let money: Value = serde_json::from_str("19.90").unwrap();
        assert!(call("m", &[money]).contains("<double>19.90</double>"));
    }
}
