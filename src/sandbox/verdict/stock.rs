//! The shop's level of every article is what the ERP's last valid snapshot said.
//!
//! Not here: snapshots that had to be refused, except that their quantities must never be seen.

use super::findings::{FindingKind, Verdict};
use crate::sandbox::catalogue::Catalogue;
use crate::sandbox::courier::Vendor;
use crate::sandbox::erp::{ErpLedger, POISON};
use crate::sandbox::shop::ShopLedger;

pub fn judge_stock(verdict: &mut Verdict, shop: &ShopLedger, erp: &ErpLedger, catalogue: &Catalogue) {
    let Some(last) = erp.snapshots.last() else { return };
    for (index, product) in catalogue.products().iter().enumerate() {
        let (Some(level), Some(should)) = (shop.levels.get(index), last.available.get(index)) else { continue };
        verdict.stock_checked += 1;
        let key = &product.sku;
        if level.set.iter().any(|set| *set >= POISON / 2) {
            let detail = "a quantity came from a file whose trailer was wrong";
            verdict.add(FindingKind::Wrong, Vendor::Shop, key, detail);
        }
        if level.available == *should {
            continue;
        }
        let detail = format!("available is {}, snapshot {} says {should}", level.available, last.sequence);
        let kind = if level.set.is_empty() {
            FindingKind::Lost
        } else if erp.snapshots.iter().any(|snapshot| snapshot.available.get(index) == Some(&level.available)) {
            FindingKind::Stale
        } else {
            FindingKind::Wrong
        };
        verdict.add(kind, Vendor::Shop, key, detail);
    }
}
