//! How Odoo refuses: an exception's name and message, told as an error inside an HTTP 200.
//!
//! Not here: refusals of the server in front of it (`serve`).

use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub name: &'static str,
    pub message: String,
}

impl Fault {
    pub fn user(message: impl Into<String>) -> Fault {
        Fault { name: "odoo.exceptions.UserError", message: message.into() }
    }

    pub fn validation(message: impl Into<String>) -> Fault {
        Fault { name: "odoo.exceptions.ValidationError", message: message.into() }
    }

    pub fn denied() -> Fault {
        Fault { name: "odoo.exceptions.AccessDenied", message: "Access Denied".to_owned() }
    }

    pub fn access(message: impl Into<String>) -> Fault {
        Fault { name: "odoo.exceptions.AccessError", message: message.into() }
    }

    pub fn missing(model: &str, id: i64) -> Fault {
        let message = format!("Record does not exist or has been deleted.\n(Record: {model}({id},), User: 2)");
        Fault { name: "odoo.exceptions.MissingError", message }
    }

    /// A bug in the caller: Python's own exception.
    pub fn value(message: impl Into<String>) -> Fault {
        Fault { name: "builtins.ValueError", message: message.into() }
    }

    pub fn field(model: &str, field: &str) -> Fault {
        Fault::value(format!("Invalid field '{field}' on model '{model}'"))
    }

    pub fn conflict() -> Fault {
        let message = "could not serialize access due to concurrent update".to_owned();
        Fault { name: "psycopg2.errors.SerializationFailure", message }
    }

    pub fn json(&self) -> Value {
        json!({
            "code": 200, "message": "Odoo Server Error",
            "data": { "name": self.name, "message": self.message, "arguments": [self.message], "context": {},
                      "debug": format!("Traceback (most recent call last):\n  ...\n{}: {}", self.name, self.message) },
        })
    }
}
