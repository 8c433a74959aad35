//! The messages that the ERP sends: deliveries (DELVRY07), stock (LOISTD01), status of what it took (ALEAUD01).
//!
//! Not here: how segments are written (`document`) and files (`outbox`).
//! DELVRY07's fields and segments are general knowledge; LOISTD01 and ALEAUD01 are described in SAP's library.

use super::document::{Idoc, Segment};
use super::ledger::Delivery;
use super::number::{internal, quantity};
use super::profile::Profile;
use crate::sandbox::clock::{compact_date, compact_time};

const DAY_S: i64 = 86_400;

/// One delivery as it is now; what has not happened yet has the day `00000000`.
pub fn delivery(number: u64, delivery: &Delivery, width: usize, profile: &Profile, now_s: i64) -> Idoc {
    let mut header = Segment::new("E1EDL20")
        .field("VBELN", format!("{:010}", delivery.number))
        .field("VSTEL", profile.plant)
        .field("VKORG", profile.sales_organization);
    let planned = delivery.issue.as_ref().map_or(now_s, |issue| issue.at_s) + DAY_S;
    let mut dates = vec![date("007", &compact_date(planned), "000000")];
    match &delivery.issue {
        Some(issue) => {
            header = header.field("TRATY", issue.carrier).field("TRAID", issue.tracking_number.as_str());
            dates.push(date("006", &compact_date(issue.at_s), &compact_time(issue.at_s)));
        }
        None => dates.push(date("006", "00000000", "000000")),
    }
    let items = delivery.lines.iter().enumerate().map(|(at, (material, thousandths))| {
        Segment::new("E1EDL24")
            .field("POSNR", format!("{:06}", (at + 1) * 10))
            .field("MATNR", internal(material, width))
            .field("WERKS", profile.plant)
            .field("LGORT", profile.storage_location)
            .field("LFIMG", quantity(*thousandths))
            .field("VRKME", profile.unit)
            .below([Segment::new("E1EDL41").field("QUALI", "001").field("BSTNR", delivery.reference.as_str())])
    });
    let segments = vec![header.below(dates).below(items)];
    Idoc { number, basic_type: "DELVRY07", message: "DESADV", made_s: now_s, segments }
}

fn date(kind: &str, day: &str, time: &str) -> Segment {
    Segment::new("E1EDT13").field("QUALF", kind).field("NTANF", day).field("NTANZ", time)
}

/// Stock of one material in the plant; `wide` fills the field from the left, with room for the sign behind.
pub fn stock(
    number: u64,
    material: &str,
    on_hand: i64,
    width: usize,
    wide: bool,
    profile: &Profile,
    now_s: i64,
) -> Idoc {
    let written = quantity(on_hand);
    let on_hand = match (wide, written.ends_with('-')) {
        (false, _) => written,
        (true, true) => format!("{written:>15}"),
        (true, false) => format!("{written:>14} "),
    };
    let segment = Segment::new("E1MDSTL")
        .field("MATNR", internal(material, width))
        .field("WERKS", profile.plant)
        .field("PLSCN", "000")
        .field("INSME", "3.000")
        .field("LABST", on_hand)
        .field("SPEME", "1.000");
    Idoc { number, basic_type: "LOISTD01", message: "LOISTD", made_s: now_s, segments: vec![segment] }
}

/// The status of an IDoc that was taken, by the number that its sender gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub docnum: String,
    pub status: &'static str,
    pub class: &'static str,
    pub message: &'static str,
    pub text: String,
    pub order: Option<u64>,
}

pub fn status(number: u64, told: &Told, now_s: i64) -> Idoc {
    let kind = if told.status == "53" { "S" } else { "E" };
    let mut state = Segment::new("E1STATE")
        .field("DOCNUM", told.docnum.as_str())
        .field("STATUS", told.status)
        .field("STACOD", format!("SAP{}{}", told.class, told.message))
        .field("STATXT", told.text.as_str())
        .field("STATYP", kind)
        .field("STAMQU", "SAP")
        .field("STAMID", told.class)
        .field("STAMNO", told.message);
    if let Some(order) = told.order {
        let object = Segment::new("E1PRTOB").field("OBJTYPE", "BUS2032").field("OBJKEY", format!("{order:010}"));
        state = state.below([object]);
    }
    let header = Segment::new("E1ADHDR").field("MESTYP", "ORDERS").field("MESTYP_LNG", "ORDERS").below([state]);
    Idoc { number, basic_type: "ALEAUD01", message: "ALEAUD", made_s: now_s, segments: vec![header] }
}
