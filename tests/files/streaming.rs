//! A file far larger than memory should need: rows come out while it is read, and nothing piles up.

use std::cell::Cell;
use std::io::Read;
use std::rc::Rc;

use rstest::rstest;
use syncline::connector::file::compression::Compression;
use syncline::connector::file::{FileLimits, FileSpec, ReadContext, read};

use crate::json::{document, lines};
use crate::support::csv;
use crate::xml::xml;

/// Produces `rows` copies of a row between a start and an end, and records how far it was read.
struct Generated {
    pending: Vec<u8>,
    at: usize,
    row: &'static [u8],
    rows: u64,
    end: &'static [u8],
    given: Rc<Cell<u64>>,
}

impl Read for Generated {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.pending.len() {
            self.at = 0;
            let batch = self.rows.min(512);
            self.rows -= batch;
            self.pending =
                if batch > 0 { self.row.repeat(batch as usize) } else { std::mem::take(&mut self.end).to_vec() };
        }
        let count = buffer.len().min(self.pending.len() - self.at);
        buffer[..count].copy_from_slice(&self.pending[self.at..self.at + count]);
        self.at += count;
        self.given.set(self.given.get() + count as u64);
        Ok(count)
    }
}

/// The sink sees each row no more than this many bytes after it was taken from the source: nothing is collected.
const LAG_BYTES: u64 = 256 << 10;
const ROWS: u64 = 400_000;

#[rstest]
#[case(csv(';', |_| {}), "sku;qty;text\n", b"MUG-01;240;\"quoted; text\"\n", "")]
#[case(lines(), "", b"{\"sku\":\"MUG-01\",\"qty\":240}\n", "")]
#[case(document(&["data"]), "{\"data\":[{}", b",{\"sku\":\"MUG-01\",\"qty\":240}", "]}")]
#[case(xml("r/i", &[]), "<r>", b"<i><sku>MUG-01</sku></i>\n", "</r>")]
fn rows_flow_while_the_file_is_read(
    #[case] spec: FileSpec,
    #[case] start: &'static str,
    #[case] row: &'static [u8],
    #[case] end: &'static str,
) {
    let given = Rc::new(Cell::new(0));
    let source = Generated {
        pending: start.as_bytes().to_vec(),
        at: 0,
        row,
        rows: ROWS,
        end: end.as_bytes(),
        given: Rc::clone(&given),
    };
    let mut seen = 0;
    let summary = read(&spec, ReadContext::new("big", &FileLimits::default()), source, &mut |row| {
        assert!(given.get() - row.place.byte_offset <= LAG_BYTES, "row {} came late", row.place.row);
        seen += 1;
        Ok(())
    })
    .unwrap();
    assert_eq!(summary.rows, seen);
    assert!(summary.rows >= ROWS);
    assert_eq!(summary.content_bytes, given.get());
}

#[test]
fn compressed_files_flow_too() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(b"n;square\n").unwrap();
    for n in 0..200_000u64 {
        writeln!(encoder, "{n};{}", n.wrapping_mul(n).wrapping_mul(2_654_435_761)).unwrap();
    }
    let packed = encoder.finish().unwrap();
    let spec = FileSpec { compression: Compression::Gzip, ..csv(';', |_| {}) };
    let mut sum = 0;
    let summary = read(&spec, ReadContext::new("big.gz", &FileLimits::default()), packed.as_slice(), &mut |row| {
        sum += row.value["n"].as_str().unwrap().parse::<u64>().unwrap();
        Ok(())
    })
    .unwrap();
    assert_eq!((summary.rows, sum), (200_000, 199_999 * 200_000 / 2));
    assert_eq!(summary.source_bytes, packed.len() as u64);
}
