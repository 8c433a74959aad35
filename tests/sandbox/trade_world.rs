//! A WooCommerce shop and an Odoo with a client for each, and the simplest hub between them that is right.
//!
//! Written from the reference sheets, like the vendors; not here: what is judged.

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use syncline::sandbox::{Trade, TradeOptions};

pub struct TradeWorld {
    pub trade: Trade,
    pub client: Client,
}

pub async fn trade(seed: u64, change: impl FnOnce(&mut TradeOptions)) -> TradeWorld {
    let mut options = TradeOptions::new(seed);
    options.most_orders = 0;
    change(&mut options);
    let trade = Trade::start(options).await.unwrap();
    TradeWorld { trade, client: Client::builder().no_proxy().build().unwrap() }
}

impl TradeWorld {
    pub fn woo(&self, method: reqwest::Method, path: &str) -> RequestBuilder {
        let credentials = self.trade.credentials();
        let url = format!("{}/wp-json/wc/v3{path}", self.trade.woo_url());
        self.client.request(method, url).basic_auth(&credentials.woo_key, Some(&credentials.woo_secret))
    }

    pub async fn woo_get(&self, path: &str) -> Value {
        let answer = self.woo(reqwest::Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    pub async fn woo_send(&self, method: reqwest::Method, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.woo(method, path).json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// The whole reply to one `execute_kw`, which is a 200 whatever it says.
    pub async fn reply(&self, model: &str, method: &str, args: Value, kwargs: Value) -> Value {
        let credentials = self.trade.credentials();
        let all = json!([credentials.odoo_database, 2, credentials.odoo_key, model, method, args, kwargs]);
        self.rpc("object", "execute_kw", all).await
    }

    pub async fn rpc(&self, service: &str, method: &str, args: Value) -> Value {
        let params = json!({ "service": service, "method": method, "args": args });
        let body = json!({ "jsonrpc": "2.0", "method": "call", "id": 7, "params": params });
        let request = self.client.post(format!("{}/jsonrpc", self.trade.odoo_url())).json(&body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    }

    pub async fn odoo(&self, model: &str, method: &str, args: Value, kwargs: Value) -> Value {
        let reply = self.reply(model, method, args, kwargs).await;
        assert!(reply.get("error").is_none(), "{model}.{method}: {reply}");
        assert_eq!(reply["id"], 7);
        reply["result"].clone()
    }

    pub async fn search(&self, model: &str, domain: Value) -> Vec<Value> {
        self.odoo(model, "search_read", json!([domain]), json!({})).await.as_array().unwrap().clone()
    }

    pub async fn orders(&self) -> Vec<Value> {
        self.woo_get("/orders?per_page=100&status=any").await.as_array().unwrap().clone()
    }

    async fn partner(&self, order: &Value) -> i64 {
        let email = order["billing"]["email"].as_str().unwrap();
        let found = self.search("res.partner", json!([["email", "=ilike", email]])).await;
        match found.first() {
            Some(partner) => partner["id"].as_i64().unwrap(),
            None => {
                let name = format!("{} {}", order["billing"]["first_name"], order["billing"]["last_name"]);
                let made =
                    self.odoo("res.partner", "create", json!([{ "name": name, "email": email }]), json!({})).await;
                made.as_i64().unwrap()
            }
        }
    }

    /// The values of a quotation, right in every field.
    pub async fn quotation(&self, order: &Value) -> Value {
        let mut lines = Vec::new();
        for line in order["line_items"].as_array().unwrap() {
            let found = self.search("product.product", json!([["default_code", "=", line["sku"]]])).await;
            let quantity = line["quantity"].as_i64().unwrap();
            let unit = cents(&line["subtotal"]) / quantity;
            lines.push(json!([0, 0, { "product_id": found[0]["id"], "product_uom_qty": quantity, "price_unit": decimal(unit) }]));
        }
        let [_, _, _, shipping, discount] = self.trade.odoo_ids();
        for (product, amount) in
            [(shipping, cents(&order["shipping_total"])), (discount, -cents(&order["discount_total"]))]
        {
            if amount != 0 {
                lines.push(
                    json!([0, 0, { "product_id": product, "product_uom_qty": 1, "price_unit": decimal(amount) }]),
                );
            }
        }
        json!({
            "partner_id": self.partner(order).await, "client_order_ref": order["number"], "order_line": lines,
            "date_order": order["date_created_gmt"].as_str().unwrap().replace('T', " "),
        })
    }

    pub async fn copy_orders(&self) {
        for order in self.orders().await.iter().filter(|order| order["status"] != "checkout-draft") {
            let known = self.search("sale.order", json!([["client_order_ref", "=", order["number"]]])).await;
            let id = match known.first() {
                Some(known) => known["id"].clone(),
                None => self.odoo("sale.order", "create", json!([self.quotation(order).await]), json!({})).await,
            };
            let state =
                self.odoo("sale.order", "read", json!([[id]]), json!({ "fields": ["state"] })).await[0]["state"]
                    .clone();
            let button = match (order["status"].as_str().unwrap(), state.as_str().unwrap()) {
                ("processing" | "completed" | "refunded", "draft") => "action_confirm",
                ("cancelled", "draft" | "sale") => "action_cancel",
                _ => continue,
            };
            let context = json!({ "context": { "disable_cancel_warning": true } });
            self.odoo("sale.order", button, json!([[id]]), context).await;
        }
    }

    pub async fn copy_stock(&self) {
        for line in self.sellable().await {
            let domain = json!([["location_id", "child_of", 8], ["product_id.default_code", "=", line["sku"]]]);
            let quants = self.search("stock.quant", domain).await;
            let free: i64 = quants.iter().map(|quant| pieces(&quant["available_quantity"])).sum();
            let (status, _) =
                self.woo_send(reqwest::Method::PUT, &address(&line), &json!({ "stock_quantity": free })).await;
            assert_eq!(status, 200);
        }
    }

    /// Simple products and variations: what has a quantity.
    pub async fn sellable(&self) -> Vec<Value> {
        let mut found = Vec::new();
        for product in self.woo_get("/products?per_page=100").await.as_array().unwrap() {
            if product["type"] == "variable" {
                let path = format!("/products/{}/variations", product["id"]);
                found.extend(self.woo_get(&path).await.as_array().unwrap().iter().cloned());
            } else {
                found.push(product.clone());
            }
        }
        found
    }

    pub async fn copy_parcels(&self) {
        for picking in self.search("stock.picking", json!([["state", "=", "done"]])).await {
            let sale = self.odoo("sale.order", "read", json!([[picking["sale_id"][0]]]), json!({})).await[0].clone();
            let path = format!("/orders/{}/notes", sale["client_order_ref"].as_str().unwrap());
            let note = format!(
                "{} left as {}",
                picking["name"].as_str().unwrap(),
                picking["carrier_tracking_ref"].as_str().unwrap()
            );
            let (status, _) =
                self.woo_send(reqwest::Method::POST, &path, &json!({ "note": note, "customer_note": true })).await;
            assert_eq!(status, 201);
        }
    }
}

pub fn address(item: &Value) -> String {
    match item["parent_id"].as_i64() {
        Some(parent) if parent > 0 => format!("/products/{parent}/variations/{}", item["id"]),
        _ => format!("/products/{}", item["id"]),
    }
}

fn cents(amount: &Value) -> i64 {
    amount.as_str().unwrap().replace('.', "").parse().unwrap()
}

fn decimal(cents: i64) -> Value {
    let sign = if cents < 0 { "-" } else { "" };
    serde_json::from_str(&format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)).unwrap()
}

/// Whole pieces of a float.
pub fn pieces(quantity: &Value) -> i64 {
    quantity.to_string().split('.').next().unwrap().parse().unwrap()
}
