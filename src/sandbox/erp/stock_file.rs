//! The nightly stock file: header, one row per article, trailer with count and hash totals; Windows-1252, CRLF.
//!
//! Not here: names, markers and the directory (`drop_box`).

use encoding_rs::WINDOWS_1252;

use super::ledger::Stock;
use crate::sandbox::catalogue::{Catalogue, Product};
use crate::sandbox::clock::{compact_date, compact_time};
use crate::sandbox::money::german;
use crate::sandbox::options::SandboxError;

/// What the trailer claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trailer {
    Right,
    /// One row more than there is.
    WrongCount,
    /// A quantity total that is off by one.
    WrongTotal,
}

/// Renders a full snapshot; `stock` is in catalogue order.
pub fn render(
    catalogue: &Catalogue,
    stock: &[Stock],
    sequence: u64,
    at_s: i64,
    trailer: Trailer,
) -> Result<Vec<u8>, SandboxError> {
    let mut text = format!("H;BESTAND;ERP01;{};{};{sequence:07};V2\r\n", compact_date(at_s), compact_time(at_s));
    let (mut rows, mut quantity, mut price_cents) = (0_u64, 0_i64, 0_i64);
    for (product, stock) in catalogue.products().iter().zip(stock) {
        text.push_str(&row(product, *stock));
        rows += 1;
        // As the sheet has it: only what lies there counts, a miscount does not.
        quantity += stock.on_hand.max(0);
        price_cents += product.price_cents;
    }
    match trailer {
        Trailer::Right => {}
        Trailer::WrongCount => rows += 1,
        Trailer::WrongTotal => quantity += 1,
    }
    text.push_str(&format!("T;{rows:07};{quantity};{}\r\n", german(price_cents, false)));
    let (bytes, _, unmappable) = WINDOWS_1252.encode(&text);
    if unmappable { Err(SandboxError::Unencodable { text }) } else { Ok(bytes.into_owned()) }
}

fn row(product: &Product, stock: Stock) -> String {
    format!(
        "D;{};{};WH1;{};{};{};EUR;{};{}\r\n",
        quoted(&product.sku),
        quoted(&product.description),
        trailing_minus(stock.on_hand),
        trailing_minus(stock.reserved),
        german(product.price_cents, true),
        german(product.vat_cents, false),
        if product.active { "J" } else { "N" },
    )
}

fn quoted(text: &str) -> String {
    if text.contains([';', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

fn trailing_minus(quantity: i64) -> String {
    if quantity < 0 { format!("{}-", -quantity) } else { quantity.to_string() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn rendered(trailer: Trailer) -> Vec<String> {
        let catalogue = Catalogue::new(12);
        let stock: Vec<Stock> =
            (0..12).map(|at| Stock { on_hand: if at == 3 { -7 } else { 10 }, reserved: 2 }).collect();
        let bytes = render(&catalogue, &stock, 1423, 1_763_800_000, trailer).unwrap();
        let (text, _, malformed) = WINDOWS_1252.decode(&bytes);
        assert!(!malformed);
        assert!(text.ends_with("\r\n"));
        text.trim_end().split("\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn header_rows_and_trailer_follow_the_sheet() {
        let lines = rendered(Trailer::Right);
        assert_eq!(lines[0], "H;BESTAND;ERP01;20251122;082640;0001423;V2");
        assert_eq!(lines[1], "D;MUG-01;Becher blau;WH1;10;2;9,50;EUR;19,00;J");
        assert_eq!(lines[2], "D;PLATE-02;\"Teller \"\"rund\"\" 4er\";WH1;10;2;24,00;EUR;19,00;J");
        assert_eq!(lines[3], "D;00123;Größe L;WH1;10;2;1.234,50;EUR;7,00;J");
        assert_eq!(lines[4], "D;000042;\"Käse; gereift, 500 g\";WH1;7-;2;12,99;EUR;7,00;J");
        assert_eq!(lines.len(), 14);
        assert!(lines[13].starts_with("T;0000012;110;"), "{}", lines[13]);
    }

    #[test]
    fn a_wrong_trailer_contradicts_the_rows() {
        assert!(rendered(Trailer::WrongCount)[13].starts_with("T;0000013;110;"));
        assert!(rendered(Trailer::WrongTotal)[13].starts_with("T;0000012;111;"));
    }

    #[test]
    fn the_euro_sign_is_one_byte() {
        let catalogue = Catalogue::new(12);
        let stock = [Stock { on_hand: 1, reserved: 0 }; 12];
        let bytes = render(&catalogue, &stock, 1, 0, Trailer::Right).unwrap();
        assert!(bytes.contains(&0x80));
        assert!(!bytes.windows(3).any(|three| three == "€".as_bytes()));
    }
}
