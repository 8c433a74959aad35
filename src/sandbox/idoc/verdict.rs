//! The judgement over this ERP: every placed order is booked once and rightly, and the other side knows every delivery
//! and every quantity as it is now, without ever having gone back.
//!
//! Not here: what the hub says of itself.

use std::collections::BTreeSet;

use super::ledger::{Delivery, IdocLedger, SalesOrder};
use super::number::{Exact, external};
use super::order::Item;
use super::{IdocMirror, PlacedOrder, ToldDelivery};
use crate::sandbox::clock::compact_date;
use crate::sandbox::courier::Vendor;
use crate::sandbox::verdict::{FindingKind, Verdict};

pub(super) fn judge(ledger: &IdocLedger, placed: &[PlacedOrder], mirror: &IdocMirror) -> Verdict {
    let mut verdict = Verdict::default();
    judge_orders(&mut verdict, ledger, placed);
    judge_deliveries(&mut verdict, ledger, mirror);
    judge_stock(&mut verdict, ledger, mirror);
    verdict
}

fn judge_orders(verdict: &mut Verdict, ledger: &IdocLedger, placed: &[PlacedOrder]) {
    for order in placed {
        verdict.orders_checked += 1;
        let booked: Vec<&SalesOrder> = ledger.by_reference(&order.number).collect();
        match booked.as_slice() {
            [] => {
                let last = ledger.statuses.iter().rfind(|status| status.reference == order.number);
                let why =
                    last.map_or("the order never arrived".to_owned(), |s| format!("status {}: {}", s.status, s.text));
                verdict.add(FindingKind::Lost, Vendor::Erp, &order.number, why);
            }
            [_] => {}
            many => {
                let detail = format!("{} sales orders", many.len());
                verdict.add(FindingKind::Doubled, Vendor::Erp, &order.number, detail);
            }
        }
        for document in booked {
            if let Some(detail) = difference(order, document) {
                verdict.add(FindingKind::Wrong, Vendor::Erp, format!("{} ({})", order.number, document.number), detail);
            }
        }
    }
    let known: BTreeSet<&str> = placed.iter().map(|order| order.number.as_str()).collect();
    for stranger in ledger.orders.iter().filter(|order| !known.contains(order.body.purchase_order.as_str())) {
        let key = &stranger.body.purchase_order;
        verdict.add(FindingKind::Wrong, Vendor::Erp, key, "no such order was ever placed");
    }
    for (file, cause) in &ledger.unreadable {
        verdict.add(FindingKind::Wrong, Vendor::Erp, file, cause);
    }
}

fn difference(order: &PlacedOrder, document: &SalesOrder) -> Option<String> {
    let said = |field: &str, is: &dyn std::fmt::Debug, should: &dyn std::fmt::Debug| {
        Some(format!("{field} is {is:?}, should be {should:?}"))
    };
    let (body, decimals) = (&document.body, order.currency.exponent());
    if body.currency != order.currency {
        return said("currency", &body.currency.code(), &order.currency.code());
    }
    let day = compact_date(order.placed_s);
    if body.day != day {
        return said("day", &body.day, &day);
    }
    let freight = Exact::from_minor(order.shipping_minor, decimals);
    if body.freight != freight {
        return said("freight", &body.freight, &freight);
    }
    let item = |line: &super::PlacedLine| Item {
        material: external(&line.sku),
        thousandths: line.quantity_thousandths,
        price: Exact::from_minor(line.unit_minor, decimals),
        discount: Exact::from_minor(line.discount_minor, decimals),
    };
    let should: Vec<Item> = order.lines.iter().map(item).collect();
    if body.items == should { None } else { said("items", &body.items, &should) }
}

fn judge_deliveries(verdict: &mut Verdict, ledger: &IdocLedger, mirror: &IdocMirror) {
    for delivery in &ledger.deliveries {
        verdict.deliveries_checked += 1;
        let number = format!("{:010}", delivery.number);
        let told: Vec<&ToldDelivery> =
            mirror.deliveries.iter().filter(|told| external(&told.number) == delivery.number.to_string()).collect();
        let Some(last) = told.last() else {
            verdict.add(FindingKind::Lost, Vendor::Shop, number, "the delivery was never told");
            continue;
        };
        if let Some((kind, detail)) = misfit(delivery, last) {
            verdict.add(kind, Vendor::Shop, &number, detail);
        }
        if told.windows(2).any(|pair| pair[0] == pair[1]) {
            verdict.add(FindingKind::Doubled, Vendor::Shop, &number, "the same state was told twice");
        }
        if told.windows(2).any(|pair| pair[0].tracking_number.is_some() && pair[1].tracking_number.is_none()) {
            verdict.add(FindingKind::Stale, Vendor::Shop, &number, "it went back to before its goods issue");
        }
    }
    let known: BTreeSet<String> = ledger.deliveries.iter().map(|delivery| delivery.number.to_string()).collect();
    for stranger in mirror.deliveries.iter().filter(|told| !known.contains(&external(&told.number))) {
        verdict.add(FindingKind::Wrong, Vendor::Shop, &stranger.number, "a delivery that never was");
    }
}

/// How what was told last differs from the delivery as it is.
fn misfit(delivery: &Delivery, told: &ToldDelivery) -> Option<(FindingKind, String)> {
    let lines: Vec<(String, i64)> = told.lines.iter().map(|(sku, quantity)| (external(sku), *quantity)).collect();
    if told.order != delivery.reference || lines != delivery.lines {
        let detail = format!("{} {lines:?}, should be {} {:?}", told.order, delivery.reference, delivery.lines);
        return Some((FindingKind::Wrong, detail));
    }
    let issue = delivery.issue.as_ref();
    let is = (told.carrier.as_deref(), told.tracking_number.as_deref(), told.shipped_s);
    let should = (issue.map(|i| i.carrier), issue.map(|i| i.tracking_number.as_str()), issue.map(|i| i.at_s));
    if is == should {
        return None;
    }
    let kind = if is == (None, None, None) { FindingKind::Stale } else { FindingKind::Wrong };
    Some((kind, format!("carrier, tracking number and shipping are {is:?}, should be {should:?}")))
}

fn judge_stock(verdict: &mut Verdict, ledger: &IdocLedger, mirror: &IdocMirror) {
    for (material, published) in &ledger.published {
        verdict.stock_checked += 1;
        let told: Vec<i64> = mirror
            .stock
            .iter()
            .filter(|(sku, _)| external(sku) == *material)
            .flat_map(|(_, told)| told.clone())
            .collect();
        let (Some(last), Some(should)) = (told.last(), published.last()) else {
            verdict.add(FindingKind::Lost, Vendor::Shop, material, "the quantity was never told");
            continue;
        };
        if let Some(never) = told.iter().find(|quantity| !published.contains(quantity)) {
            verdict.add(FindingKind::Wrong, Vendor::Shop, material, format!("{never} was told and never published"));
        }
        if last != should {
            let detail = format!("{last} is told, the last publication says {should}");
            verdict.add(FindingKind::Stale, Vendor::Shop, material, detail);
        } else if !is_forward(&told, published) {
            verdict.add(FindingKind::Stale, Vendor::Shop, material, format!("told {told:?} of {published:?}"));
        }
    }
    for stranger in mirror.stock.keys().filter(|sku| !ledger.published.contains_key(&external(sku))) {
        verdict.add(FindingKind::Wrong, Vendor::Shop, stranger, "a quantity of nothing that is kept here");
    }
}

/// Whether `told` skips through `published` without going back; what was never published is not looked at.
fn is_forward(told: &[i64], published: &[i64]) -> bool {
    let mut rest = published.iter();
    told.iter().filter(|quantity| published.contains(quantity)).all(|quantity| rest.any(|next| next == quantity))
}
