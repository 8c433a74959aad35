//! What the partner writes: the ERP's stock file as its sheet describes it, and how files are dropped.

use std::fs;
use std::path::Path;

use syncline::connector::file::Encoding;
use syncline::connector::file::encoding::{Encoder, Unmappable};

/// A stock file with `rows` articles, each with its number as quantity, in Windows-1252 with CR LF.
pub fn stock(sequence: u64, rows: u64) -> Vec<u8> {
    stock_stating(sequence, rows, rows)
}

/// The same with a trailer that states another number of rows.
pub fn stock_stating(sequence: u64, rows: u64, stated: u64) -> Vec<u8> {
    let mut text = format!("H;BESTAND;ERP01;20261120;061500;{sequence:07};V2\r\n");
    for row in 1..=rows {
        text.push_str(&format!("D;SKU-{row};\"Größe \"\"{row}\"\" €\";WH1;{row};0;1.234,50;EUR;19,00;J\r\n"));
    }
    let quantity: u64 = (1..=rows).sum();
    let cents = rows * 123_450;
    text.push_str(&format!("T;{stated:07};{quantity};{},{:02}\r\n", cents / 100, cents % 100));
    cp1252(&text)
}

pub fn cp1252(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = Encoder { encoding: Encoding::Windows1252, unmappable: Unmappable::Fail };
    encoder.encode(text, &mut bytes).unwrap();
    bytes
}

pub fn stock_name(sequence: u64) -> String {
    format!("BESTAND_20261120_{sequence:07}.csv")
}

/// Data first, then the marker.
pub fn drop_file(folder: &Path, name: &str, content: &[u8]) {
    drop_data(folder, name, content);
    mark(folder, name);
}

pub fn drop_data(folder: &Path, name: &str, content: &[u8]) {
    let aside = folder.join(format!("{name}.tmp"));
    fs::write(&aside, content).unwrap();
    fs::rename(&aside, folder.join(name)).unwrap();
}

pub fn mark(folder: &Path, name: &str) {
    fs::write(folder.join(format!("{name}.done")), b"").unwrap();
}
