//! Content meant to exhaust or deceive: bounded, refused, and nothing else opened.

use std::io::Read;

use rstest::rstest;
use syncline::connector::file::{Disposition, Encoding, FileCause, FileError, FileLimits, FileSpec, ReadContext, read};

use crate::json::{document, lines};
use crate::support::{csv, gzip, gzipped, read_bytes};
use crate::xml::xml;

/// Reads without keeping anything, counting what was taken from the source.
fn read_counted(spec: &FileSpec, limits: &FileLimits, source: impl Read) -> (Result<u64, FileError>, u64) {
    struct Count<R>(R, u64);
    impl<R: Read> Read for Count<R> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = self.0.read(buffer)?;
            self.1 += count as u64;
            Ok(count)
        }
    }
    let mut source = Count(source, 0);
    let result = read(spec, ReadContext::new("hostile", limits), &mut source, &mut |_| Ok(()));
    (result.map(|summary| summary.rows), source.1)
}

#[track_caller]
fn check_refused_early(spec: &FileSpec, source: impl Read, at_most: u64, expected: &str) {
    let (result, taken) = read_counted(spec, &FileLimits::default(), source);
    let error = result.unwrap_err();
    assert!(error.to_string().contains(expected), "{error}");
    assert!(taken <= at_most, "took {taken} bytes before refusing");
}

fn endless(text: &'static str) -> impl Read {
    std::io::Cursor::new(text).chain(std::io::repeat(b'x'))
}

#[test]
fn xml_bombs_are_refused() {
    let spec = xml("r/i", &[]);
    let deep = format!("<r>{}", "<i>".repeat(1_000_000));
    check_refused_early(&spec, deep.as_bytes(), 1 << 20, "nested deeper than 64 levels");
    let laughs = "<?xml version=\"1.0\"?><!DOCTYPE r [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;\">]><r><i>&b;</i></r>";
    check_refused_early(&spec, laughs.as_bytes(), 1 << 20, "document type declarations are refused");
    let external = "<!DOCTYPE r SYSTEM \"file:///etc/passwd\"><r/>";
    check_refused_early(&spec, external.as_bytes(), 1 << 20, "document type declarations are refused");
    check_refused_early(&spec, b"<r><i>&xxe;</i></r>".as_slice(), 1 << 20, "unknown entity reference &xxe;");
    check_refused_early(&spec, b"<r><i><a>1</a>".as_slice(), 1 << 20, "the document ends inside element i");
    check_refused_early(&spec, endless("<r><i><a><![CDATA["), 9 << 20, "the record is longer than the limit");
    check_refused_early(&spec, endless("<r><i><a>"), 9 << 20, "longer than the limit");
    check_refused_early(&spec, endless("<r><i a='"), 9 << 20, "the record is longer than the limit");
    check_refused_early(&spec, endless("<r><!--"), 9 << 20, "the record is longer than the limit");
    check_refused_early(&spec, endless("<!DOCTYPE r ["), 9 << 20, "the record is longer than the limit");
}

#[test]
fn a_record_of_many_small_xml_elements_is_bounded_too() {
    let many = std::io::Cursor::new("<r><i>").chain(Cycle(b"<a></a>", 0));
    check_refused_early(&xml("r/i", &["a"]), many, 9 << 20, "the record is longer than the limit");
}

/// Repeats a text without end.
struct Cycle(&'static [u8], usize);

impl Read for Cycle {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        for byte in buffer.iter_mut() {
            *byte = self.0[self.1];
            self.1 = (self.1 + 1) % self.0.len();
        }
        Ok(buffer.len())
    }
}

#[test]
fn endless_csv_fields_rows_and_columns_are_bounded() {
    let spec = csv(';', |_| {});
    check_refused_early(&spec, endless("a;b\n1;"), 2 << 20, "a field is longer than the limit of 1048576 bytes");
    check_refused_early(&spec, endless("a;b\n1;\""), 2 << 20, "(its quote was opened on line 2)");
    check_refused_early(&spec, Cycle(b";", 0), 1 << 20, "more than 1000 columns");
    check_refused_early(
        &spec,
        std::io::Cursor::new("a;b\n").chain(Cycle(b"\n", 0)),
        65 << 20,
        "longer than the limit of 67108864",
    );
    check_refused_early(
        &spec,
        std::io::Cursor::new("a;b\n").chain(std::io::repeat(0)),
        65 << 20,
        "longer than the limit of 67108864",
    );
}

#[rstest]
#[case(lines(), "[", "nested deeper")]
#[case(lines(), "{\"a\":", "nested deeper")]
#[case(document(&[]), "[", "the record is longer than the limit")]
fn endless_json_is_bounded(#[case] spec: FileSpec, #[case] unit: &'static str, #[case] expected: &str) {
    let deep = unit.repeat(100_000);
    let (result, _) = read_counted(&spec, &FileLimits::default(), deep.as_bytes());
    let message = result.unwrap_err().to_string();
    assert!(message.contains(expected) || message.contains("ends early"), "{message}");
    let (result, taken) = read_counted(&spec, &FileLimits::default(), Cycle(unit.as_bytes(), 0));
    assert!(result.unwrap_err().to_string().contains("the record is longer than the limit"));
    assert!(taken <= 9 << 20);
}

#[test]
fn a_million_keys_stay_within_the_record_limit() {
    let keys: Vec<String> = (0..1_000_000).map(|index| format!("\"k{index}\":1")).collect();
    let text = format!("{{{}}}", keys.join(","));
    let error = read_bytes(&lines(), text.as_bytes()).unwrap_err();
    assert!(matches!(*error.cause, FileCause::RecordTooLong { .. }), "{error}");
}

#[test]
fn gzip_bombs_stop_at_the_ratio_and_at_the_size() {
    let spec = gzipped(&csv(';', |_| {}));
    let bomb = gzip(&b"a;b\n1;2\n".repeat(4 << 20));
    check_refused_early(&spec, bomb.as_slice(), 1 << 20, "decompression ratio over 20:1");
    let limits = FileLimits { decompression_ratio: u64::MAX, file_bytes: 1 << 20, ..FileLimits::default() };
    let error = read_counted(&spec, &limits, bomb.as_slice()).0.unwrap_err();
    assert!(matches!(*error.cause, FileCause::FileTooLong { limit: 1_048_576 }), "{error}");
}

#[test]
fn archives_are_what_they_are_declared_to_be() {
    let plain = csv(';', |_| {});
    let packed = gzip(b"a;b\n1;2\n");
    let cause = |spec: &FileSpec, bytes: &[u8]| read_bytes(spec, bytes).unwrap_err().cause.to_string();
    assert_eq!(read_bytes(&gzipped(&plain), &packed).unwrap().0.len(), 1);
    assert_eq!(
        read_bytes(&gzipped(&plain), &[packed.clone(), gzip(b"3;4\n")].concat()).unwrap().0.len(),
        2,
        "two members"
    );
    assert_eq!(cause(&plain, &packed), "the content is gzip data, which the format does not declare");
    assert_eq!(cause(&plain, b"PK\x03\x04xxxx"), "the content is a zip archive, which the format does not declare");
    assert_eq!(cause(&gzipped(&plain), b"a;b\n1;2\n"), "declared gzip, but the content is not gzip");
    assert_eq!(cause(&gzipped(&plain), &b"a;b\n1;2\n".repeat(9)), "declared gzip, but the content is not gzip");
    assert_eq!(cause(&gzipped(&plain), b""), "the file has no data rows");
    assert_eq!(cause(&gzipped(&plain), &gzip(&packed)), "gzip data inside gzip: nested archives are refused");
}

#[test]
fn truncated_and_damaged_gzip_never_passes_as_complete() {
    let spec = gzipped(&csv(';', |_| {}));
    let rows: String = (0..5_000).map(|index| format!("{index};{}\n", index * 7_919 % 10_007)).collect();
    let packed = gzip(format!("a;b\n{rows}").as_bytes());
    for length in [packed.len() - 1, packed.len() - 8, packed.len() / 2, 5, 1] {
        let error = read_bytes(&spec, &packed[..length]).unwrap_err();
        assert!(matches!(*error.cause, FileCause::TruncatedGzip), "{length}: {error}");
        assert_eq!(error.disposition(), Disposition::Retry);
    }
    let mut damaged = packed.clone();
    let crc = damaged.len() - 6;
    damaged[crc] ^= 0xFF;
    let error = read_bytes(&spec, &damaged).unwrap_err();
    assert!(matches!(*error.cause, FileCause::CorruptGzip(_)), "{error}");
}

#[test]
fn wrong_encodings_are_errors_with_their_offset() {
    let offset = |encoding, bytes: &[u8]| {
        let error = read_bytes(&FileSpec { encoding, ..csv(';', |_| {}) }, bytes).unwrap_err();
        (error.byte_offset, error.cause.to_string())
    };
    let cp1252 = b"a;b\nGr\xF6\xDFe;5 \x80\n";
    assert_eq!(offset(Encoding::Utf8, cp1252), (Some(6), "byte 0xF6 is not valid utf-8".to_owned()));
    assert_eq!(offset(Encoding::Iso8859_1, cp1252), (Some(12), "byte 0x80 is not valid iso-8859-1".to_owned()));
    assert_eq!(
        offset(Encoding::Windows1252, b"a\n\x81\n"),
        (Some(2), "byte 0x81 is not valid windows-1252".to_owned())
    );
    assert_eq!(offset(Encoding::Utf16Le, b"a\0\n\0\x00\xD8b\0\n\0").0, Some(4));
    let (_, cause) = offset(Encoding::Windows1252, b"\xEF\xBB\xBFa;b\n");
    assert_eq!(cause, "declared windows-1252, but the file starts with a byte order mark of utf-8");
}

#[test]
fn keys_are_compared_as_written_so_look_alikes_stay_distinct() {
    let (rows, _) = read_bytes(&csv(';', |_| {}), "a;b\nMüller;\u{202e}abc😀\nMu\u{308}ller;x\n".as_bytes()).unwrap();
    assert_ne!(rows[0].value["a"], rows[1].value["a"]);
    assert_eq!(rows[0].value["b"], "\u{202e}abc😀");
}

#[test]
fn messages_show_hostile_text_escaped_and_short() {
    let text = format!("a\n1\n{}\n", "\u{1b}[2J\";".repeat(3));
    let spec = csv(';', |f| {
        f.names = syncline::connector::file::format::ColumnNames::FirstRow { required: vec!["x\u{1b}[2J".repeat(90)] };
    });
    let message = read_bytes(&spec, text.as_bytes()).unwrap_err().to_string();
    assert!(!message.contains('\u{1b}'));
    assert!(message.len() < 1_000, "{}", message.len());
}
