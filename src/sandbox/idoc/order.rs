//! One IDoc ORDERS05 (message ORDERS) as the ERP reads it: control record, order of the segments, fields, customizing.
//!
//! Not here: whether it was read before (`ledger`), and the file around it (`inbox`).

use super::number::{Exact, external};
use super::profile::Profile;
use super::tree::Node;
use crate::sandbox::catalogue::Catalogue;
use crate::sandbox::money::Currency;

/// Why an IDoc is not posted: its status and a message with class, number and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub status: &'static str,
    pub class: &'static str,
    pub number: &'static str,
    pub text: String,
}

impl Refusal {
    /// 51: the application did not take it.
    pub fn application(class: &'static str, number: &'static str, text: impl Into<String>) -> Refusal {
        Refusal { status: "51", class, number, text: text.into() }
    }

    fn control(text: impl Into<String>) -> Refusal {
        Refusal { status: "56", class: "E0", number: "337", text: text.into() }
    }

    fn syntax(text: impl Into<String>) -> Refusal {
        Refusal { status: "60", class: "E0", number: "072", text: text.into() }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "status {}: {}/{}: {}", self.status, self.class, self.number, self.text)
    }
}

/// What a sales order holds, whichever door it came through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderBody {
    pub purchase_order: String,
    /// The day of the purchase order, `20261120`.
    pub day: String,
    pub currency: Currency,
    pub freight: Exact,
    pub items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// Without the zeros in front.
    pub material: String,
    pub thousandths: i64,
    /// For one piece.
    pub price: Exact,
    pub discount: Exact,
}

/// Header segments in the order of the basic type, and those of an item.
const HEADER: &[&str] = &[
    "EDI_DC40", "E1EDK01", "E1EDK14", "E1EDK03", "E1EDK04", "E1EDK05", "E1EDKA1", "E1EDK02", "E1EDK17", "E1EDK18",
    "E1EDKT1", "E1EDP01", "E1EDS01",
];
const ITEM: &[&str] = &["E1EDP02", "E1EDP03", "E1EDP05", "E1EDP20", "E1EDPA1", "E1EDP19", "E1EDPT1"];

/// Number of the IDoc in the sender's count and the sender; blank where the sender gives none.
pub fn identity(idoc: &Node) -> (String, String) {
    let control = idoc.child("EDI_DC40");
    let field = |name: &str| control.map_or("", |control| control.field(name)).to_owned();
    (field("DOCNUM"), field("SNDPRN"))
}

pub fn read(idoc: &Node, profile: &Profile, catalogue: &Catalogue) -> Result<OrderBody, Refusal> {
    check_control(idoc, profile)?;
    check_segments(idoc, HEADER)?;
    let header = segment(idoc, "E1EDK01")?;
    let currency = Currency::from_code(header.field("CURCY")).ok_or_else(|| {
        Refusal::application("V1", "378", format!("Currency {:?} is not defined", header.field("CURCY")))
    })?;
    check_organization(idoc, profile)?;
    check_partners(idoc, profile)?;
    let reference = idoc.all("E1EDK02").find(|reference| reference.field("QUALF") == "001");
    let purchase_order = reference.map_or("", |reference| reference.field("BELNR")).to_owned();
    if purchase_order.is_empty() || purchase_order.len() > 35 {
        return Err(Refusal::application("V1", "115", "The customer's purchase order number is missing or too long"));
    }
    let items: Result<Vec<Item>, Refusal> =
        idoc.all("E1EDP01").map(|item| read_item(item, currency, profile, catalogue)).collect();
    let items = items?;
    if items.is_empty() {
        return Err(Refusal::application("V1", "331", "The order has no items"));
    }
    check_totals(idoc, items.len())?;
    let freight = conditions(idoc.all("E1EDK05"), currency, profile.freight, "+")?;
    Ok(OrderBody { purchase_order, day: document_day(idoc)?, currency, freight, items })
}

fn check_control(idoc: &Node, profile: &Profile) -> Result<(), Refusal> {
    let control = idoc.child("EDI_DC40").ok_or_else(|| Refusal::control("EDI_DC40 is missing"))?;
    let wanted = [
        ("TABNAM", "EDI_DC40"),
        ("DIRECT", "2"),
        ("IDOCTYP", "ORDERS05"),
        ("MESTYP", "ORDERS"),
        ("SNDPOR", profile.partner_port),
        ("SNDPRT", "LS"),
        ("SNDPRN", profile.partner),
        ("RCVPOR", profile.own_port),
        ("RCVPRT", "LS"),
        ("RCVPRN", profile.own_system),
    ];
    for (field, should) in wanted {
        let is = control.field(field);
        if is != should {
            return Err(Refusal::control(format!("EDI_DC40-{field} is {is:?}, the partner profile has {should:?}")));
        }
    }
    let client = control.field("MANDT");
    if !client.is_empty() && client != profile.client {
        return Err(Refusal::control(format!("client {client} is not {}", profile.client)));
    }
    let number = control.field("DOCNUM");
    if !number.is_empty() && (number.len() != 16 || !digits(number)) {
        return Err(Refusal::control(format!("DOCNUM {number:?} is not a number of 16 digits")));
    }
    if day(control.field("CREDAT")).is_none() || control.field("CRETIM").len() != 6 || !digits(control.field("CRETIM"))
    {
        return Err(Refusal::control("CREDAT and CRETIM are not a day and a time"));
    }
    Ok(())
}

/// Every segment says that it is one, is known, and comes in the order of the basic type.
fn check_segments(parent: &Node, order: &[&str]) -> Result<(), Refusal> {
    let mut reached = 0;
    for child in
        parent.children.iter().filter(|child| !child.children.is_empty() || order.contains(&child.name.as_str()))
    {
        if child.attribute("SEGMENT") != Some("1") {
            return Err(Refusal::syntax(format!("{} is not marked as a segment", child.name)));
        }
        let position = order.iter().position(|name| *name == child.name);
        let position = position
            .ok_or_else(|| Refusal::syntax(format!("segment {} is not expected in {}", child.name, parent.name)))?;
        if position < reached {
            return Err(Refusal::syntax(format!("segment {} comes after {}", child.name, order[reached])));
        }
        reached = position;
    }
    Ok(())
}

fn segment<'a>(idoc: &'a Node, name: &str) -> Result<&'a Node, Refusal> {
    idoc.child(name).ok_or_else(|| Refusal::syntax(format!("mandatory segment {name} is missing")))
}

fn check_organization(idoc: &Node, profile: &Profile) -> Result<(), Refusal> {
    let wanted = [
        ("008", profile.sales_organization),
        ("007", profile.distribution_channel),
        ("006", profile.division),
        ("012", profile.order_type),
    ];
    for (qualifier, should) in wanted {
        let is = idoc.all("E1EDK14").find(|segment| segment.field("QUALF") == qualifier).map(|s| s.field("ORGID"));
        if is != Some(should) {
            let text = format!("E1EDK14 {qualifier} is {is:?}; only {should:?} is defined");
            return Err(Refusal::application("VP", "204", text));
        }
    }
    Ok(())
}

fn check_partners(idoc: &Node, profile: &Profile) -> Result<(), Refusal> {
    let sold_to = idoc.all("E1EDKA1").find(|partner| partner.field("PARVW") == "AG").map_or("", |p| p.field("PARTN"));
    if sold_to != profile.sold_to {
        let text = format!("Sold-to party {sold_to:?} not maintained for the sales area");
        return Err(Refusal::application("V1", "302", text));
    }
    for partner in idoc.all("E1EDKA1") {
        let country = partner.field("LAND1");
        if !country.is_empty() && (country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase())) {
            return Err(Refusal::application("AM", "231", format!("Country {country:?} is not an ISO code")));
        }
    }
    Ok(())
}

/// Day of the document (012) or of the purchase order (022).
fn document_day(idoc: &Node) -> Result<String, Refusal> {
    let of = |kind: &str| idoc.all("E1EDK03").find(|date| date.field("IDDAT") == kind).map(|date| date.field("DATUM"));
    let found = of("022").or_else(|| of("012")).unwrap_or_default();
    day(found).map(str::to_owned).ok_or_else(|| Refusal::application("V1", "290", format!("{found:?} is not a day")))
}

fn read_item(node: &Node, currency: Currency, profile: &Profile, catalogue: &Catalogue) -> Result<Item, Refusal> {
    check_segments(node, ITEM)?;
    let position = node.field("POSEX");
    if !position.is_empty() && (position.len() != 6 || !digits(position)) {
        return Err(Refusal::application("V1", "260", format!("Item {position:?} is not a number of six digits")));
    }
    let unit = node.field("MENEE");
    if unit != profile.unit {
        return Err(Refusal::application("E2", "606", format!("Unit {unit:?} has no ISO code")));
    }
    if !matches!(node.field("CURCY"), "") && node.field("CURCY") != currency.code() {
        return Err(Refusal::application("V1", "379", "An item has another currency than its order"));
    }
    let id = node.all("E1EDP19").find(|id| id.field("QUALF") == "002").map_or("", |id| id.field("IDTNR"));
    let material = external(id);
    if !catalogue.products().iter().any(|product| external(&product.sku) == material) {
        return Err(Refusal::application("V1", "311", format!("Material {id:?} is not defined")));
    }
    let number = |name: &str| {
        Exact::parse(node.field(name)).filter(|value| value.0 > 0).ok_or_else(|| {
            Refusal::application("00", "088", format!("E1EDP01-{name} {:?} is not a number above 0", node.field(name)))
        })
    };
    let per = if node.field("PEINH").is_empty() { 1 } else { number("PEINH")?.0 / 1_000_000 };
    let price = Exact(number("VPREI")?.0 / per.max(1));
    let discount = conditions(node.all("E1EDP05"), currency, profile.discount, "-")?;
    Ok(Item { material, thousandths: number("MENGE")?.thousandths(), price, discount })
}

/// The sum of the conditions of a type; another type, the other sign and parts of a minor unit are refused.
fn conditions<'a>(
    nodes: impl Iterator<Item = &'a Node>,
    currency: Currency,
    kind: &str,
    sign: &str,
) -> Result<Exact, Refusal> {
    let minor = 10_i64.pow(6 - currency.exponent());
    let mut sum = Exact::ZERO;
    for node in nodes {
        if node.field("KSCHL") != kind || node.field("ALCKZ") != sign {
            let text = format!("Condition {} {} is not in the procedure", node.field("KSCHL"), node.field("ALCKZ"));
            return Err(Refusal::application("V1", "801", text));
        }
        let amount = Exact::parse(node.field("BETRG")).filter(|amount| amount.0 >= 0 && amount.0 % minor == 0);
        let amount = amount.ok_or_else(|| {
            let text = format!("{:?} is not an amount of {}", node.field("BETRG"), currency.code());
            Refusal::application("V1", "802", text)
        })?;
        sum = Exact(sum.0 + amount.0);
    }
    Ok(sum)
}

fn check_totals(idoc: &Node, items: usize) -> Result<(), Refusal> {
    for total in idoc.all("E1EDS01").filter(|total| total.field("SUMID") == "001") {
        if total.field("SUMME").parse::<usize>() != Ok(items) {
            let text = format!("E1EDS01 states {:?} items, there are {items}", total.field("SUMME"));
            return Err(Refusal::application("VG", "109", text));
        }
    }
    Ok(())
}

fn digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `20261120`; not `00000000` and no day that the calendar lacks.
fn day(text: &str) -> Option<&str> {
    let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<i16>().ok();
    if text.len() != 8 || !digits(text) {
        return None;
    }
    let (month, dom) = (i8::try_from(part(4..6)?).ok()?, i8::try_from(part(6..8)?).ok()?);
    jiff::civil::Date::new(part(0..4)?, month, dom).ok().map(|_| text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::tree;
    use super::*;

    /// The sheet's own example, with this ERP's partners.
    const GOOD: &str = r#"<ORDERS05><IDOC BEGIN="1">
 <EDI_DC40 SEGMENT="1"><TABNAM>EDI_DC40</TABNAM><MANDT>100</MANDT><DOCNUM>0000000001651543</DOCNUM><DIRECT>2</DIRECT><IDOCTYP>ORDERS05</IDOCTYP><MESTYP>ORDERS</MESTYP><SNDPOR>HUB</SNDPOR><SNDPRT>LS</SNDPRT><SNDPRN>WEBHUB</SNDPRN><RCVPOR>SAPPRD</RCVPOR><RCVPRT>LS</RCVPRT><RCVPRN>PRDCLNT100</RCVPRN><CREDAT>20261120</CREDAT><CRETIM>101500</CRETIM><SERIAL>20261120101500</SERIAL></EDI_DC40>
 <E1EDK01 SEGMENT="1"><ACTION>000</ACTION><CURCY>EUR</CURCY><ZTERM>NT30</ZTERM><BELNR>WEB-1001</BELNR></E1EDK01>
 <E1EDK14 SEGMENT="1"><QUALF>008</QUALF><ORGID>1010</ORGID></E1EDK14>
 <E1EDK14 SEGMENT="1"><QUALF>007</QUALF><ORGID>10</ORGID></E1EDK14>
 <E1EDK14 SEGMENT="1"><QUALF>006</QUALF><ORGID>00</ORGID></E1EDK14>
 <E1EDK14 SEGMENT="1"><QUALF>012</QUALF><ORGID>TA</ORGID></E1EDK14>
 <E1EDK03 SEGMENT="1"><IDDAT>012</IDDAT><DATUM>20261120</DATUM></E1EDK03>
 <E1EDK03 SEGMENT="1"><IDDAT>002</IDDAT><DATUM>20261125</DATUM></E1EDK03>
 <E1EDK05 SEGMENT="1"><ALCKZ>+</ALCKZ><KSCHL>HD00</KSCHL><BETRG>4.90</BETRG></E1EDK05>
 <E1EDKA1 SEGMENT="1"><PARVW>AG</PARVW><PARTN>0010100001</PARTN></E1EDKA1>
 <E1EDKA1 SEGMENT="1"><PARVW>WE</PARVW><PARTN>0010100002</PARTN><NAME1>Ana Ruiz</NAME1><LAND1>ES</LAND1></E1EDKA1>
 <E1EDK02 SEGMENT="1"><QUALF>001</QUALF><BELNR>WEB-1001</BELNR><DATUM>20261120</DATUM></E1EDK02>
 <E1EDP01 SEGMENT="1"><POSEX>000010</POSEX><MENGE>2.000</MENGE><MENEE>PCE</MENEE><VPREI>9.00</VPREI><PEINH>1</PEINH><NETWR>18.00</NETWR><CURCY>EUR</CURCY>
  <E1EDP20 SEGMENT="1"><WMENG>2.000</WMENG><EDATU>20261125</EDATU></E1EDP20>
  <E1EDP19 SEGMENT="1"><QUALF>001</QUALF><IDTNR>C-MUG</IDTNR></E1EDP19>
  <E1EDP19 SEGMENT="1"><QUALF>002</QUALF><IDTNR>000000000000000123</IDTNR><KTEXT>Mug</KTEXT></E1EDP19>
 </E1EDP01>
 <E1EDS01 SEGMENT="1"><SUMID>001</SUMID><SUMME>1</SUMME></E1EDS01>
</IDOC></ORDERS05>"#;

    fn reading(text: &str) -> Result<OrderBody, Refusal> {
        let root = tree::read(text.as_bytes()).unwrap();
        read(root.child("IDOC").unwrap(), &Profile::default(), &Catalogue::new(12))
    }

    #[test]
    fn reads_the_example_of_the_sheet() {
        let item = Item { material: "123".into(), thousandths: 2000, price: Exact(9_000_000), discount: Exact::ZERO };
        let body = reading(GOOD).unwrap();
        assert_eq!((body.purchase_order.as_str(), body.day.as_str()), ("WEB-1001", "20261120"));
        assert_eq!((body.freight, body.items), (Exact(4_900_000), vec![item]));
    }

    #[track_caller]
    fn check_refused(from: &str, to: &str, status: &str, said: &str) {
        assert!(GOOD.contains(from), "{from}");
        let refusal = reading(&GOOD.replacen(from, to, 1)).unwrap_err();
        assert_eq!(refusal.status, status, "{refusal}");
        assert!(refusal.text.contains(said), "{refusal}");
    }

    #[test]
    fn refuses_with_the_status_of_the_layer_that_objects() {
        check_refused("<DIRECT>2", "<DIRECT>1", "56", "DIRECT");
        check_refused("<RCVPRN>PRDCLNT100", "<RCVPRN>QASCLNT100", "56", "RCVPRN");
        check_refused("0000000001651543", "1651543", "56", "16 digits");
        check_refused("<MESTYP>ORDERS<", "<MESTYP>ORDCHG<", "56", "MESTYP");
        check_refused("<E1EDK01 SEGMENT=\"1\">", "<E1EDK01>", "60", "E1EDK01");
        check_refused("0010100001", "10100001", "51", "Sold-to party");
        check_refused("<MENEE>PCE", "<MENEE>ST", "51", "Unit");
        check_refused("000000000000000123", "NO-SUCH", "51", "Material");
        check_refused("<MENGE>2.000", "<MENGE>2.000-", "51", "MENGE");
        check_refused("<VPREI>9.00", "<VPREI>9,00", "51", "VPREI");
        check_refused("<BETRG>4.90", "<BETRG>4.905", "51", "amount");
        check_refused("<SUMME>1", "<SUMME>2", "51", "states");
        check_refused("<DATUM>20261120", "<DATUM>00000000", "51", "day");
        check_refused("<CURCY>EUR", "<CURCY>JPY", "51", "");
    }

    #[test]
    fn a_segment_out_of_its_order_is_a_syntax_error() {
        let freight = " <E1EDK05 SEGMENT=\"1\"><ALCKZ>+</ALCKZ><KSCHL>HD00</KSCHL><BETRG>4.90</BETRG></E1EDK05>\n";
        let late = GOOD.replace(freight, "").replace(" <E1EDP01", &format!("{freight} <E1EDP01"));
        let refusal = reading(&late).unwrap_err();
        assert_eq!((refusal.status, refusal.text.as_str()), ("60", "segment E1EDK05 comes after E1EDK02"));
    }
}
