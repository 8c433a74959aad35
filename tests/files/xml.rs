//! XML records: paths, lists, attributes, namespaces, encodings.

use serde_json::json;
use syncline::connector::file::format::{EmptyPolicy, Repeats, RowPolicy, XmlFormat};
use syncline::connector::file::{Encoding, FileFormat, FileSpec};

use crate::support::{check_error, check_rows, read_bytes};

pub fn xml(record: &str, lists: &[&str]) -> FileSpec {
    let mut format = XmlFormat::new(record);
    format.lists = lists.iter().map(|list| (*list).to_owned()).collect();
    FileSpec::new(FileFormat::Xml(format))
}

#[test]
fn an_idoc_file_becomes_one_record_per_idoc() {
    let mut format = XmlFormat::new("ORDERS05/IDOC");
    format.lists = ["E1EDKA1", "E1EDP01", "E1EDP01/E1EDP19", "E1EDP20"].map(str::to_owned).to_vec();
    format.attributes = false;
    let (rows, _) =
        read_bytes(&FileSpec::new(FileFormat::Xml(format)), include_bytes!("../fixtures/files/orders05.xml")).unwrap();
    assert_eq!(rows.len(), 2);
    let order = &rows[0].value;
    assert_eq!(order["EDI_DC40"]["DOCNUM"], "0000000001651543");
    assert_eq!(order["E1EDKA1"][1]["NAME1"], "Ana Ruiz & Söhne");
    assert_eq!(order["E1EDP01"].as_array().unwrap().len(), 1, "a list of one stays a list");
    assert_eq!(order["E1EDP01"][0]["E1EDP19"][1]["KTEXT"], "Mug <blue>");
    assert_eq!(order["E1EDP01"][0]["E1EDP20"][0]["EDATU"], "20261125");
    assert_eq!(order["E1EDP01"][0]["NETWR"], "18.00-");
    assert_eq!((rows[1].place.row, rows[1].place.line), (2, 13));
}

#[test]
fn elements_become_json_by_fixed_rules() {
    let text = br#"<r xmlns:n="urn:x"><n:item id="1" n:k="a&amp;b"><Amt Ccy="EUR">29.35</Amt><e/><b> x </b>tail<l>1</l><l>2</l></n:item>
        <g><item/></g><item>just text</item></r>"#;
    check_rows(
        &xml("//item", &["l"]),
        text,
        json!([
            {"@id": "1", "@k": "a&b", "Amt": {"@Ccy": "EUR", "#text": "29.35"}, "e": "", "b": " x ", "l": ["1", "2"], "#text": "tail"},
            {},
            {"#text": "just text"},
        ]),
    );
    let mut spec = xml("r/i", &[]);
    check_error(
        &spec,
        b"<r><i><a>1</a><a>2</a></i></r>",
        "file \"test.dat\", row 1, line 1, i/a, byte 3: element a repeats but is not listed as a list",
    );
    if let FileFormat::Xml(format) = &mut spec.format {
        format.repeats = Repeats::Array;
    }
    check_rows(&spec, b"<r><i><a>1</a><a>2</a><a>3</a></i></r>", json!([{"a": ["1", "2", "3"]}]));
}

#[test]
fn one_bad_record_can_be_rejected_alone() {
    let spec = FileSpec { rows: RowPolicy::RowRejects, ..xml("r/i", &[]) };
    let (rows, summary) =
        read_bytes(&spec, b"<r><i><a>1</a><a>2</a></i><i><a>\xFF</a></i><i><a>3</a></i></r>").unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].value, json!({"a": "3"}));
    assert_eq!(summary.rejected.len(), 2);
    assert_eq!(summary.rejected[1].error.byte_offset, Some(32));
}

#[test]
fn encodings_are_the_declared_ones() {
    let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><r><i><a>Gr\xF6\xDFe</a></i></r>";
    let spec = FileSpec { encoding: Encoding::Iso8859_1, ..xml("r/i", &[]) };
    check_rows(&spec, latin, json!([{"a": "Größe"}]));
    check_error(
        &xml("r/i", &[]),
        latin,
        "file \"test.dat\", row 0, line 1, byte 43: the XML declaration says \"ISO-8859-1\", the format declares utf-8",
    );
    let text = "\u{feff}<?xml version='1.0' encoding='UTF-16'?><r><i><a>€</a></i></r>";
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    check_rows(&FileSpec { encoding: Encoding::Utf16, ..xml("r/i", &[]) }, &utf16, json!([{"a": "€"}]));
}

#[test]
fn wrong_documents_are_refused() {
    let spec = xml("r/i", &[]);
    check_error(
        &spec,
        b"<html><i/></html>",
        "file \"test.dat\", row 0, line 1, byte 6: no place \"r/i\" in the document",
    );
    check_error(&spec, b"", "file \"test.dat\": the file has no data rows");
    check_error(&spec, b"<r></r>", "file \"test.dat\": the file has no data rows");
    assert!(read_bytes(&FileSpec { empty: EmptyPolicy::NoChanges, ..spec.clone() }, b"<r></r>").is_ok());
    for (text, expected) in [
        ("<r><i></r></i>", "not well-formed XML"),
        ("<r/><r/>", "a second document element"),
        ("<r/>x", "text outside the document element"),
        ("<r><i a='1' a='2'/></r>", "not well-formed XML"),
        ("<r><i>&#0;</i></r>", "&#0;"),
        ("<r><i>&#7;</i></r>", "control character U+0007"),
        ("<r><i>a & b</i></r>", "not well-formed XML"),
        ("<r><i x='&foo;'/></r>", "not well-formed XML"),
    ] {
        let error = read_bytes(&spec, text.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(expected), "{text}: {error}");
    }
    assert!(read_bytes(&xml("//a/b", &[]), b"<r/>").is_err());
}
