//! Goods: what is counted, reserved, received and shipped.
//!
//! Not here: orders (`sale`).

use serde_json::{Map, Value, json};

use super::cell::{Cell, MICRO};
use super::db::Db;
use super::fault::Fault;
use super::models::{ADJUSTMENTS, CUSTOMER_LOCATION, STOCK_LOCATION, SUPPLIER_LOCATION};
use super::write;

fn quant(db: &mut Db, product: i64, location: i64) -> i64 {
    let here = |id: &i64| db.cell("stock.quant", *id, "location_id").whole() == Some(location);
    match db.pointing("stock.quant", "product_id", product).into_iter().find(here) {
        Some(id) => id,
        None => {
            let at_s = db.now_s();
            db.insert(
                "stock.quant",
                &[("product_id", Cell::Whole(product)), ("location_id", Cell::Whole(location))],
                at_s,
            )
        }
    }
}

fn add(db: &mut Db, product: i64, location: i64, field: &'static str, micro: i64) {
    let quant = quant(db, product, location);
    let now = db.cell("stock.quant", quant, field).micro() + micro;
    db.update("stock.quant", quant, &[(field, Cell::Micro(now))]);
    db.remember_level(product);
}

fn moved(db: &mut Db, product: i64, from: i64, to: i64, micro: i64, of_move: Cell) -> i64 {
    let line = [
        ("product_id", Cell::Whole(product)),
        ("location_id", Cell::Whole(from)),
        ("location_dest_id", Cell::Whole(to)),
        ("quantity", Cell::Micro(micro)),
        ("move_id", of_move),
    ];
    let at_s = db.now_s();
    db.insert("stock.move.line", &line, at_s)
}

/// A lorry comes.
pub fn receive(db: &mut Db, product: i64, pieces: i64) {
    moved(db, product, SUPPLIER_LOCATION, STOCK_LOCATION, pieces * MICRO, Cell::Empty);
    add(db, product, STOCK_LOCATION, "quantity", pieces * MICRO);
}

/// A picking with a move for each line that has goods.
pub fn reserve(db: &mut Db, order: i64) {
    let (name, partner) = (db.cell("sale.order", order, "name"), db.cell("sale.order", order, "partner_id"));
    let at_s = db.now_s();
    let picking = [
        ("origin", name),
        ("sale_id", Cell::Whole(order)),
        ("picking_type_code", Cell::text("outgoing")),
        ("state", Cell::text("assigned")),
        ("partner_id", partner),
        ("location_id", Cell::Whole(STOCK_LOCATION)),
    ];
    let picking = db.insert("stock.picking", &picking, at_s);
    db.update("stock.picking", picking, &[("name", Cell::Text(format!("WH/OUT/{picking:05}")))]);
    for line in db.pointing("sale.order.line", "order_id", order) {
        let Some(product) = db.cell("sale.order.line", line, "product_id").whole() else { continue };
        if db.cell("product.product", product, "type").as_text() == "service" {
            continue;
        }
        let quantity = db.cell("sale.order.line", line, "product_uom_qty").micro();
        let cells = [
            ("product_id", Cell::Whole(product)),
            ("product_uom_qty", Cell::Micro(quantity)),
            ("quantity", Cell::Micro(quantity)),
            ("state", Cell::text("assigned")),
            ("sale_line_id", Cell::Whole(line)),
            ("picking_id", Cell::Whole(picking)),
            ("product_uom", Cell::Whole(1)),
        ];
        let of_move = db.insert("stock.move", &cells, at_s);
        moved(db, product, STOCK_LOCATION, CUSTOMER_LOCATION, quantity, Cell::Whole(of_move));
        add(db, product, STOCK_LOCATION, "reserved_quantity", quantity);
    }
}

/// Takes back what an order reserved; the lines of its moves vanish, and nothing tells that they were there.
pub fn give_free(db: &mut Db, order: i64) {
    for picking in open_pickings(db, order) {
        for of_move in db.pointing("stock.move", "picking_id", picking) {
            let product = db.cell("stock.move", of_move, "product_id").whole().unwrap_or_default();
            let quantity = db.cell("stock.move", of_move, "quantity").micro();
            add(db, product, STOCK_LOCATION, "reserved_quantity", -quantity);
            db.update("stock.move", of_move, &[("state", Cell::text("cancel")), ("quantity", Cell::Micro(0))]);
            for line in db.pointing("stock.move.line", "move_id", of_move) {
                db.remove("stock.move.line", line);
            }
        }
        db.update("stock.picking", picking, &[("state", Cell::text("cancel"))]);
    }
}

fn open_pickings(db: &Db, order: i64) -> Vec<i64> {
    let mut pickings = db.pointing("stock.picking", "sale_id", order);
    pickings.retain(|id| db.cell("stock.picking", *id, "state").as_text() == "assigned");
    pickings
}

/// The warehouse validates what has lain reserved for `after_s` seconds; returns how many parcels left.
pub fn ship(db: &mut Db, after_s: i64) -> usize {
    let now_s = db.now_s();
    let ready: Vec<i64> = db
        .table("stock.picking")
        .filter(|(_, row)| row.get("state").is_some_and(|state| state.as_text() == "assigned"))
        .filter(|(_, row)| matches!(row.get("create_date"), Some(Cell::Time(at_s)) if at_s + after_s <= now_s))
        .map(|(id, _)| id)
        .collect();
    for picking in &ready {
        for of_move in db.pointing("stock.move", "picking_id", *picking) {
            let product = db.cell("stock.move", of_move, "product_id").whole().unwrap_or_default();
            let quantity = db.cell("stock.move", of_move, "quantity").micro();
            // Both at once: nobody ever saw the goods free again.
            let quant = quant(db, product, STOCK_LOCATION);
            let less = |field: &str| Cell::Micro(db.cell("stock.quant", quant, field).micro() - quantity);
            let cells = [("reserved_quantity", less("reserved_quantity")), ("quantity", less("quantity"))];
            db.update("stock.quant", quant, &cells);
            db.update("stock.move", of_move, &[("state", Cell::text("done"))]);
            for line in db.pointing("stock.move.line", "move_id", of_move) {
                db.update("stock.move.line", line, &[]);
            }
        }
        let done = [
            ("state", Cell::text("done")),
            ("date_done", Cell::Time(now_s)),
            ("carrier_tracking_ref", Cell::Text(format!("1Z{picking:08}"))),
        ];
        db.update("stock.picking", *picking, &done);
    }
    ready.len()
}

/// A count: `inventory_quantity` waits for `action_apply_inventory`, `inventory_quantity_auto_apply` does not.
pub fn count(db: &mut Db, vals: &Map<String, Value>, inventory_mode: bool) -> Result<i64, Fault> {
    if !inventory_mode {
        return Err(Fault::user("Quants are edited in inventory mode only."));
    }
    let cells = write::cells(db, "stock.quant", vals)?;
    let cell = |name: &str| cells.iter().find(|(known, _)| *known == name).map(|(_, cell)| cell.clone());
    let id_of = |name: &str| cell(name).and_then(|cell| cell.whole());
    let (Some(product), Some(location)) = (id_of("product_id"), id_of("location_id")) else {
        return Err(Fault::validation("Missing required value for the field 'Product' or 'Location'"));
    };
    let quant = quant(db, product, location);
    match (cell("inventory_quantity"), cell("inventory_quantity_auto_apply")) {
        (_, Some(Cell::Micro(micro))) => book(db, quant, micro),
        (Some(Cell::Micro(micro)), _) => {
            let waiting = [("inventory_quantity", Cell::Micro(micro)), ("inventory_quantity_set", Cell::Flag(true))];
            db.update("stock.quant", quant, &waiting);
        }
        (_, _) => {}
    }
    Ok(quant)
}

fn book(db: &mut Db, quant: i64, micro: i64) {
    let id_of = |field: &str| db.cell("stock.quant", quant, field).whole().unwrap_or_default();
    let (product, location) = (id_of("product_id"), id_of("location_id"));
    let difference = micro - db.cell("stock.quant", quant, "quantity").micro();
    moved(db, product, ADJUSTMENTS, location, difference, Cell::Empty);
    db.update("stock.quant", quant, &[("quantity", Cell::Micro(micro)), ("inventory_quantity_set", Cell::Flag(false))]);
    db.remember_level(product);
}

/// The second of the two calls of a count.
pub fn apply(db: &mut Db, quants: &[i64]) -> Result<Value, Fault> {
    for quant in quants {
        db.row("stock.quant", *quant).ok_or_else(|| Fault::missing("stock.quant", *quant))?;
        if db.cell("stock.quant", *quant, "inventory_quantity_set") == Cell::Flag(true) {
            let counted = db.cell("stock.quant", *quant, "inventory_quantity").micro();
            book(db, *quant, counted);
        }
    }
    Ok(json!(false))
}
