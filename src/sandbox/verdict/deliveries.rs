//! Every delivery of the ERP is one fulfilment of its order in the shop.
//!
//! Not here: whether the delivery itself was right to happen.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::{FindingKind, Verdict};
use crate::sandbox::courier::Vendor;
use crate::sandbox::erp::ErpLedger;
use crate::sandbox::shop::{Fulfilment, ShopLedger};

pub fn judge_deliveries(verdict: &mut Verdict, shop: &ShopLedger, erp: &ErpLedger) {
    let mut by_tracking: BTreeMap<&str, Vec<&Fulfilment>> = BTreeMap::new();
    for fulfilment in &shop.fulfilments {
        by_tracking.entry(fulfilment.tracking_number.as_deref().unwrap_or_default()).or_default().push(fulfilment);
    }
    for delivery in &erp.deliveries {
        verdict.deliveries_checked += 1;
        let key = format!("{} ({})", delivery.order_reference, delivery.tracking_number);
        let found = by_tracking.get(delivery.tracking_number.as_str()).map_or(&[][..], Vec::as_slice);
        match found {
            [] => verdict.add(FindingKind::Lost, Vendor::Shop, key, "the delivery is not a fulfilment in the shop"),
            [one] => judge_one(verdict, key, shop, one, &delivery.order_reference, delivery.carrier),
            many => verdict.add(FindingKind::Doubled, Vendor::Shop, key, format!("{} fulfilments", many.len())),
        }
    }
    let shipped: BTreeSet<&str> = erp.deliveries.iter().map(|delivery| delivery.tracking_number.as_str()).collect();
    for (tracking, fulfilments) in by_tracking.iter().filter(|(tracking, _)| !shipped.contains(**tracking)) {
        let detail = format!("{} fulfilments for a delivery that never was", fulfilments.len());
        verdict.add(FindingKind::Wrong, Vendor::Shop, *tracking, detail);
    }
}

fn judge_one(verdict: &mut Verdict, key: String, shop: &ShopLedger, found: &Fulfilment, order: &str, carrier: &str) {
    let of_order = shop.order(found.order_id).map(|order| order.name()).unwrap_or_default();
    if of_order != order {
        let detail = format!("the fulfilment is of order {of_order}");
        return verdict.add(FindingKind::Wrong, Vendor::Shop, key, detail);
    }
    if found.tracking_company.as_deref() != Some(carrier) {
        let detail = format!("the carrier is {:?}, should be {carrier:?}", found.tracking_company);
        verdict.add(FindingKind::Wrong, Vendor::Shop, key, detail);
    }
}
