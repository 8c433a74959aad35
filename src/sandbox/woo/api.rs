//! The shop's front door: keys, by header or query, and routes below `/wp-json/wc/v3`.
//!
//! Not here: what a route does (`orders_api`, `products_api`, `hooks`) and the faults before it (`serve`).

use http::Method;
use serde_json::{Value, json};

use super::json::customer_json;
use super::lists::{self, Listed, error};
use super::vendor::Woo;
use super::{hooks, orders_api, products_api};
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::faults::Fault;
use crate::sandbox::serve::Endpoint;
use crate::sandbox::sync::locked;

const ROOT: &str = "/wp-json/wc/v3/";

impl Endpoint for Woo {
    fn answer(&self, call: &Call) -> Answer {
        if !self.knows(call) {
            let message = "Sorry, you cannot list resources.";
            return error(401, "woocommerce_rest_cannot_view", message);
        }
        let answer = self.route(call);
        if self.desk().strikes(Fault::WooNotice) { with_notice(answer) } else { answer }
    }

    /// WooCommerce has no limit; this is the firewall of its host.
    fn throttled(&self) -> Answer {
        Answer::text(429, "text/html", "<html><body>Too Many Requests</body></html>".to_owned())
            .header("retry-after", "1")
    }

    fn unavailable(&self) -> Answer {
        let page = "<html><body>Briefly unavailable for scheduled maintenance. Check back in a minute.</body></html>";
        Answer::text(503, "text/html", page.to_owned())
    }
}

/// What a badly configured site prints before its JSON.
fn with_notice(mut answer: Answer) -> Answer {
    answer
        .body
        .insert_str(0, "<br />\n<b>Notice</b>: Undefined index: sku in <b>plugin.php</b> on line <b>7</b><br />\n");
    answer
}

pub fn not_found(what: &str) -> Answer {
    error(404, &format!("woocommerce_rest_{what}_invalid_id"), "Invalid ID.")
}

/// A body that is a JSON object; anything else is refused.
pub fn document(call: &Call) -> Result<Value, Answer> {
    let body = call.json().map_err(|_| error(400, "rest_invalid_json", "Invalid JSON body passed."))?;
    if body.is_object() { Ok(body) } else { Err(error(400, "rest_invalid_json", "Invalid JSON body passed.")) }
}

impl Woo {
    /// Basic authorization, or the same pair in the query where a host drops the header.
    fn knows(&self, call: &Call) -> bool {
        let by_query = || Some((call.param("consumer_key")?.to_owned(), call.param("consumer_secret")?.to_owned()));
        let (key, secret) = self.keys();
        call.basic().or_else(by_query).is_some_and(|given| given == (key.to_owned(), secret.to_owned()))
    }

    fn route(&self, call: &Call) -> Answer {
        let Some(rest) = call.path.strip_prefix(ROOT) else { return no_route() };
        let segments: Vec<&str> = rest.split('/').collect();
        let id = |at: usize| segments.get(at).and_then(|text| text.parse::<i64>().ok()).unwrap_or_default();
        if call.method == Method::GET {
            let ledger = locked(self.ledger());
            let catalogue = self.catalogue();
            return match segments.as_slice() {
                ["data", "currencies", "current"] => {
                    Answer::json(200, &json!({ "code": "EUR", "name": "Euro", "symbol": "&euro;" }))
                }
                ["orders"] => orders_api::list(&ledger, catalogue, call),
                ["orders", _] => orders_api::one(&ledger, catalogue, id(1)),
                ["orders", _, "notes"] => orders_api::notes(&ledger, id(1)),
                ["orders", _, "refunds"] => orders_api::refunds_of(&ledger, id(1), call),
                // Of all orders; the sheet knows them below their order only (unverified).
                ["refunds"] => orders_api::refunds(&ledger, call),
                ["products"] => products_api::list(&ledger, catalogue, call),
                ["products", _] => products_api::one(&ledger, catalogue, id(1)),
                ["products", _, "variations"] => products_api::variations(&ledger, catalogue, Some(id(1)), call),
                ["products", _, "variations", _] => products_api::variation(&ledger, catalogue, id(1), id(3)),
                // Of all products; the sheet knows them below their product only (unverified).
                ["variations"] => products_api::variations(&ledger, catalogue, None, call),
                ["customers"] => {
                    let row = |customer: &super::ledger::Customer| Listed {
                        id: customer.id,
                        created_s: customer.created_s,
                        modified_s: customer.created_s,
                        value: customer_json(customer),
                    };
                    let wanted = call.param("email");
                    let rows = ledger.customers.iter().filter(|c| wanted.is_none_or(|email| c.email() == email));
                    lists::page(call, rows.map(row).collect())
                }
                ["customers", _] => match ledger.customers.iter().find(|customer| customer.id == id(1)) {
                    Some(customer) => Answer::json(200, &customer_json(customer)),
                    None => error(404, "woocommerce_rest_invalid_id", "Invalid resource ID."),
                },
                ["webhooks"] => hooks::list(&ledger, call),
                ["webhooks", _] => hooks::one(&ledger, id(1)),
                _ => no_route(),
            };
        }
        match (call.method.as_str(), segments.as_slice()) {
            ("PUT" | "POST", ["orders", _]) => self.change_status(call, id(1)),
            ("POST", ["orders", _, "notes"]) => self.add_note(call, id(1)),
            ("PUT" | "POST", ["products", _]) => self.set_stock(call, id(1), None),
            ("PUT" | "POST", ["products", _, "variations", _]) => self.set_stock(call, id(3), Some(id(1))),
            ("POST", ["webhooks"]) => self.make_hook(call),
            ("PUT" | "POST", ["webhooks", _]) => hooks::change(&mut locked(self.ledger()), id(1), call),
            ("DELETE", ["webhooks", _]) => hooks::delete(&mut locked(self.ledger()), id(1)),
            _ => no_route(),
        }
    }
}

fn no_route() -> Answer {
    error(404, "rest_no_route", "No route was found matching the URL and request method.")
}
