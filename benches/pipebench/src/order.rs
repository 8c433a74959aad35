//! The order that all benchmarks use: one Shopify order of about 1.6 kB per number, the same bytes every time.
//!
//! Pure and without dependencies: the mapping benchmark includes this file.

/// The first order's number.
pub const FIRST: u64 = 100_000;

/// The webhook body of order `FIRST + index`.
pub fn body(index: u64) -> String {
    let number = FIRST + index;
    let (id, customer) = (5_000_000_000 + number, 7_000_000_000 + number);
    let cents = index % 100;
    let quantity = 1 + index % 3;
    format!(
        r##"{{"id":{id},"admin_graphql_api_id":"gid://shopify/Order/{id}","name":"#{number}","order_number":{number},"email":"customer{number}@example.com","phone":"+4930{number}","created_at":"2026-11-20T10:00:00+00:00","processed_at":"2026-11-20T10:00:00+00:00","updated_at":"2026-11-20T10:05:00+00:00","cancelled_at":null,"confirmed":true,"test":false,"currency":"EUR","financial_status":"paid","fulfillment_status":null,"total_price":"129.{cents:02}","subtotal_price":"119.10","total_tax":"20.70","total_discounts":"5.00","taxes_included":true,"total_shipping_price_set":{{"shop_money":{{"amount":"4.90","currency_code":"EUR"}},"presentment_money":{{"amount":"4.90","currency_code":"EUR"}}}},"tags":"web, newsletter","customer":{{"id":{customer},"email":"customer{number}@example.com","first_name":"Ada","last_name":"Lovelace{number}","state":"enabled"}},"shipping_address":{{"name":"Ada Lovelace{number}","company":null,"address1":"Hauptstraße {cents}","address2":null,"city":"Berlin","province":null,"zip":"10115","country":"Germany","country_code":"DE","phone":null}},"line_items":[{{"id":{id}1,"variant_id":808950810,"product_id":632910392,"sku":"MUG-01","title":"Mug, blue","quantity":{quantity},"price":"19.90","total_discount":"0.00","taxable":true,"requires_shipping":true,"grams":320,"tax_lines":[{{"title":"MwSt","price":"3.18","rate":0.19}}]}},{{"id":{id}2,"variant_id":808950811,"product_id":632910393,"sku":"TEA-250G","title":"Tea, 250 g","quantity":2,"price":"34.75","total_discount":"5.00","taxable":true,"requires_shipping":true,"grams":270,"tax_lines":[{{"title":"MwSt","price":"11.10","rate":0.19}}]}}]}}"##
    )
}

/// What the target must receive: 20 fields. Amounts and quantities may come as text or number, times in any spelling of
/// the instant.
pub fn expected(index: u64) -> [(&'static str, String); 26] {
    let number = FIRST + index;
    let fixed = |name: &'static str, value: &str| (name, value.to_owned());
    [
        ("number", format!("#{number}")),
        fixed("placed_at", "2026-11-20T10:00:00"),
        fixed("updated_at", "2026-11-20T10:05:00"),
        fixed("currency", "EUR"),
        ("total", format!("129.{:02}", index % 100)),
        fixed("subtotal", "119.10"),
        fixed("tax_total", "20.70"),
        fixed("shipping_total", "4.90"),
        fixed("discount_total", "5.00"),
        fixed("payment_status", "paid"),
        fixed("fulfilment_status", "unfulfilled"),
        ("email", format!("customer{number}@example.com")),
        ("customer", (7_000_000_000 + number).to_string()),
        ("phone", format!("+4930{number}")),
        ("ship_name", format!("Ada Lovelace{number}")),
        ("street", format!("Hauptstraße {}", index % 100)),
        fixed("postal_code", "10115"),
        fixed("city", "Berlin"),
        fixed("country", "DE"),
        fixed("lines.0.sku", "MUG-01"),
        ("lines.0.quantity", (1 + index % 3).to_string()),
        fixed("lines.0.unit_price", "19.90"),
        fixed("lines.1.sku", "TEA-250G"),
        fixed("lines.1.quantity", "2"),
        fixed("lines.1.unit_price", "34.75"),
        fixed("lines.2", ""),
    ]
}
