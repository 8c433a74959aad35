//! JSON-RPC 2.0: the envelope, the login in each call, and `execute_kw`.
//!
//! Not here: what a method does to its model.

use http::Method;
use serde_json::{Map, Value, json};

use super::fault::Fault as Refusal;
use super::read::{Reader, Scope};
use super::vendor::{Odoo, USER_ID};
use super::{models, sale, stock, write};
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::faults::Fault;
use crate::sandbox::serve::Endpoint;
use crate::sandbox::sync::locked;

impl Endpoint for Odoo {
    fn answer(&self, call: &Call) -> Answer {
        if call.path == "/web/version" {
            return Answer::json(200, &version());
        }
        if call.path != "/jsonrpc" {
            return Answer::text(404, "text/html", "<!doctype html><title>404 Not Found</title>".to_owned());
        }
        if call.method != Method::POST
            || !call.header("content-type").is_some_and(|kind| kind.starts_with("application/json"))
        {
            return Answer::text(400, "text/html", "<!doctype html><title>400 Bad Request</title>".to_owned());
        }
        let body = call.json().unwrap_or_default();
        let mut reply = json!({ "jsonrpc": "2.0", "id": body["id"] });
        match self.serve(&body) {
            Ok(result) => reply["result"] = result,
            Err(refusal) => reply["error"] = refusal.json(),
        }
        Answer::json(200, &reply)
    }

    /// Odoo.com's way (unverified).
    fn throttled(&self) -> Answer {
        Answer::text(429, "text/html", "<!doctype html><title>Too Many Requests</title>".to_owned())
            .header("retry-after", "1")
    }

    fn unavailable(&self) -> Answer {
        Answer::text(503, "text/html", "<html><body>The service is restarting</body></html>".to_owned())
    }
}

fn version() -> Value {
    json!({ "version_info": [19, 0, 0, "final", 0, ""], "version": "19.0" })
}

/// One `execute_kw` taken apart.
struct Execution<'a> {
    model: &'a str,
    method: &'a str,
    args: &'a [Value],
    kwargs: Map<String, Value>,
}

impl Execution<'_> {
    /// A parameter by its name, or by its place among the positional ones.
    fn param(&self, name: &str, place: usize) -> Value {
        self.kwargs.get(name).or_else(|| self.args.get(place)).cloned().unwrap_or(Value::Null)
    }

    fn context(&self, name: &str) -> Value {
        self.kwargs.get("context").map(|context| context[name].clone()).unwrap_or(Value::Null)
    }

    /// The ids that a method is called on.
    fn ids(&self) -> Result<Vec<i64>, Refusal> {
        let ids = match self.args.first() {
            Some(Value::Array(ids)) => ids.iter().map(Value::as_i64).collect(),
            Some(id) => id.as_i64().map(|id| vec![id]),
            None => None,
        };
        ids.ok_or_else(|| Refusal::value(format!("{}() wants a list of ids", self.method)))
    }

    fn scope(&self) -> Scope {
        let active_test = self.context("active_test");
        Scope { location: self.context("location").as_i64(), inactive_too: active_test == Value::Bool(false) }
    }
}

impl Odoo {
    fn serve(&self, body: &Value) -> Result<Value, Refusal> {
        if body["jsonrpc"] != "2.0" || body["method"] != "call" {
            return Err(Refusal::value("Invalid JSON-RPC data"));
        }
        let params = &body["params"];
        let args = params["args"].as_array().map(Vec::as_slice).unwrap_or_default();
        match (params["service"].as_str(), params["method"].as_str(), args) {
            (Some("common"), Some("version"), _) => Ok(version()),
            (Some("common"), Some("authenticate" | "login"), [database, login, key, ..]) => {
                let known = self.knows(database, key) && login.as_str() == Some(self.login());
                Ok(if known { json!(USER_ID) } else { json!(false) })
            }
            (
                Some("object"),
                Some("execute_kw"),
                [database, user, key, Value::String(model), Value::String(method), rest @ ..],
            ) => {
                if !self.knows(database, key) || user.as_i64() != Some(USER_ID) {
                    return Err(Refusal::denied());
                }
                let none: &[Value] = &[];
                let call = Execution {
                    model,
                    method,
                    args: rest.first().and_then(Value::as_array).map_or(none, Vec::as_slice),
                    kwargs: rest.get(1).and_then(Value::as_object).cloned().unwrap_or_default(),
                };
                self.execute(&call)
            }
            (_, _, _) => Err(Refusal::value("Invalid service, method or arguments")),
        }
    }

    fn execute(&self, call: &Execution<'_>) -> Result<Value, Refusal> {
        if call.method.starts_with('_') {
            return Err(Refusal::access(format!(
                "Private methods (such as '{}.{}') cannot be called remotely.",
                call.model, call.method
            )));
        }
        models::model(call.model).ok_or_else(|| write::unknown(call.model))?;
        // Rolled back: nothing of it happened.
        if self.desk().strikes(Fault::OdooConflict) {
            return Err(Refusal::conflict());
        }
        let companies = call.context("allowed_company_ids");
        if companies.as_array().is_some_and(|ids| ids.iter().any(|id| id.as_i64() != Some(1))) {
            return Err(Refusal::access("Access to unauthorized or invalid companies."));
        }
        match self.read(call) {
            Some(answer) => answer,
            None => self.change(call),
        }
    }

    /// `None` for a method that is not one of reading.
    fn read(&self, call: &Execution<'_>) -> Option<Result<Value, Refusal>> {
        let db = locked(self.db());
        let reader = Reader { db: &db, model: call.model, scope: call.scope() };
        let options: Map<String, Value> = [("order", 3), ("limit", 2), ("offset", 1)]
            .into_iter()
            .map(|(name, place)| {
                (name.to_owned(), call.param(name, if call.method == "search" { place } else { usize::MAX }))
            })
            .collect();
        let domain = call.param("domain", 0);
        let answer = match call.method {
            "search" => reader.search(&domain, &options).map(|ids| json!(ids)),
            "search_count" => reader.count(&domain).map(|count| json!(count)),
            "read" => call.ids().and_then(|ids| reader.read(&ids, Some(&call.param("fields", 1)))),
            "search_read" => {
                let fields = call.param("fields", 1);
                reader.search(&domain, &options).and_then(|ids| reader.read(&ids, Some(&fields)))
            }
            "web_search_read" => reader.search(&domain, &options).and_then(|ids| {
                let records = reader.web(&ids, &call.param("specification", 1))?;
                Ok(json!({ "length": reader.count(&domain)?, "records": records }))
            }),
            _ => return None,
        };
        Some(answer)
    }

    fn change(&self, call: &Execution<'_>) -> Result<Value, Refusal> {
        let late_by_s = if self.desk().strikes(Fault::OdooLateCommit) { self.lateness_s() } else { 0 };
        let mut db = locked(self.db());
        db.late_by_s = late_by_s;
        let outcome = match (call.model, call.method) {
            (model, "create") => {
                let inventory_mode = call.context("inventory_mode") == Value::Bool(true);
                match call.param("vals_list", 0) {
                    Value::Array(many) => {
                        // One transaction: the first that fails would take the others with it, so one at a time is all there is.
                        if many.len() > 1 {
                            Err(Refusal::value("this database creates one record at a time"))
                        } else {
                            let made: Result<Vec<i64>, Refusal> =
                                many.iter().map(|vals| write::create(&mut db, model, vals, inventory_mode)).collect();
                            made.map(|ids| json!(ids))
                        }
                    }
                    one => write::create(&mut db, model, &one, inventory_mode).map(|id| json!(id)),
                }
            }
            (model, "write") => call.ids().and_then(|ids| {
                write::write(&mut db, model, &ids, &call.param("vals", 1))?;
                Ok(json!(true))
            }),
            ("sale.order", "action_confirm") => call.ids().and_then(|ids| sale::confirm(&mut db, &ids)),
            ("sale.order", "action_cancel") => {
                let silent = call.context("disable_cancel_warning") == Value::Bool(true);
                call.ids().and_then(|ids| sale::cancel(&mut db, &ids, silent))
            }
            ("sale.order", "action_draft") => call.ids().and_then(|ids| sale::draft(&mut db, &ids)),
            ("stock.quant", "action_apply_inventory") => call.ids().and_then(|ids| stock::apply(&mut db, &ids)),
            (model, method) => {
                let message = format!("The method '{model}.{method}' does not exist");
                Err(Refusal { name: "builtins.AttributeError", message })
            }
        };
        db.late_by_s = 0;
        outcome
    }
}
