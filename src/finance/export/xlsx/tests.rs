//! Numbers that a workbook can hold, and sheets that are full.
//!
//! Not here: whole workbooks (tests/exports.rs).
#![allow(clippy::unwrap_used)]

use super::*;
use calamine::{Data, Reader, Xlsx};
use proptest::prelude::*;

proptest! {
    #[test]
    fn an_amount_below_the_limit_is_written_as_its_decimal(
        minor in -999_999_999_999_999_i128..=999_999_999_999_999,
        unit in prop::sample::select(vec!["EUR", "JPY", "KWD", "CLF", "pcs"]),
    ) {
        let value = Value { unit: Unit::parse(unit).unwrap(), minor };
        let written = exact_amount(value).map(|number| number.to_string());
        prop_assert_eq!(value.unit.amount(&written.unwrap()).unwrap(), minor);
    }

    #[test]
    fn no_number_is_written_that_is_not_the_amount(minor in any::<i128>()) {
        let value = Value { unit: Unit::parse("EUR").unwrap(), minor: minor >> 60 };
        if let Some(number) = exact_amount(value) {
            prop_assert_eq!(value.unit.amount(&number.to_string()).unwrap(), value.minor);
        }
    }
}

#[test]
fn the_edge_is_fifteen_digits() {
    let euro = Unit::parse("EUR").unwrap();
    assert!(exact_amount(Value { unit: euro, minor: 999_999_999_999_999 }).is_some());
    assert!(exact_amount(Value { unit: euro, minor: 1_000_000_000_000_000 }).is_none());
    // Below 2^53, and yet two amounts that one floating point number stands for.
    assert_eq!("90071992547409.91".parse::<f64>(), "90071992547409.90".parse::<f64>());
}

/// 10 rows of 1.00 EUR on sheets of 6 rows: 4 fit beside a header and a total.
#[test]
fn a_full_sheet_continues_on_the_next_and_totals_span_all() {
    let columns = [("key", Kind::Text), ("unit", Kind::Text), ("amount", Kind::Amount)];
    let mut table = Table::new(Section::Breaks, &columns, super::super::table::Totals::Sum);
    let euro = Unit::parse("EUR").unwrap();
    for at in 0..10 {
        let amount = Cell::Amount(Value { unit: euro, minor: 100 });
        table.rows.push(vec![Cell::Text(at.to_string()), Cell::Text("EUR".to_owned()), amount]);
    }
    let mut book = Workbook::new();
    sheets(&mut book, &table, &table.sums().unwrap(), 6).unwrap();
    let bytes = book.save_to_buffer().unwrap();
    let mut read: Xlsx<_> = Xlsx::new(std::io::Cursor::new(bytes)).unwrap();
    assert_eq!(read.sheet_names(), ["Breaks", "Breaks (2)", "Breaks (3)"]);
    let last = read.worksheet_range("Breaks (3)").unwrap();
    assert_eq!(last.get_value((3, 2)), Some(&Data::Float(10.0)));
    let formula = read.worksheet_formula("Breaks (3)").unwrap().get_value((3, 2)).unwrap().clone();
    assert_eq!(formula.matches("SUMIFS").count(), 3, "{formula}");
    assert!(formula.contains("'Breaks (2)'!$C$2:$C$5"), "{formula}");
}
