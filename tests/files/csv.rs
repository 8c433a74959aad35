//! CSV dialects, control totals, row policy: the checklist of legacy drops.

use rstest::rstest;
use serde_json::json;
use syncline::connector::file::format::{ColumnNames, EmptyPolicy, LineEnd, RowPolicy};
use syncline::connector::file::totals::{ControlFile, ControlTotals, ControlValue, TotalCheck};
use syncline::connector::file::{Disposition, Encoding, FileCause, FileLimits, FileSpec, ReadContext};

use crate::support::{STOCK_DROP, check_error, check_rows, cp1252, csv, read_bytes, read_with, stock_drop};

#[test]
fn the_good_stock_file_is_read_exactly() {
    let (rows, summary) = read_bytes(&stock_drop(), &cp1252(STOCK_DROP)).unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[1].value["name"], "Teller \"rund\" 4er");
    assert_eq!(rows[2].value["sku"], "00123", "leading zeros stay");
    assert_eq!(rows[2].value["name"], "Größe L €");
    assert_eq!(rows[2].value["qty"], "7,5-", "numbers stay as they were written");
    assert_eq!(rows[2].record_type.as_deref(), Some("D"));
    assert_eq!((rows[2].place.row, rows[2].place.line), (4, 4));
    let expected = cp1252(STOCK_DROP).windows(8).position(|window| window == b"D;00123;").unwrap();
    assert_eq!(rows[2].place.byte_offset, expected as u64);
    assert_eq!(rows[0].header.as_ref().unwrap()["date"], "20261120");
    assert_eq!(summary.sequence, Some(1423));
    assert_eq!(summary.trailer.unwrap()["sum_price"], "1268,00");
    assert_eq!(summary.content_bytes, cp1252(STOCK_DROP).len() as u64);
}

#[rstest]
#[case("0000003", "0000004", "states 4 rows, found 3")]
#[case(";240;1268", ";241;1268", "states a sum of 241 for qty, found 240")]
#[case("1268,00", "1268,01", "states a sum of 1268.01 for price, found 1268.00")]
#[case("T;0000003", "T;x", "control value rows of the trailer record cannot be used: \"x\" is not a whole number")]
#[case("T;0000003;240;1268,00\r\n", "", "the file ends without its trailer record")]
#[case(
    "H;BESTAND;ERP01;20261120;061500;0001423;V2\r\n",
    "",
    "the header record is missing: the first record is of type \"D\""
)]
#[case("T;0000003", "D;X;Y;WH1;1;0;1,00;EUR;7,00;N\r\nT;0000003", "states 3 rows, found 4")]
#[case("240;0;9,50", "24O;0;9,50", "\"24O\" is not a number: not only digits")]
fn a_file_that_contradicts_its_totals_is_refused_whole(#[case] from: &str, #[case] to: &str, #[case] expected: &str) {
    let changed = STOCK_DROP.replacen(from, to, 1);
    assert_ne!(changed, STOCK_DROP);
    for rows in [RowPolicy::AllOrNothing, RowPolicy::RowRejects] {
        let spec = FileSpec { rows, ..stock_drop() };
        let error = read_bytes(&spec, &cp1252(&changed)).unwrap_err();
        if rows == RowPolicy::AllOrNothing || !expected.contains("not a number") {
            assert!(error.to_string().contains(expected), "{error}");
        } else {
            assert!(error.to_string().contains("found 0 (1 rejected rows)"), "{error}");
        }
        assert_eq!(error.disposition(), Disposition::Refuse);
    }
}

#[test]
fn a_trailer_is_last_and_there_is_one_header() {
    let header = STOCK_DROP.lines().next().unwrap();
    for (text, expected) in [
        (format!("{STOCK_DROP}{STOCK_DROP}"), "a record after the trailer"),
        (format!("{header}\r\n{STOCK_DROP}"), "a second header record"),
    ] {
        let error = read_bytes(&stock_drop(), &cp1252(&text)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[rstest]
#[case(None, true)]
#[case(Some(1422), true)]
#[case(Some(1423), false)]
#[case(Some(1421), false)]
fn a_sequence_gap_is_held_before_any_row(#[case] previous_sequence: Option<u64>, #[case] accepted: bool) {
    let limits = FileLimits::default();
    let context = ReadContext { previous_sequence, ..ReadContext::new("stock.csv", &limits) };
    let mut rows = 0;
    let result = syncline::connector::file::read(&stock_drop(), context, cp1252(STOCK_DROP).as_slice(), &mut |_| {
        rows += 1;
        Ok(())
    });
    match result {
        Ok(_) => assert!(accepted),
        Err(error) => {
            assert!(!accepted);
            assert_eq!(rows, 0);
            assert_eq!(error.disposition(), Disposition::Hold);
            assert!(error.to_string().contains("found 1423"), "{error}");
        }
    }
}

#[test]
fn sequences_wrap_where_agreed() {
    let limits = FileLimits::default();
    let context = ReadContext { previous_sequence: Some(9_999_999), ..ReadContext::new("stock.csv", &limits) };
    let wrapped = STOCK_DROP.replace("0001423", "0000001");
    assert_eq!(read_with(&stock_drop(), context, &cp1252(&wrapped)).unwrap().1.sequence, Some(1));
}

#[test]
fn a_control_file_states_rows_and_its_data_file() {
    let control =
        ControlFile::parse("FILE=stock.csv;ROWS=2;MD5=9e107d9d372bb6826bd81d3542a419d6;SUM_QTY=7\r\n").unwrap();
    let mut spec = csv(';', |_| {});
    spec.totals = ControlTotals {
        checks: vec![TotalCheck::Count { stated: ControlValue::ControlFile("ROWS".to_owned()), record_type: None }],
        control_file_name: Some("FILE".to_owned()),
    };
    let limits = FileLimits::default();
    let check = |file, text: &str, control: Option<&ControlFile>| {
        let context = ReadContext { control_file: control, ..ReadContext::new(file, &limits) };
        read_with(&spec, context, text.as_bytes()).map(|_| ()).map_err(|error| error.cause.to_string())
    };
    assert_eq!(check("stock.csv", "a\n1\n2\n", Some(&control)), Ok(()));
    assert_eq!(
        check("stock.csv", "a\n1\n", Some(&control)).unwrap_err(),
        "ROWS of the control file states 2 rows, found 1"
    );
    assert_eq!(
        check("other.csv", "a\n1\n2\n", Some(&control)).unwrap_err(),
        "control file names \"stock.csv\", but belongs to \"other.csv\""
    );
    assert_eq!(check("stock.csv", "a\n1\n2\n", None).unwrap_err(), "control value ROWS of the control file is missing");
    for bad in ["ROWS", "ROWS=1;ROWS=2"] {
        assert!(ControlFile::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn dialects_are_read_as_declared() {
    let expected = json!([{"a": "1", "b": "x y"}, {"a": "", "b": "2"}]);
    check_rows(&csv(',', |_| {}), b"a,b\n1,x y\n,2", expected.clone());
    check_rows(&csv(';', |_| {}), b"\xEF\xBB\xBFa;b\r\n1;x y\r\n\r\n;2\r\n", expected.clone());
    check_rows(&csv('\t', |_| {}), b"a\tb\n1\tx y\r\n\t2\n\x1A", expected.clone());
    check_rows(&csv(';', |_| {}), b"sep=;\r\na;b\r\n1;x y\r\n;2\r\n", expected.clone());
    check_rows(&csv('\u{1f}', |_| {}), b"a\x1fb\n1\x1fx y\n\x1f2\n\0\0\0", expected.clone());
    check_rows(&csv(';', |f| f.line_end = LineEnd::Cr), b"a;b\r1;x y\r;2\r", expected.clone());
    check_rows(&csv(';', |f| f.trailing_empty_column = true), b"a;b;\n1;x y;\n;2\n", expected.clone());
    check_rows(
        &csv(';', |f| f.comment = Some('#')),
        b"# no;\xFF quotes \" here\na;b\n1;x y\n#;\n;2\n",
        expected.clone(),
    );
    check_rows(&csv(';', |f| f.skip_records = 1), b"Stock list\na;b\n1;x y\n;2\n", expected.clone());
    check_rows(&csv(';', |f| f.skip_repeated_names = true), b"a;b\n1;x y\na;b\n;2\n", expected.clone());
    check_rows(&csv(';', |f| f.skip_empty_records = true), b"a;b\n1;x y\n;\n;2\n", expected.clone());
    let given = |f: &mut syncline::connector::file::format::CsvFormat| {
        f.names = ColumnNames::Given(vec!["a".to_owned(), "b".to_owned()]);
    };
    check_rows(&csv('|', given), b"1|x y\n|2\n", expected.clone());
    let utf16: Vec<u8> = "\u{feff}a\tb\r\n1\tx y\r\n\t2\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    check_rows(&FileSpec { encoding: Encoding::Utf16, ..csv('\t', |_| {}) }, &utf16, expected);
}

#[test]
fn quotes_keep_delimiters_line_ends_and_quotes() {
    check_rows(
        &csv(';', |_| {}),
        b"a;b\n\"x;\"\"y\"\"\r\nz\";\"\"\n12\" pipe;\"q\"",
        json!([{"a": "x;\"y\"\r\nz", "b": ""}, {"a": "12\" pipe", "b": "q"}]),
    );
    check_rows(&csv(';', |f| f.quote = None), b"a;b\n\"x\";\"", json!([{"a": "\"x\"", "b": "\""}]));
    let (rows, _) = read_bytes(&csv(';', |_| {}), b"a\n\"1\n2\n3\"\nx\n").unwrap();
    assert_eq!((rows[1].place.row, rows[1].place.line), (3, 5), "lines count inside quotes");
}

#[test]
fn structural_faults_name_their_place() {
    let spec = csv(';', |f| f.names = ColumnNames::FirstRow { required: vec!["sku".to_owned()] });
    check_error(
        &spec,
        b"sku;x;sku\n",
        "file \"test.dat\", row 1, line 1, byte 0: column \"sku\" appears twice in the column-name row",
    );
    check_error(&spec, b"sku;;x\n", "file \"test.dat\", row 1, line 1, byte 0: column 2 has no name");
    check_error(&spec, b"SKU;x\n", "file \"test.dat\", row 1, line 1, byte 0: required columns are missing: sku");
    check_error(&spec, b"sku;x\n1;2\n3\n", "file \"test.dat\", row 3, line 3, byte 10: expected 2 columns, found 1");
    check_error(
        &spec,
        b"sku;x\n\"1;2\n3;4\n",
        "file \"test.dat\", row 2, line 2, byte 6: the quote opened on line 2 is never closed",
    );
    check_error(&spec, b"sku;x\n\"1\"2;3\n", "file \"test.dat\", row 2, line 2, byte 6: text after the closing quote");
    check_error(&spec, b"sku;x\r1;2\r", "file \"test.dat\", row 1, line 1, byte 0: carriage return without line feed");
    check_error(
        &spec,
        b"sep=,\nsku;x\n",
        "file \"test.dat\", row 1, line 1, byte 0: the `sep=` line says ',', the format declares ';'",
    );
    check_error(&spec, b"sku;x\n1;a\xFFb\n", "file \"test.dat\", row 2, line 2, byte 9: byte 0xFF is not valid utf-8");
    check_error(
        &spec,
        b"sku;x\n1;a\0b\n",
        "file \"test.dat\", row 2, line 2, byte 9: control character U+0000 in the text",
    );
}

#[test]
fn under_row_rejects_only_the_bad_rows_stay_out() {
    let spec = FileSpec { rows: RowPolicy::RowRejects, ..csv(';', |_| {}) };
    let text = b"sku;x\n1;a\n2\n3;\xFFb\n4;\"q\"z\n5;\0\n6;ok\n";
    let (rows, summary) = read_bytes(&spec, text).unwrap();
    let skus: Vec<_> = rows.iter().map(|row| row.value["sku"].as_str().unwrap()).collect();
    assert_eq!(skus, ["1", "6"]);
    assert_eq!(summary.rows, 2);
    let rejected: Vec<_> =
        summary.rejected.iter().map(|reject| (reject.error.line.unwrap(), reject.error.cause.to_string())).collect();
    assert_eq!(
        rejected,
        [
            (3, "expected 2 columns, found 1".to_owned()),
            (4, "byte 0xFF is not valid utf-8".to_owned()),
            (5, "text after the closing quote".to_owned()),
            (6, "control character U+0000 in the text".to_owned()),
        ]
    );
    let limits = FileLimits { rejected_rows: 3, ..FileLimits::default() };
    let error = read_with(&spec, ReadContext::new("x.csv", &limits), text).unwrap_err();
    assert!(matches!(*error.cause, FileCause::TooManyRejects { limit: 3 }));
}

#[rstest]
#[case(b"")]
#[case(b"\xEF\xBB\xBF")]
#[case(b"\r\n\r\n")]
#[case(b"a;b\r\n")]
fn empty_files_follow_the_contract(#[case] bytes: &[u8]) {
    check_error(&csv(';', |_| {}), bytes, "file \"test.dat\": the file has no data rows");
    let (rows, summary) = read_bytes(&FileSpec { empty: EmptyPolicy::NoChanges, ..csv(';', |_| {}) }, bytes).unwrap();
    assert_eq!((rows.len(), summary.rows), (0, 0));
}

#[test]
fn parent_and_child_records_keep_their_types() {
    use syncline::connector::file::format::{CsvRecordType, CsvRecordTypes, RecordRole};
    let kind = |code: &str, columns: &[&str]| CsvRecordType {
        code: code.to_owned(),
        role: RecordRole::Data,
        columns: columns.iter().map(|name| (*name).to_owned()).collect(),
    };
    let types = vec![
        kind("K", &["type", "order", "date", "customer", "web", "currency", "total", "paid"]),
        kind("P", &["type", "order", "line", "sku", "qty", "price", "tax"]),
        kind("E", &["type", "order", "lines"]),
    ];
    let spec = csv('|', |f| f.names = ColumnNames::ByRecordType(CsvRecordTypes { column: 1, types }));
    let text = b"K|4711|20261120|10042|WEB-1001|EUR|29,35|N\nP|4711|010|MUG-01|2|9,00|19\nE|4711|1\n";
    let (rows, _) = read_bytes(&spec, text).unwrap();
    let types: Vec<_> = rows.iter().map(|row| row.record_type.clone().unwrap()).collect();
    assert_eq!(types, ["K", "P", "E"]);
    check_error(&spec, b"Z|4711\n", "file \"test.dat\", row 1, line 1, byte 0: unknown record type \"Z\"");
}

#[test]
fn formats_that_cannot_work_are_refused_before_reading() {
    for spec in [
        csv('"', |_| {}),
        csv('§', |_| {}),
        csv('\n', |_| {}),
        csv(';', |f| f.names = ColumnNames::Given(Vec::new())),
        csv(';', |f| f.names = ColumnNames::Given(vec!["a".to_owned(), "a".to_owned()])),
    ] {
        let error = read_bytes(&spec, b"a;b\n1;2\n").unwrap_err();
        assert!(matches!(*error.cause, FileCause::Format(_)), "{error}");
    }
}

#[test]
fn a_failing_sink_stops_the_read_and_keeps_its_cause() {
    let limits = FileLimits::default();
    let error = syncline::connector::file::read(
        &csv(';', |_| {}),
        ReadContext::new("a.csv", &limits),
        b"a\n1\n2\n".as_slice(),
        &mut |row| {
            if row.place.row == 3 {
                Err(syncline::connector::file::FileError::sink("database is locked"))
            } else {
                Ok(())
            }
        },
    )
    .unwrap_err();
    assert_eq!((error.file.as_str(), error.row), ("a.csv", Some(3)));
    assert_eq!(error.disposition(), Disposition::Retry);
    assert!(error.to_string().contains("database is locked"));
}
