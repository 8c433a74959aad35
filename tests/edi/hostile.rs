//! Input that nobody should send: cut anywhere, huge, random.

use proptest::prelude::*;
use std::io::Read;

use syncline::connector::file::{FileLimits, ReadContext, read};

use super::support::{fixture, read_bytes, spec};

#[test]
fn an_interchange_that_is_cut_anywhere_is_refused() {
    for (connector, stream, file) in [("x12", "orders", "850_101.edi"), ("x12", "ship-notices", "856_103.edi")] {
        let (spec, text) = (spec(connector, stream), fixture(connector, file));
        let whole = text.trim_end().len();
        for length in 0..whole {
            assert!(read_bytes(&spec, &text.as_bytes()[..length]).is_err(), "{file} cut to {length} bytes was accepted");
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
    }
}
