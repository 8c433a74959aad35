//! An order on the wire: Shopify's REST shape, decimal strings, whole-second times with offset.
//!
//! Not here: any decision.

use serde_json::{Value, json};

use super::order::{Line, ShopOrder};
use crate::sandbox::catalogue::Catalogue;
use crate::sandbox::clock::shop_time;
use crate::sandbox::money::Currency;

/// The body of `orders/{id}.json` under `order`, and of every order webhook.
pub fn order_json(order: &ShopOrder, catalogue: &Catalogue) -> Value {
    let parts = [identity(order), state(order), amounts(order, catalogue), contents(order, catalogue)];
    let fields = parts.into_iter().filter_map(|part| match part {
        Value::Object(fields) => Some(fields),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
    });
    Value::Object(fields.flatten().collect())
}

fn identity(order: &ShopOrder) -> Value {
    let email = order.customer.email(order.current.email_revision);
    json!({
        "id": order.id,
        "admin_graphql_api_id": format!("gid://shopify/Order/{}", order.id),
        "name": order.name(),
        "number": order.number - 1000,
        "order_number": order.number,
        "email": email,
        "contact_email": email,
        "phone": null,
        "test": false,
        "source_name": "web",
        "tags": "",
        "note": order.current.note,
        "note_attributes": [],
    })
}

fn state(order: &ShopOrder) -> Value {
    let version = &order.current;
    json!({
        "created_at": shop_time(order.placed_s),
        "processed_at": shop_time(order.placed_s),
        "updated_at": shop_time(version.updated_s),
        "cancelled_at": order.cancelled_s.map(shop_time),
        "cancel_reason": order.cancelled_s.map(|_| "customer"),
        "closed_at": null,
        "confirmed": true,
        "financial_status": version.financial.word(),
        "fulfillment_status": if version.fulfilled { json!("fulfilled") } else { Value::Null },
        "payment_gateway_names": ["sandbox_psp"],
    })
}

fn amounts(order: &ShopOrder, catalogue: &Catalogue) -> Value {
    let amount = |minor: i64| order.currency.decimal(minor);
    let tax: i64 = order.lines.iter().map(|line| line.tax_minor(vat(line, catalogue))).sum();
    json!({
        "currency": order.currency.code(),
        "presentment_currency": order.currency.code(),
        "total_price": amount(order.total_minor()),
        "subtotal_price": amount(order.subtotal_minor()),
        "total_line_items_price": amount(order.subtotal_minor() + order.discounts_minor()),
        "total_tax": amount(tax),
        "total_discounts": amount(order.discounts_minor()),
        "total_shipping_price_set": money_set(order.currency, order.shipping_minor),
        "current_total_price": amount(order.total_minor()),
        "taxes_included": true,
        "discount_codes": [],
    })
}

fn contents(order: &ShopOrder, catalogue: &Catalogue) -> Value {
    let line = |line: &Line| line_json(order.currency, line, catalogue, order.current.fulfilled);
    json!({
        "customer": customer(order),
        "billing_address": address(order),
        "shipping_address": address(order),
        "line_items": order.lines.iter().map(line).collect::<Vec<_>>(),
        "shipping_lines": [{
            "id": order.id + 5,
            "title": "Standard",
            "code": "STD",
            "price": order.currency.decimal(order.shipping_minor),
            "tax_lines": [],
        }],
        "fulfillments": [],
        "refunds": [],
    })
}

fn line_json(currency: Currency, line: &Line, catalogue: &Catalogue, fulfilled: bool) -> Value {
    let Some(product) = catalogue.product(line.product) else { return Value::Null };
    let tax = line.tax_minor(product.vat_cents);
    let allocations = if line.discount_minor == 0 {
        json!([])
    } else {
        json!([{
            "amount": currency.decimal(line.discount_minor),
            "discount_application_index": 0,
            "amount_set": money_set(currency, line.discount_minor),
        }])
    };
    json!({
        "id": line.id,
        "variant_id": product.variant_id,
        "product_id": product.product_id,
        "sku": product.sku,
        "title": product.description,
        "variant_title": null,
        "name": product.description,
        "quantity": line.quantity,
        "current_quantity": line.quantity,
        "fulfillable_quantity": if fulfilled { 0 } else { line.quantity },
        "fulfillment_status": if fulfilled { json!("fulfilled") } else { Value::Null },
        "price": currency.decimal(line.unit_minor),
        "total_discount": currency.decimal(0),
        "taxable": true,
        "requires_shipping": true,
        "gift_card": false,
        "grams": 350,
        "vendor": "Sandbox",
        "properties": [],
        "tax_lines": [{
            "title": "VAT",
            "price": currency.decimal(tax),
            "rate": rate(product.vat_cents),
            "price_set": money_set(currency, tax),
        }],
        "discount_allocations": allocations,
    })
}

fn money_set(currency: Currency, minor: i64) -> Value {
    let money = json!({ "amount": currency.decimal(minor), "currency_code": currency.code() });
    json!({ "shop_money": money, "presentment_money": money })
}

fn customer(order: &ShopOrder) -> Value {
    let email = order.customer.email(order.current.email_revision);
    let person = &order.customer;
    json!({
        "id": person.id,
        "email": email,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "phone": null,
        "state": "disabled",
        "tags": "",
    })
}

fn address(order: &ShopOrder) -> Value {
    let person = &order.customer;
    json!({
        "first_name": person.first_name,
        "last_name": person.last_name,
        "name": person.full_name(),
        "company": null,
        "address1": person.street,
        "address2": null,
        "city": person.city,
        "province": null,
        "province_code": null,
        "zip": person.zip,
        "country": person.country,
        "country_code": person.country_code,
        "phone": null,
    })
}

fn vat(line: &Line, catalogue: &Catalogue) -> i64 {
    catalogue.product(line.product).map_or(0, |product| product.vat_cents)
}

/// Shopify writes the rate as a JSON number: 0.19.
fn rate(vat_cents: i64) -> Value {
    let text = format!("0.{vat_cents:04}");
    serde_json::from_str(text.trim_end_matches('0')).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::shop::order::Basket;

    #[test]
    fn an_order_reads_as_shopify_writes_it() {
        let catalogue = Catalogue::new(20);
        let mut rng = fastrand::Rng::with_seed(11);
        let mut basket = Basket::drawn(&mut rng, &catalogue, &[(Currency::Eur, 1)]);
        basket.picks = vec![(0, 2, true), (2, 1, false)];
        basket.shipping_cents = 490;
        let order = ShopOrder::placed(5_000_000_000_001, 1001, 1_763_800_000, &basket, &catalogue);
        let json = order_json(&order, &catalogue);
        assert_eq!(json["name"], "#1001");
        assert_eq!(json["total_price"], "1256.50"); // 2 × 9.50 − 1.90 + 1234.50 + 4.90
        assert_eq!(json["total_discounts"], "1.90");
        assert_eq!(json["line_items"][1]["sku"], "00123");
        assert_eq!(json["line_items"][0]["discount_allocations"][0]["amount"], "1.90");
        assert_eq!(json["line_items"][0]["tax_lines"][0]["rate"].to_string(), "0.19");
        assert_eq!(json["updated_at"], "2025-11-22T09:26:40+01:00");
        assert_eq!(json["cancelled_at"], Value::Null);
    }
}
