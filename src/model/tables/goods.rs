//! Products, prices, stock and shipments: what is sold and where it lies.

use crate::model::schema::FieldType::{Bool, Date, List, Object, Quantity, Ref, Status, Text, Timestamp, UnitPrice};
use crate::model::{Entity, Field, FieldType, Schema, ShipmentStatus, StatusSet};

static SHIPMENT: StatusSet = ShipmentStatus::SET;

pub(crate) static PRODUCT: Schema = Schema {
    entity: Entity::Product,
    natural_key: &["sku"],
    doc: "One sellable variant; its ids in a vendor's system are extras.",
    fields: &[
        Field::new("sku", Text, "Stock keeping unit: names the variant across systems").required(),
        Field::new("title", Text, "Name of product and variant"),
        Field::new("barcode", Text, "EAN, UPC or ISBN, leading zeros kept"),
        Field::new("price", UnitPrice, "Current price of one unit"),
        Field::new("tracked", Bool, "Its stock is counted"),
        Field::new("active", Bool, "It is on sale"),
        Field::new("product_reference", Text, "What its variants have in common: id of the parent product"),
        Field::new("updated_at", Timestamp, "Last change in the system of origin").volatile(),
    ],
};

pub(crate) static PRICE: Schema = Schema {
    entity: Entity::Price,
    natural_key: &["sku", "price_list"],
    doc: "What one product costs on one price list.",
    fields: &[
        Field::new("sku", Ref(Entity::Product), "The variant").required(),
        Field::new("price_list", Text, "Name of the price list").required(),
        Field::new("amount", UnitPrice, "Price of one unit").required(),
        Field::new("tax_included", Bool, "The price includes tax"),
        Field::new("min_quantity", Quantity, "From how many on it applies"),
        Field::new("valid_from", Date, "First day"),
        Field::new("valid_to", Date, "Last day"),
        Field::new("updated_at", Timestamp, "Last change in the system of origin").volatile(),
    ],
};

pub(crate) static INVENTORY_LEVEL: Schema = Schema {
    entity: Entity::InventoryLevel,
    natural_key: &["sku", "location"],
    doc: "How much of one product lies at one location, by named state.",
    fields: &[
        Field::new("sku", Ref(Entity::Product), "The variant").required(),
        Field::new("location", Text, "Warehouse or store").required(),
        Field::new("on_hand", Quantity, "Physically there"),
        Field::new("available", Quantity, "May be sold"),
        Field::new("committed", Quantity, "Promised to orders"),
        Field::new("incoming", Quantity, "On its way in"),
        Field::new("safety_stock", Quantity, "Held back from sale"),
        Field::new("updated_at", Timestamp, "Last change in the system of origin").volatile(),
    ],
};

static FULFILMENT_LINE: &[Field] = &[
    Field::new("sku", Ref(Entity::Product), "The variant").required(),
    Field::new("quantity", Quantity, "How many were shipped").required(),
];
static FULFILMENT_LINES: FieldType = Object(FULFILMENT_LINE);

pub(crate) static FULFILMENT: Schema = Schema {
    entity: Entity::Fulfilment,
    natural_key: &["number"],
    doc: "One shipment of an order.",
    fields: &[
        Field::new("number", Text, "Delivery number").required(),
        Field::new("order", Ref(Entity::Order), "Number of the order it ships").required(),
        Field::new("status", Status(&SHIPMENT), "Where the parcel stands"),
        Field::new("shipped_at", Timestamp, "When it left"),
        Field::new("carrier", Text, "Who carries it"),
        Field::new("tracking_number", Text, "The carrier's number"),
        Field::new("tracking_url", Text, "Where to follow it"),
        Field::new("location", Text, "Warehouse or store it left from"),
        Field::new("lines", List(&FULFILMENT_LINES), "What it contains"),
        Field::new("updated_at", Timestamp, "Last change in the system of origin").volatile(),
    ],
};
