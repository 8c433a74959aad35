//! Do the shop and Odoo tell the same story? Orders there, stock and parcels back.
//!
//! Not here: anything the hub says about itself; only what it did to the vendors counts. Taxes are not compared: Odoo
//! computes its own (the reference sheet), so amounts are compared without them.

use std::collections::BTreeMap;

use super::lives::odoo_states;
use crate::sandbox::catalogue::Catalogue;
use crate::sandbox::courier::Vendor;
use crate::sandbox::odoo::{Cell, DISCOUNT, Db, Odoo, SHIPPING};
use crate::sandbox::verdict::{FindingKind, Verdict};
use crate::sandbox::woo::{Status, WooLedger, WooOrder};

const MICRO: i64 = 1_000_000;
/// A cent in millionths.
const CENT: i64 = MICRO / 100;

pub fn judge(verdict: &mut Verdict, woo: &WooLedger, odoo: &Db, catalogue: &Catalogue) {
    judge_orders(verdict, woo, odoo);
    judge_partners(verdict, odoo);
    judge_stock(verdict, woo, odoo, catalogue);
    judge_parcels(verdict, woo, odoo);
}

fn judge_orders(verdict: &mut Verdict, woo: &WooLedger, odoo: &Db) {
    let mut by_reference: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for (id, row) in odoo.table("sale.order") {
        let reference = row.get("client_order_ref").map(Cell::as_text).unwrap_or_default();
        by_reference.entry(reference.to_owned()).or_default().push(id);
    }
    for order in woo.orders.iter().filter(|order| order.status() != Status::CheckoutDraft) {
        verdict.orders_checked += 1;
        let found = by_reference.remove(&order.number()).unwrap_or_default();
        match found.as_slice() {
            [] => verdict.add(FindingKind::Lost, Vendor::Odoo, order.number(), "the order is not in Odoo"),
            [one] => judge_order(verdict, order, odoo, *one),
            many => {
                let detail = format!("sales orders {many:?}");
                verdict.add(FindingKind::Doubled, Vendor::Odoo, order.number(), detail);
            }
        }
    }
    for (reference, ids) in by_reference {
        let detail = format!("sales orders {ids:?}, but no such order was ever placed");
        verdict.add(FindingKind::Wrong, Vendor::Odoo, reference, detail);
    }
}

fn judge_order(verdict: &mut Verdict, order: &WooOrder, odoo: &Db, id: i64) {
    let key = format!("{} (S{id:05})", order.number());
    if let Some(detail) = difference(order, odoo, id) {
        verdict.add(FindingKind::Wrong, Vendor::Odoo, &key, detail);
    }
    let state = odoo.cell("sale.order", id, "state");
    if !odoo_states(order.status()).contains(&state.as_text()) {
        let earlier = order.versions.iter().any(|version| odoo_states(version.status).contains(&state.as_text()));
        let kind = if earlier { FindingKind::Stale } else { FindingKind::Wrong };
        let detail = format!("is {:?}, the order is {}", state.as_text(), order.status().word());
        verdict.add(kind, Vendor::Odoo, &key, detail);
    }
    let states = odoo.states.get(&id).map(Vec::as_slice).unwrap_or_default();
    if states.windows(2).any(|pair| pair[0] == "cancel") {
        verdict.add(FindingKind::Stale, Vendor::Odoo, &key, format!("came back from cancellation: {states:?}"));
    }
}

/// The first thing in which a sales order differs from the shop's order.
fn difference(order: &WooOrder, odoo: &Db, id: i64) -> Option<String> {
    let cell = |field: &str| odoo.cell("sale.order", id, field);
    let said = |field: &str, is: &dyn std::fmt::Debug, should: &dyn std::fmt::Debug| {
        Some(format!("{field} is {is:?}, should be {should:?}"))
    };
    let partner = cell("partner_id").whole().unwrap_or_default();
    let email = odoo.cell("res.partner", partner, "email").as_text().to_lowercase();
    if email != order.email.to_lowercase() {
        return said("partner", &email, &order.email);
    }
    if cell("date_order") != Cell::Time(order.created_s) {
        return said("date_order", &cell("date_order"), &order.created_s);
    }
    let (is, should) = (cell("amount_untaxed").micro(), order.untaxed_cents() * CENT);
    if is != should {
        return said("amount_untaxed", &is, &should);
    }
    let mut is: Vec<(i64, i64, i64)> = odoo
        .pointing("sale.order.line", "order_id", id)
        .into_iter()
        .map(|line| {
            let cell = |field: &str| odoo.cell("sale.order.line", line, field);
            (
                cell("product_id").whole().unwrap_or_default(),
                cell("product_uom_qty").micro(),
                cell("price_unit").micro(),
            )
        })
        .collect();
    let mut should = lines(order);
    is.sort_unstable();
    should.sort_unstable();
    if is == should { None } else { said("lines", &is, &should) }
}

/// Product, quantity and unit price as Odoo should hold them; shipping and discounts are lines there.
fn lines(order: &WooOrder) -> Vec<(i64, i64, i64)> {
    let mut lines: Vec<(i64, i64, i64)> = order
        .lines
        .iter()
        .map(|line| {
            (Odoo::product(line.article), line.quantity * MICRO, line.subtotal_cents / line.quantity.max(1) * CENT)
        })
        .collect();
    if order.shipping_cents != 0 {
        lines.push((SHIPPING, MICRO, order.shipping_cents * CENT));
    }
    if order.discount_cents() != 0 {
        lines.push((DISCOUNT, MICRO, -order.discount_cents() * CENT));
    }
    lines
}

fn judge_partners(verdict: &mut Verdict, odoo: &Db) {
    let mut by_email: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for (id, row) in odoo.table("res.partner") {
        let email = row.get("email").map(Cell::as_text).unwrap_or_default().to_lowercase();
        by_email.entry(email).or_default().push(id);
    }
    for (email, ids) in by_email.into_iter().filter(|(_, ids)| ids.len() > 1) {
        verdict.add(FindingKind::Doubled, Vendor::Odoo, email, format!("partners {ids:?}"));
    }
}

fn judge_stock(verdict: &mut Verdict, woo: &WooLedger, odoo: &Db, catalogue: &Catalogue) {
    for (article, (item, product)) in woo.items.iter().zip(catalogue.products()).enumerate() {
        verdict.stock_checked += 1;
        let id = Odoo::product(article);
        let known = odoo.levels.get(&id);
        if let Some(never) = item.set.iter().find(|set| !known.is_some_and(|known| known.contains(set))) {
            let detail = format!("was set to {never}, which was never free in Odoo");
            verdict.add(FindingKind::Wrong, Vendor::Woo, &product.sku, detail);
        }
        let should = odoo.free(id);
        if item.stock != should {
            let kind = if item.set.is_empty() { FindingKind::Lost } else { FindingKind::Stale };
            let detail = format!("stock is {}, free in Odoo are {should}; last set {:?}", item.stock, item.set.last());
            verdict.add(kind, Vendor::Woo, &product.sku, detail);
        }
    }
}

/// Each parcel that left is one note to its customer; there is no other trace of a shipment in the shop.
fn judge_parcels(verdict: &mut Verdict, woo: &WooLedger, odoo: &Db) {
    let notes: Vec<(i64, &str)> = woo
        .orders
        .iter()
        .flat_map(|order| order.notes.iter().filter(|note| note.to_customer).map(|note| (order.id, note.text.as_str())))
        .collect();
    let mut explained = 0;
    for (_, row) in odoo.table("stock.picking") {
        if row.get("state").map(Cell::as_text) != Some("done") {
            continue;
        }
        verdict.deliveries_checked += 1;
        let text = |field: &str| row.get(field).map(Cell::as_text).unwrap_or_default().to_owned();
        let (name, tracking) = (text("name"), text("carrier_tracking_ref"));
        let order = row.get("sale_id").and_then(Cell::whole).unwrap_or_default();
        let reference = odoo.cell("sale.order", order, "client_order_ref");
        let about: Vec<&(i64, &str)> = notes.iter().filter(|(_, text)| text.contains(&name)).collect();
        explained += about.len();
        match about.as_slice() {
            [] => verdict.add(FindingKind::Lost, Vendor::Woo, name, "no note tells of the parcel"),
            [(id, text)] if id.to_string() == reference.as_text() && text.contains(&tracking) => {}
            [(id, text)] => {
                let detail = format!("order {id} was told {text:?}, should be {} with {tracking}", reference.as_text());
                verdict.add(FindingKind::Wrong, Vendor::Woo, name, detail);
            }
            many => verdict.add(FindingKind::Doubled, Vendor::Woo, name, format!("{} notes", many.len())),
        }
    }
    if notes.len() > explained {
        let detail = format!("{} notes of parcels that never left", notes.len() - explained);
        verdict.add(FindingKind::Wrong, Vendor::Woo, "notes", detail);
    }
}
