//! Read, mapped to canonical, mapped back, written, read and mapped again: equal.

use serde_json::{Value, json};
use syncline::model::Record;

use super::support::{
    exploded, fixture, map_in, map_out, mapping, partner_settings, read_bytes, spec, write_rows, write_spec,
};

struct Trip {
    connector: &'static str,
    source: &'static str,
    target: &'static str,
    mapping: &'static str,
    file: &'static str,
    explode: Option<(&'static str, &'static str)>,
}

fn records(trip: &Trip, bytes: &[u8]) -> Vec<Record> {
    let rows = read_bytes(&spec(trip.connector, trip.source), bytes).unwrap_or_else(|error| panic!("{error}"));
    let mut rows: Vec<Value> = rows.into_iter().map(|row| row.value).collect();
    if let Some((list, field)) = trip.explode {
        rows = exploded(rows, list, field);
    }
    let mapping = mapping(trip.mapping);
    rows.iter().map(|row| map_in(&mapping, row)).collect()
}

/// What the document carries; `unset` are fields that the written form has no place for.
#[track_caller]
fn check(trip: &Trip, unset: &[&str]) {
    let first = records(trip, fixture(trip.connector, trip.file).as_bytes());
    let mapping = mapping(trip.mapping);
    let rows: Vec<Value> = first.iter().map(|record| map_out(&mapping, record)).collect();
    // Written by the partner's hub, read by ours.
    let (spec, given) = write_spec(trip.connector, trip.target, &partner_settings());
    let text = write_rows(&spec, &given, &rows).unwrap_or_else(|error| panic!("{error}"));
    let second = records(trip, text.as_bytes());
    let plain = |records: &[Record]| -> Vec<Value> {
        let all = records.iter().map(|record| {
            let mut json = record.to_json();
            let fields = json.as_object_mut().unwrap();
            for name in unset.iter().chain(&["extra"]) {
                fields.remove(*name);
            }
            json
        });
        all.collect()
    };
    assert_eq!(plain(&first), plain(&second), "{text}");
    assert!(!first.is_empty());
}

#[test]
fn x12_documents_come_back_equal() {
    let trip = |source, target, mapping, file| Trip { connector: "x12", source, target, mapping, file, explode: None };
    check(&trip("orders", "orders-out", "x12/order", "850_101.edi"), &[]);
    check(&trip("acknowledgements", "acknowledgements-out", "x12-acknowledgement/order", "855_102.edi"), &[]);
    check(&trip("ship-notices", "ship-notices-out", "x12/fulfilment", "856_103.edi"), &[]);
    check(&trip("invoices", "invoices-out", "x12/invoice", "810_104.edi"), &[]);
    let stock = trip("stock", "stock-out", "x12/inventory_level", "846_105.edi");
    check(&Trip { explode: Some(("lines", "line")), ..stock }, &[]);
}

#[test]
fn edifact_documents_come_back_equal() {
    let trip =
        |source, target, mapping, file| Trip { connector: "edifact", source, target, mapping, file, explode: None };
    check(&trip("orders", "orders-out", "edifact/order", "ORDERS_1.edi"), &[]);
    check(&trip("despatch-advices", "despatch-advices-out", "edifact/fulfilment", "DESADV_2.edi"), &[]);
    check(&trip("invoices", "invoices-out", "edifact/invoice", "INVOIC_4.edi"), &[]);
    let stock = trip("stock", "stock-out", "edifact/inventory_level", "INVRPT_3.edi");
    check(&Trip { explode: Some(("lines", "line")), ..stock }, &[]);
}

#[test]
fn levels_of_one_warehouse_share_an_advice() {
    let (spec, given) = write_spec("x12", "stock-out", &partner_settings());
    let row = |sku: &str, warehouse: &str, quantity: &str| {
        json!({
            "BIA": { "01": "00", "02": "SI" },
            "warehouse": { "N1": { "03": "92", "04": warehouse } },
            "lines": { "LIN": { "ids": { "VP": sku } }, "available": { "QTY": { "02": quantity, "03": "EA" } } },
        })
    };
    let rows = [row("A", "WH1", "1"), row("B", "WH1", "2"), row("C", "WH2", "3")];
    let text = write_rows(&spec, &given, &rows).unwrap();
    let (_, body) = text.split_once("ST*").unwrap();
    assert_eq!(
        body,
        "846*0001~BIA*00*SI*500000007*20261120*1015~N1*WH**92*WH1~LIN*1*VP*A~QTY*33*1*EA~LIN*2*VP*B~QTY*33*2*EA~CTT*2~\
         SE*9*0001~ST*846*0002~BIA*00*SI*500000007*20261120*1015~N1*WH**92*WH2~LIN*1*VP*C~QTY*33*3*EA~CTT*1~SE*7*0002~\
         GE*2*500000007~IEA*1*500000007~"
    );
    // A row that cannot be written fails alone.
    let mut out = Vec::new();
    let mut writer = syncline::connector::file::write::FileWriter::new("out.edi", &spec, &given, &mut out).unwrap();
    writer.row(&rows[0]).unwrap();
    assert!(writer.row(&row("B*", "WH1", "2")).is_err());
    writer.row(&rows[1]).unwrap();
    writer.finish().unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("LIN*1*VP*A~QTY*33*1*EA~LIN*2*VP*B~"), "{text}");
}
