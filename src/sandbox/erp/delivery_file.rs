//! The delivery IDoc as XML: control record, then one `E1EDL20` per delivery with its items.
//!
//! Not here: which orders are shipped (`ledger`) and the directory (`drop_box`).
//! Unlike SAP's own DELVRY07, this ERP writes the customer's order number (`E1EDL41`) once per delivery, not per item.

use std::fmt::Write as _;

use super::ledger::Delivery;
use crate::sandbox::clock::{compact_date, compact_time};

/// Renders one IDoc; `sequence` is its document number.
pub fn render(deliveries: &[Delivery], sequence: u64, at_s: i64) -> String {
    let (date, time) = (compact_date(at_s), compact_time(at_s));
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DELVRY07><IDOC BEGIN=\"1\">\n");
    let control = [
        ("TABNAM", "EDI_DC40"),
        ("MANDT", "100"),
        ("DOCNUM", &format!("{sequence:016}")),
        ("DIRECT", "1"),
        ("IDOCTYP", "DELVRY07"),
        ("MESTYP", "DESADV"),
        ("SNDPOR", "SAPPRD"),
        ("SNDPRT", "LS"),
        ("SNDPRN", "ERP01"),
        ("RCVPOR", "HUB"),
        ("RCVPRT", "LS"),
        ("RCVPRN", "WEBHUB"),
        ("CREDAT", &date),
        ("CRETIM", &time),
        ("SERIAL", &format!("{date}{time}")),
    ];
    segment(&mut xml, 1, "EDI_DC40", &control, |_| {});
    for delivery in deliveries {
        delivery_segment(&mut xml, delivery);
    }
    xml.push_str("</IDOC></DELVRY07>\n");
    xml
}

fn delivery_segment(xml: &mut String, delivery: &Delivery) {
    let header = [
        ("VBELN", format!("{:010}", delivery.number)),
        ("VSTEL", "WH1".to_owned()),
        ("TRATY", delivery.carrier.to_owned()),
        ("TRAID", delivery.tracking_number.clone()),
    ];
    segment(xml, 1, "E1EDL20", &borrowed(&header), |xml| {
        let reference = [("QUALI", "001"), ("BSTNR", delivery.order_reference.as_str())];
        segment(xml, 2, "E1EDL41", &reference, |_| {});
        let (date, time) = (compact_date(delivery.shipped_s), compact_time(delivery.shipped_s));
        segment(xml, 2, "E1EDT13", &[("QUALF", "006"), ("NTANF", &date), ("NTANZ", &time)], |_| {});
        for (position, line) in delivery.lines.iter().enumerate() {
            let item = [
                ("POSNR", format!("{:06}", (position + 1) * 10)),
                ("MATNR", line.sku.clone()),
                ("LFIMG", format!("{}.000", line.quantity)),
                ("VRKME", "PCE".to_owned()),
            ];
            segment(xml, 2, "E1EDL24", &borrowed(&item), |_| {});
        }
    });
}

fn borrowed<'a>(fields: &'a [(&'a str, String)]) -> Vec<(&'a str, &'a str)> {
    fields.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

fn segment(xml: &mut String, depth: usize, name: &str, fields: &[(&str, &str)], children: impl FnOnce(&mut String)) {
    let indent = " ".repeat(depth);
    xml.push_str(&format!("{indent}<{name} SEGMENT=\"1\">"));
    for (field, value) in fields {
        // Writing to a String cannot fail.
        let _infallible = write!(xml, "<{field}>{}</{field}>", escaped(value));
    }
    let before = xml.len();
    xml.push('\n');
    children(xml);
    if xml.len() == before + 1 {
        xml.truncate(before);
    } else {
        xml.push_str(&indent);
    }
    xml.push_str(&format!("</{name}>\n"));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::erp::ErpLine;

    #[test]
    fn an_idoc_names_order_tracking_and_items() {
        let line = |sku: &str, quantity| ErpLine { sku: sku.to_owned(), quantity, unit_minor: 1, discount_minor: 0 };
        let delivery = Delivery {
            number: 80_000_001,
            order_reference: "#1001".to_owned(),
            carrier: "DHL",
            tracking_number: "00340000000080000001".to_owned(),
            shipped_s: 1_763_800_000,
            lines: vec![line("00123", 2), line("A&B", 1)],
        };
        let xml = render(&[delivery], 7, 1_763_800_000);
        let expected = " <E1EDL20 SEGMENT=\"1\"><VBELN>0080000001</VBELN><VSTEL>WH1</VSTEL><TRATY>DHL</TRATY>\
            <TRAID>00340000000080000001</TRAID>\n  <E1EDL41 SEGMENT=\"1\"><QUALI>001</QUALI><BSTNR>#1001</BSTNR></E1EDL41>\n  \
            <E1EDT13 SEGMENT=\"1\"><QUALF>006</QUALF><NTANF>20251122</NTANF><NTANZ>082640</NTANZ></E1EDT13>\n  \
            <E1EDL24 SEGMENT=\"1\"><POSNR>000010</POSNR><MATNR>00123</MATNR><LFIMG>2.000</LFIMG><VRKME>PCE</VRKME></E1EDL24>\n  \
            <E1EDL24 SEGMENT=\"1\"><POSNR>000020</POSNR><MATNR>A&amp;B</MATNR><LFIMG>1.000</LFIMG><VRKME>PCE</VRKME></E1EDL24>\n \
            </E1EDL20>\n";
        assert!(xml.contains(expected), "{xml}");
        assert!(xml.contains("<DOCNUM>0000000000000007</DOCNUM>"));
    }
}
