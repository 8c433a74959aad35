//! Input that nobody should send: cut anywhere, huge, random.

use proptest::prelude::*;
use std::io::Read;

use serde_json::json;
use syncline::connector::file::write::FileWriter;
use syncline::connector::file::{FileLimits, ReadContext, read};

use super::support::{fixture, partner_settings, read_bytes, spec, write_rows, write_spec};

#[test]
fn an_interchange_that_is_cut_anywhere_is_refused() {
    for (connector, stream, file) in [
        ("x12", "orders", "850_101.edi"),
        ("x12", "ship-notices", "856_103.edi"),
        ("edifact", "orders", "ORDERS_1.edi"),
        ("edifact", "invoices", "INVOIC_4.edi"),
    ] {
        let (spec, text) = (spec(connector, stream), fixture(connector, file));
        let whole = text.trim_end().len();
        for length in 0..whole {
            assert!(
                read_bytes(&spec, &text.as_bytes()[..length]).is_err(),
                "{file} cut to {length} bytes was accepted"
            );
        }
        for length in whole..=text.len() {
            assert!(read_bytes(&spec, &text.as_bytes()[..length]).is_ok(), "{file} cut to {length} bytes");
        }
    }
}

/// A head, then the same byte until the end.
struct Endless<'a> {
    head: &'a [u8],
    left: usize,
    byte: u8,
}

impl Read for Endless<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if !self.head.is_empty() {
            let count = self.head.len().min(buffer.len());
            buffer[..count].copy_from_slice(&self.head[..count]);
            self.head = &self.head[count..];
            return Ok(count);
        }
        let count = self.left.min(buffer.len());
        buffer[..count].fill(self.byte);
        self.left -= count;
        Ok(count)
    }
}

#[test]
fn a_segment_of_fifty_megabytes_is_refused_after_its_first() {
    let text = fixture("x12", "850_101.edi");
    let (head, _) = text.split_once("BEG*").unwrap();
    let head = format!("{head}BEG*");
    for byte in [b'A', b'*', b'>'] {
        let mut source = Endless { head: head.as_bytes(), left: 50 << 20, byte };
        let limits = FileLimits::default();
        let error = read(&spec("x12", "orders"), ReadContext::new("in.edi", &limits), &mut source, &mut |_| Ok(()))
            .unwrap_err()
            .to_string();
        assert!(error.contains("longer than the limit") || error.contains("columns"), "{error}");
        let taken = (50 << 20) - source.left;
        assert!(taken <= 2 << 20, "{taken} bytes were taken before the refusal");
    }
}

#[test]
fn a_message_that_never_ends_is_refused_at_its_limit() {
    let text = fixture("x12", "850_101.edi");
    let (head, _) = text.split_once("CTT*").unwrap();
    let line = "PO1*1*1*EA*1**VP*A~";
    let endless = format!("{head}{}", line.repeat((12 << 20) / line.len()));
    let error = read_bytes(&spec("x12", "orders"), endless.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("the record is longer than the limit of 8388608 bytes"), "{error}");
}

proptest! {
    #[test]
    fn noise_never_panics_and_never_passes(noise in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(read_bytes(&spec("x12", "orders"), &noise).is_err());
        prop_assert!(read_bytes(&spec("edifact", "orders"), &noise).is_err());
    }

    #[test]
    fn any_text_of_the_repertoire_comes_back_from_edifact(text in "[ -~\u{a0}-ÿ]{1,200}") {
        let (out, given) = write_spec("edifact", "orders-out", &partner_settings());
        let row = json!({
            "BGM": { "01": { "01": "220" }, "02": { "01": text }, "03": { "01": "9" } },
            "message_date": { "01": { "02": "20261120", "03": "102" } },
            "lines": [{ "PIA": { "ids": { "SA": text } }, "ordered": { "01": { "02": "1" } } }],
        });
        let mut bytes = Vec::new();
        let mut writer = FileWriter::new("out.edi", &out, &given, &mut bytes).unwrap();
        writer.row(&row).unwrap();
        writer.finish().unwrap();
        let rows = read_bytes(&spec("edifact", "orders"), &bytes).unwrap();
        prop_assert_eq!(&rows[0].value["BGM"]["02"]["01"], &json!(text));
        prop_assert_eq!(&rows[0].value["lines"][0]["PIA"]["ids"]["SA"], &json!(text));
    }

    #[test]
    fn any_text_comes_back_from_x12_or_is_refused(text in "[ -~]{1,40}") {
        let (out, given) = write_spec("x12", "orders-out", &partner_settings());
        let row = json!({
            "BEG": { "01": "00", "02": "SA", "03": text, "05": "20261120" },
            "lines": [{ "PO1": { "02": "1", "03": "EA", "ids": { "VP": "A" } } }],
        });
        match write_rows(&out, &given, &[row]) {
            Ok(written) => {
                prop_assert!(!text.contains(['*', '~', '>']));
                let rows = read_bytes(&spec("x12", "orders"), written.as_bytes()).unwrap();
                prop_assert_eq!(&rows[0].value["BEG"]["03"], &json!(text));
            }
            Err(error) => prop_assert!(text.contains(['*', '~', '>']), "{}", error),
        }
    }
}
