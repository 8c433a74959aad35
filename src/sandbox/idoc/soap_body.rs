//! The function modules behind the SOAP address, as texts: creating a sales order, finding those of a purchase order.
//!
//! Not here: sessions and routes (`soap`). Names of modules and fields are general knowledge of SAP's BAPIs.

use super::ledger::SalesOrder;
use super::number::{Exact, external};
use super::order::{Item, OrderBody, Refusal};
use super::profile::Profile;
use super::tree::Node;
use crate::sandbox::catalogue::Catalogue;
use crate::sandbox::money::Currency;

pub const CREATE: &str = "BAPI_SALESORDER_CREATEFROMDAT2";
pub const LIST: &str = "BAPI_SALESORDER_GETLIST";
const NAMESPACE: &str = "urn:sap-com:document:sap:rfc:functions";

/// Reads the order in a call of [`CREATE`].
pub fn order(call: &Node, profile: &Profile, catalogue: &Catalogue) -> Result<OrderBody, Refusal> {
    let empty = Node::default();
    let header = call.child("ORDER_HEADER_IN").unwrap_or(&empty);
    let area = [
        ("DOC_TYPE", profile.order_type),
        ("SALES_ORG", profile.sales_organization),
        ("DISTR_CHAN", profile.distribution_channel),
        ("DIVISION", profile.division),
    ];
    if let Some((field, _)) = area.into_iter().find(|(field, should)| header.field(field) != *should) {
        let text = format!("{field} {:?} is not defined", header.field(field));
        return Err(Refusal::application("VP", "204", text));
    }
    let sold_to = items(call, "ORDER_PARTNERS").find(|partner| partner.field("PARTN_ROLE") == "AG");
    if sold_to.map(|partner| partner.field("PARTN_NUMB")) != Some(profile.sold_to) {
        return Err(Refusal::application("V1", "302", "Sold-to party not maintained for the sales area"));
    }
    let currency = Currency::from_code(header.field("CURRENCY"));
    let currency = currency.ok_or_else(|| Refusal::application("V1", "378", "Currency is not defined"))?;
    let purchase_order = header.field("PURCH_NO_C").to_owned();
    if purchase_order.is_empty() {
        return Err(Refusal::application("V1", "115", "The customer's purchase order number is missing"));
    }
    let read: Result<Vec<Item>, Refusal> =
        items(call, "ORDER_ITEMS_IN").map(|item| read_item(call, item, currency, profile, catalogue)).collect();
    let read = read?;
    if read.is_empty() {
        return Err(Refusal::application("V1", "331", "The order has no items"));
    }
    // A date of XML Schema in a SOAP call, not eight digits.
    let day = header.field("PURCH_DATE");
    if day.parse::<jiff::civil::Date>().is_err() || day.len() != 10 {
        return Err(Refusal::application("V1", "290", format!("{day:?} is not a day")));
    }
    let freight = condition(call, "000000", profile.freight, currency)?.unwrap_or(Exact::ZERO);
    Ok(OrderBody { purchase_order, day: day.replace('-', ""), currency, freight, items: read })
}

fn items<'a>(call: &'a Node, table: &'a str) -> impl Iterator<Item = &'a Node> {
    call.all(table).flat_map(|table| table.all("item"))
}

fn read_item(
    call: &Node,
    item: &Node,
    currency: Currency,
    profile: &Profile,
    catalogue: &Catalogue,
) -> Result<Item, Refusal> {
    let position = item.field("ITM_NUMBER");
    if position.len() != 6 || position == "000000" {
        return Err(Refusal::application("V1", "260", format!("Item {position:?} is not a number of six digits")));
    }
    let material = external(item.field("MATERIAL"));
    if !catalogue.products().iter().any(|product| external(&product.sku) == material) {
        return Err(Refusal::application("V1", "311", format!("Material {material:?} is not defined")));
    }
    let quantity = Exact::parse(item.field("TARGET_QTY")).filter(|quantity| quantity.0 > 0);
    let quantity = quantity.ok_or_else(|| Refusal::application("00", "088", "TARGET_QTY is not a number above 0"))?;
    let price = condition(call, position, "PR00", currency)?;
    let price = price.ok_or_else(|| Refusal::application("V1", "117", format!("Item {position} has no price")))?;
    // A discount is a negative value.
    let discount = condition(call, position, profile.discount, currency)?.unwrap_or(Exact::ZERO);
    Ok(Item { material, thousandths: quantity.thousandths(), price, discount: Exact(-discount.0) })
}

fn condition(call: &Node, position: &str, kind: &str, currency: Currency) -> Result<Option<Exact>, Refusal> {
    let mut of = items(call, "ORDER_CONDITIONS_IN")
        .filter(|condition| condition.field("ITM_NUMBER") == position && condition.field("COND_TYPE") == kind);
    let Some(found) = of.next() else { return Ok(None) };
    let minor = 10_i64.pow(6 - currency.exponent());
    let value = Exact::parse(found.field("COND_VALUE")).filter(|value| value.0 % minor == 0);
    if found.field("CURRENCY") != currency.code() || value.is_none() || of.next().is_some() {
        let text = format!("Condition {kind} of item {position} is doubled or not an amount of {}", currency.code());
        return Err(Refusal::application("V1", "802", text));
    }
    Ok(value)
}

/// The answer of [`CREATE`]: an order, or the reason in the table of messages, with status 200 either way.
pub fn created(outcome: Result<u64, Refusal>) -> String {
    let (number, kind, class, message, text) = match outcome {
        Ok(number) => (format!("{number:010}"), "S", "V1", "311", format!("Standard order {number} has been saved")),
        Err(refusal) => (String::new(), "E", refusal.class, refusal.number, refusal.text),
    };
    response(
        CREATE,
        &format!(
            "<RETURN><item><TYPE>{kind}</TYPE><ID>{class}</ID><NUMBER>{message}</NUMBER><MESSAGE>{}</MESSAGE></item></RETURN><SALESDOCUMENT>{number}</SALESDOCUMENT>",
            escaped(&text)
        ),
    )
}

/// The answer of [`LIST`].
pub fn listed<'a>(orders: impl Iterator<Item = &'a SalesOrder>) -> String {
    let rows: String = orders
        .map(|order| {
            let reference = escaped(&order.body.purchase_order);
            format!("<item><SD_DOC>{:010}</SD_DOC><PURCH_NO>{reference}</PURCH_NO></item>", order.number)
        })
        .collect();
    response(LIST, &format!("<RETURN/><SALES_ORDERS>{rows}</SALES_ORDERS>"))
}

/// A technical failure.
pub fn fault(code: &str, text: &str) -> String {
    envelope(&format!(
        "<soap:Fault><faultcode>soap:{code}</faultcode><faultstring>{}</faultstring></soap:Fault>",
        escaped(text)
    ))
}

fn response(function: &str, content: &str) -> String {
    envelope(&format!("<rfc:{function}.Response xmlns:rfc=\"{NAMESPACE}\">{content}</rfc:{function}.Response>"))
}

fn envelope(content: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body>{content}</soap:Body></soap:Envelope>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
