//! JSON Lines and JSON documents.

use rstest::rstest;
use serde_json::json;
use syncline::connector::file::format::{JsonFormat, JsonLinesFormat, RowPolicy};
use syncline::connector::file::{FileFormat, FileLimits, FileSpec, ReadContext};

use crate::support::{check_error, check_rows, read_bytes, read_with};

pub fn lines() -> FileSpec {
    FileSpec::new(FileFormat::JsonLines(JsonLinesFormat {}))
}

pub fn document(path: &[&str]) -> FileSpec {
    FileSpec::new(FileFormat::Json(JsonFormat { records: path.iter().map(|key| (*key).to_owned()).collect() }))
}

#[test]
fn numbers_stay_exact() {
    let (rows, _) = read_bytes(&lines(), b"{\"a\":12345678901234567890123.4500}\r\n\n{\"a\":1e400}").unwrap();
    assert_eq!(rows[0].value["a"].to_string(), "12345678901234567890123.4500");
    assert_eq!((rows[1].place.row, rows[1].place.line, rows[1].place.byte_offset), (2, 3, 37));
}

#[test]
fn bad_lines_name_their_place() {
    check_error(
        &lines(),
        b"{}\n{\"a\":1,\"a\":2}\n",
        "file \"test.dat\", row 2, line 2, character 8, byte 3: key \"a\" appears twice in one object",
    );
    check_error(
        &lines(),
        b"[1]\n",
        "file \"test.dat\", row 1, line 1, character 1, byte 0: expected an object, found a list",
    );
    check_error(
        &lines(),
        b"{\"a\":\"\xFF\"}\n",
        "file \"test.dat\", row 1, line 1, byte 6: byte 0xFF is not valid utf-8",
    );
    check_error(
        &lines(),
        b"{\"a\":1} {}\n",
        "file \"test.dat\", row 1, line 1, character 9, byte 0: not valid JSON: text after the value",
    );
    let spec = FileSpec { rows: RowPolicy::RowRejects, ..lines() };
    let (rows, summary) = read_bytes(&spec, b"{\"a\":1}\n{\"a\":\n{\"a\":\"\\ud800\"}\n{\"a\":4}\n").unwrap();
    assert_eq!((rows.len(), summary.rejected.len()), (2, 2));
}

#[test]
fn a_document_is_walked_to_its_records() {
    let text = br#" {"meta":{"n":[1,{"x":"]}"}]},"data":{"orders":[ {"id":1}, {"id":"a]\"}"},
        {"id":3} ],"next":null},"end":true} "#;
    check_rows(&document(&["data", "orders"]), text, json!([{"id": 1}, {"id": "a]\"}"}, {"id": 3}]));
    check_rows(&document(&[]), b"[{\"a\":[]},{}]", json!([{"a": []}, {}]));
    let (rows, _) = read_bytes(&document(&["data", "orders"]), text).unwrap();
    let third = text.windows(8).position(|window| window == b"{\"id\":3}").unwrap();
    assert_eq!((rows[2].place.row, rows[2].place.line, rows[2].place.byte_offset), (3, 2, third as u64));
}

#[rstest]
#[case(&["data"], "{\"other\":[]}", "no place \"data\"")]
#[case(&["data"], "{\"data\":{}}", "no place \"data[]\"")]
#[case(&["data"], "[]", "no place \"data\"")]
#[case(&["data"], "{\"data\":[{}],\"data\":[{}]}", "key \"data\" appears twice")]
#[case(&["data"], "{\"data\":[{}]", "expected `,` or `}`")]
#[case(&["data"], "{\"data\":[{}", "expected `,` or `]`")]
#[case(&["data"], "{\"data\":[{\"a\":", "ends early")]
#[case(&["data"], "{\"data\":[{}]} x", "text after the document")]
#[case(&[], "[{}{}]", "expected `,` or `]`")]
#[case(&[], "[1]", "expected an object, found a number")]
#[case(&[], "[{},]", "not valid JSON")]
#[case(&[], "[{\"a\":1]", "not valid JSON")]
fn damaged_documents_are_refused(#[case] path: &[&str], #[case] text: &str, #[case] expected: &str) {
    let error = read_bytes(&document(path), text.as_bytes()).unwrap_err();
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn one_element_is_bounded_and_the_rest_can_go_on() {
    let limits = FileLimits { record_bytes: 100, ..FileLimits::default() };
    let long = format!("[{{\"a\":\"{}\"}}]", "x".repeat(200));
    assert!(read_with(&document(&[]), ReadContext::new("x", &limits), long.as_bytes()).is_err());
    let spec = FileSpec { rows: RowPolicy::RowRejects, ..document(&[]) };
    let (rows, summary) = read_bytes(&spec, b"[{\"a\":1},{\"a\":1,\"a\":2},7,{\"a\":\"\xFF\"},{\"a\":3}]").unwrap();
    assert_eq!((rows.len(), summary.rejected.len()), (2, 3));
}
