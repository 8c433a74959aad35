//! The order document the ERP accepts, read strictly: every field named when it is wrong.
//!
//! Not here: payments (`payment_body`) and storing (`ledger`).

use serde_json::{Value, json};

use super::words;
use crate::sandbox::call::Answer;
use crate::sandbox::catalogue::Catalogue;
use crate::sandbox::clock;
use crate::sandbox::money::Currency;

/// An order as the hub wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErpBody {
    pub reference: String,
    pub placed_s: i64,
    pub currency: Currency,
    pub total_minor: i64,
    pub status: String,
    pub payment_status: Option<String>,
    pub email: Option<String>,
    pub name: Option<String>,
    pub lines: Vec<ErpLine>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ErpLine {
    pub sku: String,
    pub quantity: i64,
    pub unit_minor: i64,
    pub discount_minor: i64,
}

/// Why a document is refused; becomes a 422.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub code: &'static str,
    pub field: String,
    pub message: String,
}

impl Refusal {
    pub fn new(code: &'static str, field: impl Into<String>, message: impl Into<String>) -> Self {
        Refusal { code, field: field.into(), message: message.into() }
    }

    pub fn answer(&self) -> Answer {
        let error = json!({ "code": self.code, "message": self.message, "field": self.field });
        Answer::json(422, &json!({ "error": error }))
    }
}

impl ErpBody {
    pub fn read(body: &Value, catalogue: &Catalogue) -> Result<Self, Refusal> {
        let currency = currency(body)?;
        let customer = &body["customer"];
        let email = optional_text(customer, "email", "customer.email")?;
        if email.as_ref().is_some_and(|email| !email.contains('@')) {
            return Err(Refusal::new("invalid", "customer.email", "is not an e-mail address"));
        }
        let payment_status = optional_text(body, "payment_status", "payment_status")?;
        if let Some(word) = &payment_status {
            one_of("payment_status", word, words::PAYMENT_STATUSES_OF_ORDERS)?;
        }
        let status = required_text(body, "status")?;
        one_of("status", &status, words::ORDER_STATUSES)?;
        Ok(ErpBody {
            reference: required_text(body, "reference")?,
            placed_s: time(body, "placed_at")?,
            currency,
            total_minor: amount(&body["total"], "total", currency)?,
            status,
            payment_status,
            email,
            name: optional_text(customer, "name", "customer.name")?,
            lines: lines(&body["lines"], currency, catalogue)?,
        })
    }
}

fn lines(value: &Value, currency: Currency, catalogue: &Catalogue) -> Result<Vec<ErpLine>, Refusal> {
    let lines = value.as_array().filter(|lines| !lines.is_empty());
    let lines = lines.ok_or_else(|| Refusal::new("required", "lines", "must be a list with at least one line"))?;
    lines.iter().enumerate().map(|(at, line)| line_of(line, at, currency, catalogue)).collect()
}

fn line_of(line: &Value, at: usize, currency: Currency, catalogue: &Catalogue) -> Result<ErpLine, Refusal> {
    let field = |name: &str| format!("lines[{at}].{name}");
    let sku = line["sku"].as_str().unwrap_or_default().to_owned();
    if catalogue.by_sku(&sku).is_none() {
        return Err(Refusal::new("unknown_article", field("sku"), format!("no article {sku:?}")));
    }
    let quantity = line["quantity"].as_i64().filter(|quantity| *quantity > 0);
    let quantity = quantity.ok_or_else(|| Refusal::new("invalid", field("quantity"), "must be an integer above 0"))?;
    let discount_minor = match &line["discount"] {
        Value::Null => 0,
        discount => amount(discount, &field("discount"), currency)?,
    };
    let unit_minor = amount(&line["unit_price"], &field("unit_price"), currency)?;
    Ok(ErpLine { sku, quantity, unit_minor, discount_minor })
}

/// A decimal string with exactly the currency's decimals.
pub fn amount(value: &Value, field: &str, currency: Currency) -> Result<i64, Refusal> {
    value.as_str().and_then(|text| currency.parse(text)).ok_or_else(|| {
        let message = format!("must be a decimal string with {} decimals for {}", currency.exponent(), currency.code());
        Refusal::new("invalid_amount", field, message)
    })
}

pub fn currency(body: &Value) -> Result<Currency, Refusal> {
    let code = required_text(body, "currency")?;
    Currency::from_code(&code)
        .ok_or_else(|| Refusal::new("unknown_currency", "currency", format!("{code:?} is not a currency of this ERP")))
}

pub fn required_text(body: &Value, field: &str) -> Result<String, Refusal> {
    let text = body[field].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    text.ok_or_else(|| Refusal::new("required", field, "must be a text"))
}

fn optional_text(body: &Value, name: &str, field: &str) -> Result<Option<String>, Refusal> {
    match &body[name] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Err(Refusal::new("invalid", field, "must be a text or null"))
        }
    }
}

pub fn time(body: &Value, field: &str) -> Result<i64, Refusal> {
    let text = required_text(body, field)?;
    clock::parse_s(&text).ok_or_else(|| Refusal::new("invalid_time", field, "must be an RFC 3339 time with offset"))
}

pub fn one_of(field: &str, word: &str, words: &[&str]) -> Result<(), Refusal> {
    if words.contains(&word) {
        return Ok(());
    }
    Err(Refusal::new("unknown_value", field, format!("{word:?} is not one of {}", words.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Value {
        json!({
            "reference": "#1001", "placed_at": "2026-11-20T10:00:00+01:00", "currency": "EUR", "total": "47.90",
            "customer": { "email": "a@example.com", "name": "Ana Ruiz" },
            "status": "confirmed", "payment_status": "paid",
            "lines": [{ "sku": "00123", "quantity": 2, "unit_price": "23.95", "discount": "0.00" }],
        })
    }

    #[track_caller]
    fn check_refused(change: impl FnOnce(&mut Value), field: &str) {
        let mut body = good();
        change(&mut body);
        let refused = ErpBody::read(&body, &Catalogue::new(20)).map(|_| ()).map_err(|refusal| refusal.field);
        assert_eq!(refused, Err(field.to_owned()));
    }

    #[test]
    fn reads_a_good_document() {
        let body = ErpBody::read(&good(), &Catalogue::new(20));
        assert_eq!(body.map(|body| (body.total_minor, body.lines.len())), Ok((4790, 1)));
    }

    #[test]
    fn names_the_field_that_is_wrong() {
        check_refused(|body| body["total"] = json!("47.9"), "total");
        check_refused(|body| body["total"] = json!(47), "total");
        check_refused(|body| body["currency"] = json!("JPY"), "total");
        check_refused(|body| body["currency"] = json!("DEM"), "currency");
        check_refused(|body| body["lines"] = json!([]), "lines");
        check_refused(|body| body["lines"][0]["sku"] = json!("123"), "lines[0].sku");
        check_refused(|body| body["lines"][0]["quantity"] = json!(0), "lines[0].quantity");
        check_refused(|body| body["lines"][0]["quantity"] = json!("2"), "lines[0].quantity");
        check_refused(|body| body["status"] = json!("paid"), "status");
        check_refused(|body| body["payment_status"] = json!("authorized"), "payment_status");
        check_refused(|body| body["placed_at"] = json!("2026-11-20"), "placed_at");
        check_refused(|body| body["reference"] = Value::Null, "reference");
    }
}
