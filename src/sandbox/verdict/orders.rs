//! Every order of the shop is in the ERP exactly once, as its newest version says, and never went back.
//!
//! Not here: the payment kept beside the order (`payments`).

use super::findings::{FindingKind, Verdict};
use crate::sandbox::catalogue::Catalogue;
use crate::sandbox::courier::Vendor;
use crate::sandbox::erp::{ErpBody, ErpLedger, ErpLine, ErpOrder};
use crate::sandbox::shop::{OrderVersion, ShopLedger, ShopOrder};

pub fn judge_orders(verdict: &mut Verdict, shop: &ShopLedger, erp: &ErpLedger, catalogue: &Catalogue) {
    for order in shop.orders() {
        verdict.orders_checked += 1;
        judge_order(verdict, order, erp, catalogue);
    }
    for reference in erp.references().filter(|reference| shop.order_by_name(reference).is_none()) {
        verdict.add(FindingKind::Wrong, Vendor::Erp, reference, "no such order was ever placed");
    }
}

fn judge_order(verdict: &mut Verdict, order: &ShopOrder, erp: &ErpLedger, catalogue: &Catalogue) {
    let name = order.name();
    let documents: Vec<&ErpOrder> = erp.by_reference(&name).collect();
    if documents.is_empty() {
        return verdict.add(FindingKind::Lost, Vendor::Erp, name, "the order is not in the ERP");
    }
    if documents.len() > 1 {
        let ids: Vec<&str> = documents.iter().map(|document| document.id.as_str()).collect();
        verdict.add(FindingKind::Doubled, Vendor::Erp, &name, format!("documents {}", ids.join(", ")));
    }
    for document in documents {
        judge_document(verdict, order, document, catalogue);
    }
}

fn judge_document(verdict: &mut Verdict, order: &ShopOrder, document: &ErpOrder, catalogue: &Catalogue) {
    let key = format!("{} ({})", order.name(), document.id);
    // The newest version that a document agrees with; versions that differ in nothing the ERP holds are as one.
    let agrees = |body: &ErpBody| {
        order.versions.iter().rposition(|version| difference(order, version, body, catalogue).is_none())
    };
    let newest = order.versions.len() - 1;
    match agrees(&document.body) {
        Some(at) if at == newest => {}
        Some(at) => {
            let detail = format!("holds version {} of {}: {}", at + 1, newest + 1, described(&order.versions[at]));
            verdict.add(FindingKind::Stale, Vendor::Erp, &key, detail);
        }
        None => {
            let detail = difference(order, &order.current, &document.body, catalogue).unwrap_or_default();
            verdict.add(FindingKind::Wrong, Vendor::Erp, &key, detail);
        }
    }
    let written: Vec<usize> = document.writes.iter().filter_map(agrees).collect();
    if let Some(back) = written.windows(2).find(|pair| pair[1] < pair[0]) {
        let detail = format!("version {} was written over version {}", back[1] + 1, back[0] + 1);
        verdict.add(FindingKind::Stale, Vendor::Erp, &key, detail);
    }
}

fn described(version: &OrderVersion) -> String {
    format!("{}, {}", status(version), version.financial.erp_word())
}

fn status(version: &OrderVersion) -> &'static str {
    if version.cancelled { "cancelled" } else { "confirmed" }
}

/// The first field in which a document differs from a version; what the document leaves out is not held against it.
fn difference(order: &ShopOrder, version: &OrderVersion, body: &ErpBody, catalogue: &Catalogue) -> Option<String> {
    let said = |field: &str, is: &dyn std::fmt::Debug, should: &dyn std::fmt::Debug| {
        Some(format!("{field} is {is:?}, should be {should:?}"))
    };
    if body.currency != order.currency {
        return said("currency", &body.currency.code(), &order.currency.code());
    }
    if body.total_minor != order.total_minor() {
        let decimal = |minor: i64| order.currency.decimal(minor);
        return said("total", &decimal(body.total_minor), &decimal(order.total_minor()));
    }
    if body.placed_s != order.placed_s {
        return said("placed_at", &body.placed_s, &order.placed_s);
    }
    if body.status != status(version) {
        return said("status", &body.status, &status(version));
    }
    let financial = version.financial.erp_word();
    if let Some(is) = body.payment_status.as_deref().filter(|is| *is != financial) {
        return said("payment_status", &is, &financial);
    }
    let email = order.customer.email(version.email_revision);
    if let Some(is) = body.email.as_ref().filter(|is| **is != email) {
        return said("customer.email", is, &email);
    }
    let name = order.customer.full_name();
    if let Some(is) = body.name.as_ref().filter(|is| **is != name) {
        return said("customer.name", is, &name);
    }
    let (is, should) = (sorted(body.lines.clone()), sorted(lines(order, catalogue)));
    if is == should { None } else { said("lines", &is, &should) }
}

fn lines(order: &ShopOrder, catalogue: &Catalogue) -> Vec<ErpLine> {
    let line = |line: &crate::sandbox::shop::Line| {
        Some(ErpLine {
            sku: catalogue.product(line.product)?.sku.clone(),
            quantity: line.quantity,
            unit_minor: line.unit_minor,
            discount_minor: line.discount_minor,
        })
    };
    order.lines.iter().filter_map(line).collect()
}

fn sorted(mut lines: Vec<ErpLine>) -> Vec<ErpLine> {
    lines.sort();
    lines
}
