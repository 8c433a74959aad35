//! The models and fields of this database, and what stands in it before anyone calls.
//!
//! Not here: what methods do. Fields and models marked below are not in the reference sheet (unverified).

use super::cell::{Cell, MICRO};
use super::db::Db;
use crate::sandbox::catalogue::Catalogue;
use crate::sandbox::clock;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Flag,
    Whole,
    Number,
    Time,
    /// many2one: the other model.
    Ref(&'static str),
    /// one2many: the other model and its field that points back.
    Many(&'static str, &'static str),
}

use Kind::{Flag, Many, Number, Ref, Text, Time, Whole};

/// Service product for shipping, in the catalogue's place of `default_code`.
pub const SHIPPING: i64 = 901;
pub const DISCOUNT: i64 = 902;
pub const PRICE_LIST: i64 = 1;
/// WH/Stock.
pub const STOCK_LOCATION: i64 = 8;
pub const CUSTOMER_LOCATION: i64 = 5;
pub const SUPPLIER_LOCATION: i64 = 4;
pub const ADJUSTMENTS: i64 = 14;
pub const EURO: i64 = 1;
const UNIT: i64 = 1;
/// The variant of the catalogue's first article; the sheet's own number for its mug.
pub const FIRST_PRODUCT: i64 = 31;

/// Every model has these, too. `create_date` is not in the sheet.
pub const COMMON: &[(&str, Kind)] =
    &[("id", Whole), ("display_name", Text), ("write_date", Time), ("create_date", Time)];

type Model = (&'static str, &'static [(&'static str, Kind)]);

const MODELS: &[Model] = &[
    ("res.users", &[("name", Text), ("login", Text)]),
    // Not in the sheet but for its id.
    ("res.company", &[("name", Text), ("currency_id", Ref("res.currency"))]),
    ("res.currency", &[("name", Text)]),
    ("res.country", &[("name", Text), ("code", Text)]),
    ("res.country.state", &[("name", Text)]),
    ("uom.uom", &[("name", Text)]),
    // Not in the sheet but for `pricelist_id`.
    ("product.pricelist", &[("name", Text), ("currency_id", Ref("res.currency"))]),
    (
        "stock.location",
        &[("name", Text), ("complete_name", Text), ("usage", Text), ("location_id", Ref("stock.location"))],
    ),
    (
        "res.partner",
        &[
            ("name", Text),
            ("is_company", Flag),
            ("parent_id", Ref("res.partner")),
            ("type", Text),
            ("email", Text),
            ("phone", Text),
            ("street", Text),
            ("street2", Text),
            ("city", Text),
            ("zip", Text),
            ("state_id", Ref("res.country.state")),
            ("country_id", Ref("res.country")),
            ("vat", Text),
            ("ref", Text),
            ("lang", Text),
            ("active", Flag),
            // Not in the sheet.
            ("company_name", Text),
        ],
    ),
    (
        "product.product",
        &[
            ("product_tmpl_id", Ref("product.template")),
            ("default_code", Text),
            ("barcode", Text),
            ("name", Text),
            ("list_price", Number),
            ("lst_price", Number),
            ("uom_id", Ref("uom.uom")),
            ("type", Text),
            ("is_storable", Flag),
            ("active", Flag),
            ("qty_available", Number),
            ("virtual_available", Number),
            ("free_qty", Number),
            ("incoming_qty", Number),
            ("outgoing_qty", Number),
            // Not in the sheet.
            ("currency_id", Ref("res.currency")),
        ],
    ),
    ("product.template", &[("name", Text)]),
    (
        "sale.order",
        &[
            ("name", Text),
            ("state", Text),
            ("client_order_ref", Text),
            ("origin", Text),
            ("partner_id", Ref("res.partner")),
            ("partner_invoice_id", Ref("res.partner")),
            ("partner_shipping_id", Ref("res.partner")),
            ("date_order", Time),
            ("pricelist_id", Ref("product.pricelist")),
            ("currency_id", Ref("res.currency")),
            ("amount_untaxed", Number),
            ("amount_tax", Number),
            ("amount_total", Number),
            ("order_line", Many("sale.order.line", "order_id")),
            ("invoice_status", Text),
            ("delivery_status", Text),
            ("picking_ids", Many("stock.picking", "sale_id")),
            ("company_id", Ref("res.company")),
            ("note", Text),
            ("locked", Flag),
        ],
    ),
    (
        "sale.order.line",
        &[
            ("order_id", Ref("sale.order")),
            ("product_id", Ref("product.product")),
            ("name", Text),
            ("product_uom_qty", Number),
            ("qty_delivered", Number),
            ("price_unit", Number),
            ("discount", Number),
            ("price_subtotal", Number),
            ("price_tax", Number),
            ("price_total", Number),
            ("display_type", Text),
        ],
    ),
    (
        "stock.quant",
        &[
            ("product_id", Ref("product.product")),
            ("location_id", Ref("stock.location")),
            ("quantity", Number),
            ("reserved_quantity", Number),
            ("available_quantity", Number),
            ("inventory_quantity", Number),
            ("inventory_quantity_auto_apply", Number),
            ("inventory_quantity_set", Flag),
        ],
    ),
    (
        "stock.picking",
        &[
            ("name", Text),
            ("origin", Text),
            ("sale_id", Ref("sale.order")),
            ("picking_type_code", Text),
            ("state", Text),
            ("partner_id", Ref("res.partner")),
            ("date_done", Time),
            ("carrier_tracking_ref", Text),
            ("move_ids", Many("stock.move", "picking_id")),
            ("backorder_id", Ref("stock.picking")),
            ("location_id", Ref("stock.location")),
        ],
    ),
    (
        "stock.move",
        &[
            ("product_id", Ref("product.product")),
            ("product_uom_qty", Number),
            ("quantity", Number),
            ("state", Text),
            ("sale_line_id", Ref("sale.order.line")),
            ("picking_id", Ref("stock.picking")),
            // Not in the sheet.
            ("product_uom", Ref("uom.uom")),
        ],
    ),
    // Not in the sheet: the lines of a move, made by reserving and removed by giving free.
    (
        "stock.move.line",
        &[
            ("product_id", Ref("product.product")),
            ("location_id", Ref("stock.location")),
            ("location_dest_id", Ref("stock.location")),
            ("quantity", Number),
            ("move_id", Ref("stock.move")),
        ],
    ),
    (
        "account.move",
        &[
            ("name", Text),
            ("ref", Text),
            ("move_type", Text),
            ("state", Text),
            ("payment_state", Text),
            ("invoice_date", Text),
            ("invoice_date_due", Text),
            ("partner_id", Ref("res.partner")),
            ("currency_id", Ref("res.currency")),
            ("amount_untaxed", Number),
            ("amount_tax", Number),
            ("amount_total", Number),
            ("amount_residual", Number),
            ("invoice_line_ids", Many("account.move.line", "move_id")),
            ("invoice_origin", Text),
            ("payment_reference", Text),
        ],
    ),
    // Not in the sheet but for its name; no invoice is ever made here.
    (
        "account.move.line",
        &[
            ("move_id", Ref("account.move")),
            ("name", Text),
            ("display_type", Text),
            ("product_id", Ref("product.product")),
            ("quantity", Number),
            ("price_unit", Number),
            ("price_subtotal", Number),
            ("price_total", Number),
            ("sale_line_ids", Many("sale.order.line", "id")),
        ],
    ),
];

pub fn model(name: &str) -> Option<&'static Model> {
    MODELS.iter().find(|(known, _)| *known == name)
}

pub fn kind(model_name: &str, field: &str) -> Option<Kind> {
    let (_, fields) = model(model_name)?;
    fields.iter().chain(COMMON).find(|(name, _)| *name == field).map(|(_, kind)| *kind)
}

/// Company, currencies, places, articles and their first stock.
pub fn furnish(db: &mut Db, catalogue: &Catalogue, rng: &mut fastrand::Rng) {
    let text = Cell::text;
    for (id, name) in [(EURO, "EUR"), (2, "USD")] {
        db.insert_at("res.currency", id, &[("name", text(name))]);
    }
    db.insert_at("res.users", super::vendor::USER_ID, &[("name", text("Hub")), ("login", text("hub@example.com"))]);
    db.insert_at("res.company", 1, &[("name", text("Sandbox GmbH")), ("currency_id", Cell::Whole(EURO))]);
    db.insert_at("product.pricelist", PRICE_LIST, &[("name", text("Default")), ("currency_id", Cell::Whole(EURO))]);
    db.insert_at("uom.uom", UNIT, &[("name", text("Units"))]);
    for (at, code) in ["DE", "ES", "SE", "PL", "FR", "JP", "KW"].into_iter().enumerate() {
        db.insert_at("res.country", 57 + at as i64, &[("name", text(code)), ("code", text(code))]);
    }
    for (id, name, usage, parent) in [
        (7, "WH", "view", Cell::Empty),
        (STOCK_LOCATION, "WH/Stock", "internal", Cell::Whole(7)),
        (20, "WH/Stock/Shelf", "internal", Cell::Whole(STOCK_LOCATION)),
        (SUPPLIER_LOCATION, "Vendors", "supplier", Cell::Empty),
        (CUSTOMER_LOCATION, "Customers", "customer", Cell::Empty),
        (ADJUSTMENTS, "Inventory adjustment", "inventory", Cell::Empty),
    ] {
        let place =
            [("name", text(name)), ("complete_name", text(name)), ("usage", text(usage)), ("location_id", parent)];
        db.insert_at("stock.location", id, &place);
    }
    for (at, product) in catalogue.products().iter().enumerate() {
        let id = FIRST_PRODUCT + at as i64;
        article(db, id, &product.sku, &product.description, product.price_cents, "consu", product.active);
        // Some of it on a shelf below the location: whoever does not count children is short.
        for location in [STOCK_LOCATION, 20] {
            let quantity = Cell::Micro(rng.i64(3_000..4_000) * MICRO);
            let quant =
                [("product_id", Cell::Whole(id)), ("location_id", Cell::Whole(location)), ("quantity", quantity)];
            db.insert("stock.quant", &quant, clock::now_s() - 3_600);
        }
        db.remember_level(id);
    }
    article(db, SHIPPING, "SHIP", "Shipping", 0, "service", true);
    article(db, DISCOUNT, "DISC", "Discount", 0, "service", true);
    // Drafts of somebody who has not decided on a reference yet.
    article(db, 903, "", "New article", 0, "consu", true);
}

fn article(db: &mut Db, id: i64, sku: &str, name: &str, price_cents: i64, kind: &str, active: bool) {
    let price = Cell::Micro(price_cents * MICRO / 100);
    let code = if sku.is_empty() { Cell::Empty } else { Cell::text(sku) };
    db.insert_at("product.template", id + 1_000, &[("name", Cell::text(name))]);
    let row = [
        ("product_tmpl_id", Cell::Whole(id + 1_000)),
        ("default_code", code),
        ("name", Cell::text(name)),
        ("list_price", price.clone()),
        ("lst_price", price),
        ("uom_id", Cell::Whole(UNIT)),
        ("type", Cell::text(kind)),
        ("is_storable", Cell::Flag(kind != "service")),
        ("active", Cell::Flag(active)),
        ("currency_id", Cell::Whole(EURO)),
    ];
    db.insert_at("product.product", id, &row);
}
