//! Sales orders: quotations, and the buttons that confirm and cancel them.
//!
//! Not here: goods on their way (`stock`).

use serde_json::{Map, Value, json};

use super::cell::{Cell, MICRO};
use super::db::Db;
use super::fault::Fault;
use super::models::{EURO, PRICE_LIST};
use super::{stock, write};
use crate::sandbox::catalogue::Catalogue;

/// A cent in millionths.
const CENT: i64 = MICRO / 100;

/// A quotation with its lines; all of it or nothing.
pub fn create(db: &mut Db, vals: &Map<String, Value>) -> Result<i64, Fault> {
    let mut cells = write::cells(db, "sale.order", vals)?;
    let given = |name: &str| cells.iter().find(|(known, _)| *known == name).map(|(_, cell)| cell.clone());
    let Some(partner) = given("partner_id").filter(|cell| cell.whole().is_some()) else {
        return Err(Fault::validation("Missing required value for the field 'Customer' (partner_id)"));
    };
    let list = given("pricelist_id").and_then(|cell| cell.whole()).unwrap_or(PRICE_LIST);
    let mut lines = Vec::new();
    for command in vals.get("order_line").and_then(Value::as_array).into_iter().flatten() {
        lines.push(line(db, command)?);
    }
    let sum = |name: &str| lines.iter().map(|line| cell_of(line, name).micro()).sum::<i64>();
    let (untaxed, tax) = (sum("price_subtotal"), sum("price_tax"));
    let date = given("date_order").unwrap_or(Cell::Time(db.now_s()));
    cells.retain(|(name, _)| !["date_order", "pricelist_id", "state", "name"].contains(name));
    let currency = db.cell("product.pricelist", list, "currency_id").whole().unwrap_or(EURO);
    cells.extend([
        ("state", Cell::text("draft")),
        ("date_order", date),
        ("pricelist_id", Cell::Whole(list)),
        ("currency_id", Cell::Whole(currency)),
        ("partner_invoice_id", partner.clone()),
        ("partner_shipping_id", partner),
        ("amount_untaxed", Cell::Micro(untaxed)),
        ("amount_tax", Cell::Micro(tax)),
        ("amount_total", Cell::Micro(untaxed + tax)),
        ("invoice_status", Cell::text("no")),
        ("locked", Cell::Flag(false)),
    ]);
    let at_s = db.now_s();
    let order = db.insert("sale.order", &cells, at_s);
    db.update("sale.order", order, &[("name", Cell::Text(format!("S{order:05}")))]);
    for mut line in lines {
        line.push(("order_id", Cell::Whole(order)));
        db.insert("sale.order.line", &line, at_s);
    }
    db.states.insert(order, vec!["draft".to_owned()]);
    Ok(order)
}

fn cell_of(cells: &[(&'static str, Cell)], name: &str) -> Cell {
    cells.iter().find(|(known, _)| *known == name).map_or(Cell::Empty, |(_, cell)| cell.clone())
}

/// One command `[0, 0, values]`; prices are without tax, each line is rounded to the cent, as is its tax.
fn line(db: &Db, command: &Value) -> Result<Vec<(&'static str, Cell)>, Fault> {
    let vals = match command.as_array().map(Vec::as_slice) {
        Some([Value::Number(kind), _, Value::Object(vals)]) if kind.as_i64() == Some(0) => vals,
        _ => return Err(Fault::value(format!("Wrong value for sale.order.order_line: {command}"))),
    };
    let mut cells = write::cells(db, "sale.order.line", vals)?;
    let Some(product) = cell_of(&cells, "product_id").whole() else {
        return Err(Fault::validation("Missing required fields on accountable sale order line."));
    };
    let quantity =
        if vals.contains_key("product_uom_qty") { cell_of(&cells, "product_uom_qty").micro() } else { MICRO };
    let price = if vals.contains_key("price_unit") {
        cell_of(&cells, "price_unit").micro()
    } else {
        db.cell("product.product", product, "list_price").micro()
    };
    let subtotal = rounded(i128::from(price) * i128::from(quantity), i128::from(MICRO) * i128::from(CENT)) * CENT;
    let tax = rounded(i128::from(subtotal) * i128::from(vat(db, product)), 10_000 * i128::from(CENT)) * CENT;
    cells.retain(|(name, _)| !["product_uom_qty", "price_unit"].contains(name));
    if cell_of(&cells, "name") == Cell::Empty {
        cells.retain(|(name, _)| *name != "name");
        cells.push(("name", Cell::Text(db.display_name("product.product", product))));
    }
    cells.extend([
        ("product_uom_qty", Cell::Micro(quantity)),
        ("price_unit", Cell::Micro(price)),
        ("price_subtotal", Cell::Micro(subtotal)),
        ("price_tax", Cell::Micro(tax)),
        ("price_total", Cell::Micro(subtotal + tax)),
    ]);
    Ok(cells)
}

/// The article's rate, in hundredths of a per cent; Odoo knows it from its own tax, never from the caller.
fn vat(db: &Db, product: i64) -> i64 {
    let sku = db.cell("product.product", product, "default_code");
    let catalogue = Catalogue::new(crate::sandbox::catalogue::MOST_PRODUCTS);
    let known = catalogue.by_sku(sku.as_text()).and_then(|at| catalogue.product(at)).map(|product| product.vat_cents);
    known.unwrap_or(0)
}

/// Half away from zero.
fn rounded(numerator: i128, denominator: i128) -> i64 {
    let half = if numerator < 0 { -denominator / 2 } else { denominator / 2 };
    i64::try_from((numerator + half) / denominator).unwrap_or(i64::MAX)
}

fn state(db: &Db, order: i64) -> Result<String, Fault> {
    db.row("sale.order", order).ok_or_else(|| Fault::missing("sale.order", order))?;
    Ok(db.cell("sale.order", order, "state").as_text().to_owned())
}

fn move_to(db: &mut Db, order: i64, state: &str) {
    db.update("sale.order", order, &[("state", Cell::text(state))]);
    db.states.entry(order).or_default().push(state.to_owned());
}

/// Reserves goods and makes the delivery in the same transaction.
pub fn confirm(db: &mut Db, orders: &[i64]) -> Result<Value, Fault> {
    for order in orders {
        if !["draft", "sent"].contains(&state(db, *order)?.as_str()) {
            return Err(Fault::user("Some orders are not in a state requiring confirmation."));
        }
    }
    for order in orders {
        move_to(db, *order, "sale");
        stock::reserve(db, *order);
    }
    Ok(json!(true))
}

/// Opens a dialogue for a confirmed order, unless the context says not to; then nothing is cancelled yet.
pub fn cancel(db: &mut Db, orders: &[i64], without_dialogue: bool) -> Result<Value, Fault> {
    let mut asks = false;
    for order in orders {
        asks |= state(db, *order)? == "sale";
    }
    if asks && !without_dialogue {
        return Ok(json!({ "type": "ir.actions.act_window", "res_model": "sale.order.cancel", "target": "new" }));
    }
    for order in orders {
        stock::give_free(db, *order);
        move_to(db, *order, "cancel");
    }
    Ok(json!(true))
}

pub fn draft(db: &mut Db, orders: &[i64]) -> Result<Value, Fault> {
    for order in orders {
        if state(db, *order)? == "cancel" {
            move_to(db, *order, "draft");
        }
    }
    Ok(json!(true))
}
