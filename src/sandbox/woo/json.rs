//! Orders, products and customers as `wc/v3` and the webhooks show them.
//!
//! Not here: which ones are shown.

use serde_json::{Value, json};

use super::ledger::{Customer, WooItem, WooLedger};
use super::order::{Note, Refund, WooOrder};
use crate::sandbox::catalogue::{Catalogue, Product};
use crate::sandbox::clock::{bare_time, site_time};
use crate::sandbox::money::Currency;
use crate::sandbox::people::Person;

fn money(cents: i64) -> String {
    Currency::Eur.decimal(cents)
}

/// A JSON number, although the documentation says text.
fn number(cents: i64) -> Value {
    serde_json::from_str(&money(cents)).unwrap_or(Value::Null)
}

fn address(person: &Person, email: Option<&str>) -> Value {
    let mut address = json!({
        "first_name": person.first_name, "last_name": person.last_name, "company": "",
        "address_1": person.street, "address_2": "", "city": person.city, "state": "", "postcode": person.zip,
        "country": person.country_code, "phone": "",
    });
    if let Some(email) = email {
        address["email"] = json!(email);
    }
    address
}

pub fn order_json(ledger: &WooLedger, order: &WooOrder, catalogue: &Catalogue) -> Value {
    let Some(version) = order.current() else { return Value::Null };
    let customer = order.customer.and_then(|at| ledger.customers.get(at));
    // A guest is whoever stands first; only the e-mail address tells them apart.
    let person = customer.or(ledger.customers.first()).map(|customer| &customer.person);
    let billing = person.map_or(Value::Null, |person| address(person, Some(&order.email)));
    let shipping = person.map_or(Value::Null, |person| address(person, None));
    let time = |at: Option<i64>, form: fn(i64) -> String| at.map_or(Value::Null, |at_s| json!(form(at_s)));
    let total_cents = order.untaxed_cents() + order.tax_cents();
    let lines: Vec<Value> = order.lines.iter().filter_map(|line| line_json(ledger, line, catalogue)).collect();
    let refunds: Vec<Value> = order
        .refunds
        .iter()
        .map(|refund| json!({ "id": refund.id, "reason": refund.reason, "total": money(-refund.amount_cents) }))
        .collect();
    let shipping_lines = if order.shipping_cents == 0 {
        json!([])
    } else {
        json!([{ "id": order.id * 10 + 3, "method_title": "Flat", "method_id": "flat_rate", "instance_id": "1",
                 "total": money(order.shipping_cents), "total_tax": "0.00", "taxes": [] }])
    };
    let mut shown = json!({
        "id": order.id, "parent_id": 0, "number": order.number(), "order_key": format!("wc_order_{}", order.id),
        "created_via": "checkout", "version": "10.3.0", "status": version.status.word(), "currency": "EUR",
        "prices_include_tax": false, "customer_id": customer.map_or(0, |customer| customer.id),
        "customer_ip_address": "192.0.2.7", "customer_user_agent": "", "customer_note": "",
        "billing": billing, "shipping": shipping, "payment_method": "stripe", "payment_method_title": "Card",
        "transaction_id": if version.paid_s.is_some() { format!("pi_{}", order.id) } else { String::new() },
        "cart_hash": "", "meta_data": [], "line_items": lines, "shipping_lines": shipping_lines, "fee_lines": [],
        "coupon_lines": [], "refunds": refunds,
    });
    let amounts = json!({
        "discount_total": money(order.discount_cents()), "discount_tax": "0.00",
        "shipping_total": money(order.shipping_cents), "shipping_tax": "0.00",
        "cart_tax": money(order.tax_cents()), "total": money(total_cents), "total_tax": money(order.tax_cents()),
        "tax_lines": [{ "id": order.id * 10 + 4, "rate_code": "DE-VAT-1", "rate_id": 1, "label": "MwSt.", "compound": false,
                        "tax_total": money(order.tax_cents()), "shipping_tax_total": "" }],
    });
    let times = json!({
        "date_created": site_time(order.created_s), "date_created_gmt": bare_time(order.created_s),
        "date_modified": site_time(version.modified_s), "date_modified_gmt": bare_time(version.modified_s),
        "date_paid": time(version.paid_s, site_time), "date_paid_gmt": time(version.paid_s, bare_time),
        "date_completed": time(version.completed_s, site_time), "date_completed_gmt": time(version.completed_s, bare_time),
    });
    add(&mut shown, amounts);
    add(&mut shown, times);
    shown
}

fn add(shown: &mut Value, more: Value) {
    if let (Value::Object(shown), Value::Object(more)) = (shown, more) {
        shown.extend(more);
    }
}

fn line_json(ledger: &WooLedger, line: &super::order::Line, catalogue: &Catalogue) -> Option<Value> {
    let (product, item) = (catalogue.product(line.article)?, ledger.items.get(line.article)?);
    Some(json!({
        "id": line.id, "name": product.description, "product_id": item.parent_id.unwrap_or(item.id),
        "variation_id": if item.parent_id.is_some() { item.id } else { 0 }, "quantity": line.quantity, "tax_class": "",
        "subtotal": money(line.subtotal_cents), "subtotal_tax": money(line.tax_cents),
        "total": money(line.total_cents), "total_tax": money(line.tax_cents),
        "taxes": [{ "id": 1, "total": money(line.tax_cents).trim_end_matches('0'), "subtotal": "" }],
        "meta_data": [], "sku": product.sku, "price": number(line.total_cents / line.quantity.max(1)),
    }))
}

pub fn product_json(item: &WooItem, product: &Product) -> Value {
    let mut shown = json!({
        "id": item.id, "name": product.description, "slug": format!("article-{}", item.id),
        "type": if item.parent_id.is_some() { "variation" } else { "simple" },
        "status": if product.active { "publish" } else { "private" }, "sku": product.sku, "global_unique_id": "",
        "price": money(product.price_cents), "regular_price": money(product.price_cents), "sale_price": "",
        "date_created_gmt": bare_time(item.modified_s - 1), "date_created": site_time(item.modified_s - 1),
        "date_modified_gmt": bare_time(item.modified_s), "date_modified": site_time(item.modified_s),
    });
    let stock = json!({
        "manage_stock": true, "stock_quantity": item.stock, "backorders": "notify", "low_stock_amount": null,
        "stock_status": if item.stock > 0 { "instock" } else { "onbackorder" }, "backordered": item.stock < 0,
        "tax_status": "taxable", "tax_class": "", "weight": "", "attributes": [], "meta_data": [],
    });
    add(&mut shown, stock);
    shown["parent_id"] = json!(item.parent_id.unwrap_or(0));
    shown
}

/// The variable product over a variation: no SKU and no stock of its own.
pub fn parent_json(item: &WooItem, product: &Product) -> Value {
    let mut shown = product_json(item, product);
    for (name, value) in [
        ("id", json!(item.parent_id)),
        ("parent_id", json!(0)),
        ("type", json!("variable")),
        ("sku", json!("")),
        ("regular_price", json!("")),
        ("manage_stock", json!(false)),
        ("stock_quantity", Value::Null),
        ("variations", json!([item.id])),
        // A change of the variation may not move it (the sheet, unverified): here it does not.
        ("date_modified_gmt", json!("2026-01-01T00:00:00")),
        ("date_modified", json!("2026-01-01T02:00:00")),
    ] {
        shown[name] = value;
    }
    shown
}

pub fn customer_json(customer: &Customer) -> Value {
    let email = customer.email();
    json!({
        "id": customer.id, "email": email, "first_name": customer.person.first_name,
        "last_name": customer.person.last_name, "role": "customer", "username": format!("user{}", customer.id),
        "date_created": site_time(customer.created_s), "date_created_gmt": bare_time(customer.created_s),
        "date_modified": null, "date_modified_gmt": null,
        "billing": address(&customer.person, Some(&email)), "shipping": address(&customer.person, None),
        "is_paying_customer": true, "meta_data": [],
    })
}

pub fn note_json(note: &Note) -> Value {
    json!({
        "id": note.id, "author": "system", "date_created": site_time(note.created_s),
        "date_created_gmt": bare_time(note.created_s), "note": note.text, "customer_note": note.to_customer,
    })
}

pub fn refund_json(order: &WooOrder, refund: &Refund) -> Value {
    json!({
        "id": refund.id, "parent_id": order.id, "date_created": site_time(refund.created_s),
        "date_created_gmt": bare_time(refund.created_s), "amount": money(refund.amount_cents), "reason": refund.reason,
        "refunded_by": 1, "refunded_payment": true, "meta_data": [], "line_items": [],
    })
}
