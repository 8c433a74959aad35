//! Products, locations and inventory levels: reading them, and setting a level.
//!
//! Not here: where the right quantity comes from (the ERP).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ledger::{LOCATION_ID, Level, ShopLedger};
use super::pages::{PageCall, Walk, bad_request, page_call, with_next};
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::catalogue::{Catalogue, Product};
use crate::sandbox::clock::{self, shop_time};
use crate::sandbox::money::Currency;

pub fn locations() -> Answer {
    let location = json!({
        "id": LOCATION_ID,
        "name": "Lager WH1",
        "active": true,
        "country_code": "DE",
        "admin_graphql_api_id": format!("gid://shopify/Location/{LOCATION_ID}"),
    });
    Answer::json(200, &json!({ "locations": [location] }))
}

pub fn products(catalogue: &Catalogue, call: &Call) -> Answer {
    let page: PageCall<()> = match page_call(call, |_| Ok(())) {
        Ok(page) => page,
        Err(refusal) => return refusal,
    };
    let rest: Vec<&Product> = catalogue.products().iter().filter(|p| (p.product_id, 0) > page.walk.after).collect();
    let shown: Vec<Value> = rest.iter().take(page.limit).map(|product| product_json(product)).collect();
    let answer = Answer::json(200, &json!({ "products": shown }));
    match rest.get(page.limit - 1) {
        Some(last) if rest.len() > page.limit => {
            with_next(answer, call, &Walk { filter: (), after: (last.product_id, 0) }, page.limit)
        }
        _ => answer,
    }
}

fn product_json(product: &Product) -> Value {
    json!({
        "id": product.product_id,
        "title": product.description,
        "vendor": "Sandbox",
        "status": if product.active { "active" } else { "archived" },
        "variants": [{
            "id": product.variant_id,
            "product_id": product.product_id,
            "sku": product.sku,
            "price": Currency::Eur.decimal(product.price_cents),
            "inventory_item_id": product.inventory_item_id,
            "inventory_management": "shopify",
            "inventory_policy": "deny",
            "taxable": true,
            "requires_shipping": true,
        }],
    })
}

pub fn inventory_items(catalogue: &Catalogue, call: &Call) -> Answer {
    let Some(ids) = id_list(call, "ids") else { return bad_request("ids", "Required parameter missing or invalid") };
    let items: Vec<Value> = catalogue
        .products()
        .iter()
        .filter(|product| ids.contains(&product.inventory_item_id))
        .map(|product| json!({ "id": product.inventory_item_id, "sku": product.sku, "tracked": true }))
        .collect();
    Answer::json(200, &json!({ "inventory_items": items }))
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct LevelFilter {
    items: Option<Vec<i64>>,
    here: bool,
    updated_min_s: Option<i64>,
}

/// By inventory item id; one of `location_ids` and `inventory_item_ids` is required.
pub fn list(ledger: &ShopLedger, catalogue: &Catalogue, call: &Call) -> Answer {
    let page = match page_call(call, level_filter) {
        Ok(page) => page,
        Err(refusal) => return refusal,
    };
    let filter = &page.walk.filter;
    let levels = catalogue.products().iter().zip(&ledger.levels).filter(|(product, level)| {
        let item = product.inventory_item_id;
        filter.here
            && (item, 0) > page.walk.after
            && filter.items.as_ref().is_none_or(|items| items.contains(&item))
            && filter.updated_min_s.is_none_or(|min_s| level.updated_s >= min_s)
    });
    let rest: Vec<(&Product, &Level)> = levels.collect();
    let shown: Vec<Value> = rest.iter().take(page.limit).map(|(product, level)| level_json(product, level)).collect();
    let answer = Answer::json(200, &json!({ "inventory_levels": shown }));
    match rest.get(page.limit - 1) {
        Some((last, _)) if rest.len() > page.limit => {
            let walk = Walk { filter: filter.clone(), after: (last.inventory_item_id, 0) };
            with_next(answer, call, &walk, page.limit)
        }
        _ => answer,
    }
}

fn level_filter(call: &Call) -> Result<LevelFilter, Answer> {
    let (locations, items) = (id_list(call, "location_ids"), id_list(call, "inventory_item_ids"));
    if locations.is_none() && items.is_none() {
        return Err(Answer::json(422, &json!({ "errors": "location_ids or inventory_item_ids is required" })));
    }
    let updated_min_s = match call.param("updated_at_min") {
        None => None,
        Some(text) => match clock::parse_s(text) {
            Some(at_s) => Some(at_s),
            None => return Err(bad_request("updated_at_min", "must be an ISO 8601 time with offset")),
        },
    };
    Ok(LevelFilter { here: locations.is_none_or(|ids| ids.contains(&LOCATION_ID)), items, updated_min_s })
}

fn id_list(call: &Call, name: &str) -> Option<Vec<i64>> {
    call.param(name)?.split(',').map(|id| id.trim().parse().ok()).collect()
}

/// The level as REST and the `inventory_levels/update` webhook show it.
pub fn level_json(product: &Product, level: &Level) -> Value {
    let item = product.inventory_item_id;
    json!({
        "inventory_item_id": item,
        "location_id": LOCATION_ID,
        "available": level.available,
        "updated_at": shop_time(level.updated_s),
        "admin_graphql_api_id": format!("gid://shopify/InventoryLevel/{LOCATION_ID}?inventory_item_id={item}"),
    })
}

/// Sets a level; on success also the product's position, so that the webhook can be sent.
pub fn set(ledger: &mut ShopLedger, catalogue: &Catalogue, call: &Call) -> Result<(usize, Answer), Answer> {
    let refuse = |field: &str, message: &str| Answer::json(422, &json!({ "errors": { field: [message] } }));
    let body = call.json().map_err(|cause| bad_request("base", &cause))?;
    let available = body["available"].as_i64().ok_or_else(|| refuse("available", "must be an integer"))?;
    if body["location_id"].as_i64() != Some(LOCATION_ID) {
        return Err(refuse("location_id", "is not a location of this shop"));
    }
    let index = body["inventory_item_id"]
        .as_i64()
        .and_then(|id| catalogue.by_inventory_item(id))
        .ok_or_else(|| refuse("inventory_item_id", "does not exist"))?;
    let (Some(product), Some(level)) = (catalogue.product(index), ledger.levels.get_mut(index)) else {
        return Err(refuse("inventory_item_id", "is not stocked"));
    };
    level.available = available;
    level.updated_s = clock::now_s().max(level.updated_s);
    level.set.push(available);
    let answer = Answer::json(200, &json!({ "inventory_level": level_json(product, level) }));
    Ok((index, answer))
}
