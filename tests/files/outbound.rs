//! Written files: exact bytes, totals, formulas, and a drop-off that never overwrites.

use rstest::rstest;
use serde_json::{Value, json};
use syncline::connector::file::decimal::DecimalForm;
use syncline::connector::file::drop::{DropError, MarkerName, OutboundFolder, OutboundSpec};
use syncline::connector::file::encoding::Unmappable;
use syncline::connector::file::write::{
    ControlCell, CsvWrite, FileWriter, FixedWrite, Formulas, OutColumn, Quoting, WriteFormat, WriteSpec, XmlWrite,
};
use syncline::connector::file::{Encoding, FileError};

use crate::fixed::{stock_layout, stock_lines, stock_spec};
use crate::support::{STOCK_DROP, cp1252, read_bytes, stock_drop};

fn write(spec: &WriteSpec, given: Value, rows: &[Value]) -> Result<Vec<u8>, FileError> {
    let given = given.as_object().cloned().unwrap_or_default();
    let mut out = Vec::new();
    let mut writer = FileWriter::new("out.dat", spec, &given, &mut out)?;
    for row in rows {
        writer.row(row)?;
    }
    let summary = writer.finish()?;
    assert_eq!((summary.rows, summary.bytes), (rows.len() as u64, out.len() as u64));
    Ok(out)
}

fn literal(text: &str) -> ControlCell {
    ControlCell::Literal(text.to_owned())
}

fn stock_writer() -> WriteSpec {
    let sum = |field: &str, positives_only| ControlCell::Sum {
        field: field.to_owned(),
        form: DecimalForm::GROUPED_COMMA,
        positives_only,
    };
    let fields = ["sku", "name", "site", "qty", "reserved", "price", "currency", "tax", "active"];
    let mut csv = CsvWrite::new(&fields);
    csv.columns.insert(0, OutColumn::Literal("D".to_owned()));
    csv.delimiter = ';';
    csv.names_row = false;
    csv.header = Some(vec![
        literal("H"),
        literal("BESTAND"),
        literal("ERP01"),
        ControlCell::Given("date".to_owned()),
        ControlCell::Given("time".to_owned()),
        ControlCell::Given("sequence".to_owned()),
        literal("V2"),
    ]);
    csv.trailer = Some(vec![literal("T"), ControlCell::Count { width: 7 }, sum("qty", true), sum("price", false)]);
    WriteSpec { encoding: Encoding::Windows1252, ..WriteSpec::new(WriteFormat::Csv(csv)) }
}

#[test]
fn the_stock_file_is_written_byte_for_byte_as_it_is_read() {
    let bytes = cp1252(STOCK_DROP);
    let (rows, _) = read_bytes(&stock_drop(), &bytes).unwrap();
    let rows: Vec<Value> = rows.into_iter().map(|row| row.value).collect();
    let given = json!({"date": "20261120", "time": "061500", "sequence": "0001423"});
    let written = write(&stock_writer(), given, &rows).unwrap();
    assert_eq!(String::from_utf8_lossy(&written), String::from_utf8_lossy(&bytes));
}

#[test]
fn the_fixed_width_file_is_written_as_it_is_read() {
    let text = stock_lines().join("\r\n") + "\r\n";
    let (rows, _) = read_bytes(&stock_spec(), text.as_bytes()).unwrap();
    let rows: Vec<Value> = rows.into_iter().map(|row| row.value).collect();
    let fixed = FixedWrite {
        format: stock_layout(),
        data: Some("10".to_owned()),
        header: vec![
            ("name".to_owned(), literal("BESTAND")),
            ("sequence".to_owned(), ControlCell::Given("sequence".to_owned())),
        ],
        trailer: vec![("rows".to_owned(), ControlCell::Count { width: 1 })],
    };
    let spec = WriteSpec::new(WriteFormat::Fixed(fixed));
    let written = String::from_utf8(write(&spec, json!({"sequence": "0001423"}), &rows).unwrap()).unwrap();
    let (expected, found): (Vec<&str>, Vec<&str>) = (text.lines().collect(), written.lines().collect());
    assert_eq!(found[1..], expected[1..]);
    assert!(found.iter().all(|line| line.len() == 80));
    assert_eq!(read_bytes(&stock_spec(), written.as_bytes()).unwrap().1.sequence, Some(1423));

    for (field, value, expected) in [
        ("sku", "x".repeat(19), "needs 19 characters, the field has 18"),
        ("price", "-1.00".to_owned(), "the field has no sign"),
        ("price", "1.005".to_owned(), "it has more decimals or digits than the field"),
        ("qty", "12345678.000".to_owned(), "needs 11 characters, the field has 10"),
        ("qty", "1e2".to_owned(), "not only digits"),
        ("sku", "a\nb".to_owned(), "control character U+000A"),
    ] {
        let mut row = rows[0].clone();
        row[field] = Value::String(value);
        let error = write(&spec, json!({"sequence": "1"}), &[row]).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.column.as_deref(), Some(field));
    }
}

#[test]
fn csv_is_quoted_where_needed_and_refused_where_it_cannot_be() {
    let mut csv = CsvWrite::new(&["a", "b"]);
    let row = json!({"b": "x,\"y\"\r\nz", "a": null, "unused": 1});
    let text = |csv: &CsvWrite, row: &Value| {
        let spec = WriteSpec::new(WriteFormat::Csv(csv.clone()));
        write(&spec, json!({}), std::slice::from_ref(row)).map(|bytes| String::from_utf8(bytes).unwrap())
    };
    assert_eq!(text(&csv, &row).unwrap(), "a,b\r\n,\"x,\"\"y\"\"\r\nz\"\r\n");
    csv.quoting = Quoting::Always;
    assert_eq!(text(&csv, &json!({"a": 1.50, "b": true})).unwrap(), "\"a\",\"b\"\r\n\"1.5\",\"true\"\r\n");
    csv.quote = None;
    assert!(text(&csv, &row).unwrap_err().to_string().contains("without quotes"));
    let missing = text(&csv, &json!({"a": 1})).unwrap_err();
    assert!(missing.to_string().contains("a row without the field \"b\""), "{missing}");
    assert!(text(&csv, &json!({"a": 1, "b": [1]})).is_err());
}

#[rstest]
#[case("=cmd()", "'=cmd()")]
#[case("+49 30 1", "'+49 30 1")]
#[case("-5", "'-5")]
#[case("@x", "'@x")]
#[case("\tx", "'\tx")]
#[case("a=b", "a=b")]
fn formulas_are_neutralised_for_people(#[case] text: &str, #[case] expected: &str) {
    let mut csv = CsvWrite::new(&["text", "amount"]);
    csv.names_row = false;
    csv.formulas = Formulas::Neutralise { numeric_columns: vec!["amount".to_owned()] };
    let spec = WriteSpec::new(WriteFormat::Csv(csv.clone()));
    let written = write(&spec, json!({}), &[json!({"text": text, "amount": "-5.00"})]).unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), format!("{expected},-5.00\r\n"));
    let trick = write(&spec, json!({}), &[json!({"text": "", "amount": "-1+cmd()"})]).unwrap();
    assert_eq!(String::from_utf8(trick).unwrap(), ",'-1+cmd()\r\n");
    csv.formulas = Formulas::Keep;
    let kept =
        write(&WriteSpec::new(WriteFormat::Csv(csv)), json!({}), &[json!({"text": text, "amount": "1"})]).unwrap();
    assert_eq!(String::from_utf8(kept).unwrap(), format!("{text},1\r\n"));
}

#[test]
fn characters_that_do_not_exist_follow_the_policy() {
    let spec = |unmappable| WriteSpec {
        encoding: Encoding::Iso8859_1,
        unmappable,
        ..WriteSpec::new(WriteFormat::Csv(CsvWrite::new(&["name"])))
    };
    let row = [json!({"name": "„Größe“ €"})];
    let error = write(&spec(Unmappable::Fail), json!({}), &row).unwrap_err();
    assert_eq!((error.row, error.column.as_deref()), (Some(1), Some("name")));
    assert_eq!(write(&spec(Unmappable::Replace('?')), json!({}), &row).unwrap(), b"name\r\n?Gr\xF6\xDFe? ?\r\n");
    assert_eq!(
        write(&spec(Unmappable::Transliterate), json!({}), &row).unwrap(),
        b"name\r\n\"\"\"Gr\xF6\xDFe\"\" EUR\"\r\n"
    );
    let xml = XmlWrite { record: "r/i".to_owned(), root_attributes: vec![("xmlns".to_owned(), "urn:x".to_owned())] };
    let spec = WriteSpec { encoding: Encoding::Iso8859_1, ..WriteSpec::new(WriteFormat::Xml(xml)) };
    let written = write(&spec, json!({}), &[json!({"@id": "a\"<", "n": "5 € ö"})]).unwrap();
    let expected = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<r xmlns=\"urn:x\">\r\n<i id=\"a&quot;&lt;\"><n>5 &#x20AC; \u{f6}</n></i>\r\n</r>\r\n";
    let latin: Vec<u8> = expected.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    assert_eq!(written, latin);
}

fn folder(marker: Option<MarkerName>) -> (tempfile::TempDir, OutboundFolder) {
    let directory = tempfile::tempdir().unwrap();
    let spec = OutboundSpec { directory: directory.path().to_owned(), marker };
    (directory, OutboundFolder::open(spec).unwrap())
}

fn names(directory: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn put(folder: &OutboundFolder, name: &str, text: &'static [u8]) -> Result<[u8; 32], DropError> {
    folder.write(name, |out| out.write_all(text).map_err(|error| DropError::Spec(error.to_string()))).map(|f| f.sha256)
}

#[test]
fn a_dropped_file_is_complete_announced_and_never_overwritten() {
    let (directory, folder) = folder(Some(MarkerName::Appended(".done".to_owned())));
    assert_eq!(folder.exists("a.csv").unwrap(), None);
    let sha256 = put(&folder, "a.csv", b"1;2\n").unwrap();
    assert_eq!(names(directory.path()), ["a.csv", "a.csv.done"]);
    let found = folder.exists("a.csv").unwrap().unwrap();
    assert_eq!((found.size_bytes, found.sha256, found.announced), (4, sha256, true));

    let refused = put(&folder, "a.csv", b"other").unwrap_err();
    assert!(matches!(&refused, DropError::Unclaimed { path } if path.ends_with("a.csv")), "{refused}");
    assert_eq!(std::fs::read(directory.path().join("a.csv")).unwrap(), b"1;2\n");

    std::fs::remove_file(directory.path().join("a.csv")).unwrap();
    let refused = put(&folder, "a.csv", b"other").unwrap_err();
    assert!(matches!(&refused, DropError::Unclaimed { path } if path.ends_with("a.csv.done")), "an orphan marker lies");
    for name in ["../a.csv", "a/b", "..", ""] {
        assert!(put(&folder, name, b"x").is_err(), "{name}");
        assert!(folder.exists(name).is_err(), "{name}");
    }
}

#[test]
fn a_failed_or_interrupted_write_leaves_nothing_to_take() {
    let (directory, folder) = folder(None);
    let failed = folder.write("a.csv", |out| {
        out.write_all(b"half").map_err(|error| DropError::Spec(error.to_string()))?;
        Err(DropError::Spec("mapping failed".to_owned()))
    });
    assert!(failed.is_err());
    assert_eq!(names(directory.path()), Vec::<String>::new());
    // A link planted under the temporary name must not be written through.
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().join("target");
    std::fs::write(&target, "keep").unwrap();
    std::os::unix::fs::symlink(&target, directory.path().join(".a.csv.tmp")).unwrap();
    put(&folder, "a.csv", b"whole").unwrap();
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "keep");
    assert_eq!(names(directory.path()), ["a.csv"]);
}

#[test]
fn a_crash_before_the_marker_is_healed_by_look_up() {
    let (directory, folder) = folder(Some(MarkerName::ReplacesExtension(".ok".to_owned())));
    std::fs::write(directory.path().join("a.csv"), "1").unwrap();
    assert!(!folder.exists("a.csv").unwrap().unwrap().announced);
    folder.announce("a.csv").unwrap();
    folder.announce("a.csv").unwrap();
    assert!(folder.exists("a.csv").unwrap().unwrap().announced);
    assert_eq!(names(directory.path()), ["a.csv", "a.ok"]);
}

#[test]
fn json_lines_keep_exact_numbers() {
    let row: Value = serde_json::from_str("{\"b\":1.2300,\"a\":12345678901234567890123}").unwrap();
    let written = write(&WriteSpec::new(WriteFormat::JsonLines), json!({}), &[row]).unwrap();
    assert_eq!(written, b"{\"b\":1.2300,\"a\":12345678901234567890123}\r\n");
    let error = write(&WriteSpec::new(WriteFormat::JsonLines), json!({}), &[json!([1])]).unwrap_err();
    assert!(error.to_string().contains("row 1"));
}
