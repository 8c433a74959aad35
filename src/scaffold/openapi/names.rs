//! By which names vendors usually call what a canonical field holds; not here: whether the types fit (`fields`).

use crate::model::Entity;
use crate::scaffold::text::words;

/// Canonical name and what else it is called, likeliest first, letters and digits only. The canonical name itself comes before all.
const NAMES: [(&str, &[&str]); 66] = [
    (
        "number",
        &[
            "ordernumber",
            "invoicenumber",
            "deliverynumber",
            "shipmentnumber",
            "documentnumber",
            "orderno",
            "no",
            "code",
            "name",
            "reference",
            "id",
        ],
    ),
    (
        "placed_at",
        &["orderedat", "orderdate", "createdat", "created", "createdon", "creationdate", "datecreated", "date"],
    ),
    ("created_at", &["created", "createdon", "datecreated", "creationdate", "createdate", "date"]),
    (
        "updated_at",
        &[
            "modifiedat",
            "changedat",
            "lastmodifiedat",
            "lastupdatedat",
            "lastmodified",
            "lastupdated",
            "updated",
            "modified",
            "updatedon",
            "modifiedon",
            "datemodified",
            "dateupdated",
            "lastmodifieddatetime",
        ],
    ),
    (
        "changed_at",
        &["updatedat", "modifiedat", "lastmodifiedat", "lastmodified", "updated", "modified", "datemodified"],
    ),
    ("currency", &["currencycode", "currencyiso", "ordercurrency"]),
    (
        "total",
        &[
            "grandtotal",
            "totalprice",
            "totalamount",
            "amounttotal",
            "ordertotal",
            "totalgross",
            "amount",
            "linetotal",
            "price",
        ],
    ),
    ("subtotal", &["subtotalprice", "nettotal", "totalnet", "itemstotal"]),
    ("tax_total", &["totaltax", "tax", "taxamount", "taxes", "vat", "vatamount"]),
    ("shipping_total", &["totalshipping", "shippingcost", "shippingprice", "shippingamount", "shipping", "freight"]),
    ("discount_total", &["totaldiscount", "totaldiscounts", "discountamount", "discount"]),
    ("status", &["state", "orderstatus", "paymentstatus", "shipmentstatus"]),
    ("payment_status", &["financialstatus", "paymentstate", "paid"]),
    ("fulfilment_status", &["fulfillmentstatus", "shippingstatus", "deliverystatus", "shipmentstatus"]),
    ("cancelled_at", &["canceledat", "cancelledon"]),
    ("customer", &["buyer", "client", "contact"]),
    ("shipping_address", &["deliveryaddress", "shipto", "shippingdetails", "shipping"]),
    ("billing_address", &["invoiceaddress", "billto", "billingdetails", "billing", "address"]),
    ("lines", &["lineitems", "items", "orderlines", "invoicelines", "positions", "orderitems", "products"]),
    ("taxes", &["taxlines"]),
    ("note", &["notes", "comment", "comments", "customernote", "remarks", "memo"]),
    ("email", &["emailaddress", "mail", "customeremail"]),
    ("name", &["fullname", "displayname", "customername"]),
    ("first_name", &["givenname", "firstname"]),
    ("last_name", &["familyname", "surname", "lastname"]),
    ("company", &["companyname", "organization", "organisation"]),
    ("phone", &["phonenumber", "telephone", "mobile", "tel"]),
    ("reference", &["id", "uuid", "externalid", "number"]),
    ("vat_id", &["vatnumber", "taxid", "taxnumber", "vat"]),
    ("blocked", &["isblocked", "disabled"]),
    ("street", &["street1", "address1", "line1", "addressline1", "streetaddress", "address"]),
    ("street2", &["address2", "line2", "addressline2"]),
    ("postal_code", &["zip", "zipcode", "postcode"]),
    ("city", &["town", "locality"]),
    ("region", &["state", "province", "statecode"]),
    ("country", &["countrycode", "countryiso"]),
    ("line_id", &["id", "lineid"]),
    (
        "sku",
        &["articlenumber", "itemnumber", "productcode", "variantsku", "itemcode", "code", "productid", "variantid"],
    ),
    ("title", &["name", "description", "productname", "label"]),
    ("quantity", &["qty", "count", "amount"]),
    ("unit_price", &["price", "priceperunit", "unitamount"]),
    ("discount", &["discountamount", "totaldiscount"]),
    ("tax", &["taxamount", "totaltax", "vat"]),
    ("rate", &["taxrate"]),
    ("amount", &["total", "value", "price", "gross"]),
    ("captured", &["amountcaptured", "capturedamount"]),
    ("refunded", &["amountrefunded", "refundedamount"]),
    ("method", &["paymentmethod", "type"]),
    ("failure_code", &["errorcode", "declinecode"]),
    ("failure_message", &["errormessage"]),
    ("order", &["ordernumber", "orderid", "orderreference", "orderref"]),
    ("payment", &["paymentid", "paymentreference", "charge", "chargeid", "transactionid"]),
    ("payout", &["payoutid", "settlementid"]),
    ("fee", &["fees", "feeamount"]),
    ("net", &["netamount", "amountnet"]),
    ("arrives_on", &["arrivaldate", "expectedon"]),
    ("location", &["locationid", "warehouse", "warehouseid", "store", "storeid", "site"]),
    ("on_hand", &["quantityonhand", "quantity", "stock", "qty", "instock", "stockquantity", "physical"]),
    ("available", &["availablequantity", "quantityavailable", "free", "sellable"]),
    ("committed", &["reserved", "allocated"]),
    ("price", &["unitprice", "salesprice", "amount"]),
    ("barcode", &["ean", "gtin", "upc"]),
    ("active", &["enabled", "isactive", "published"]),
    ("issued_on", &["issuedate", "invoicedate", "date", "documentdate"]),
    ("tracking_number", &["trackingno", "trackingcode", "tracking"]),
    ("shipped_at", &["shippedon", "shipdate", "dispatchedat", "createdat"]),
];

/// Names to look for, likeliest first.
pub(super) fn candidates(entity: Entity, field: &str) -> Vec<String> {
    let own = words(field).concat();
    // A processor's reference is its id; other members called so are the merchant's.
    let first = if field == "reference" && entity != Entity::Customer {
        vec!["id".to_owned(), own.clone()]
    } else {
        vec![own.clone()]
    };
    // An order in a shipment or a payment may be called by its number only there.
    let others = NAMES.iter().find(|(name, _)| *name == field).map(|(_, others)| *others).unwrap_or_default();
    let mut found = first;
    for other in others {
        if !found.iter().any(|known| known == other) {
            found.push((*other).to_owned());
        }
    }
    found
}

/// Words of vendors for canonical statuses, beyond those that are the same.
pub(super) fn status_of(vendor: &str, canonical: &[&'static str]) -> Option<(&'static str, bool)> {
    const SYNONYMS: [(&str, &[&str]); 30] = [
        ("open", &["confirmed", "pending", "unpaid", "unfulfilled", "needs_response", "scheduled"]),
        ("new", &["pending", "created", "unfulfilled"]),
        ("processing", &["confirmed", "in_progress", "pending"]),
        ("accepted", &["confirmed"]),
        ("approved", &["confirmed", "authorised"]),
        ("canceled", &["cancelled", "voided"]),
        ("cancelled", &["voided"]),
        ("complete", &["completed", "captured", "succeeded"]),
        ("completed", &["captured", "succeeded", "paid", "fulfilled"]),
        ("closed", &["completed"]),
        ("done", &["completed", "succeeded"]),
        ("finished", &["completed"]),
        ("hold", &["on_hold"]),
        ("authorized", &["authorised"]),
        ("succeeded", &["captured", "paid"]),
        ("success", &["captured", "succeeded"]),
        ("paid", &["captured"]),
        ("settled", &["captured", "paid"]),
        ("declined", &["failed"]),
        ("refused", &["failed"]),
        ("error", &["failed"]),
        ("shipped", &["in_transit", "fulfilled"]),
        ("fulfilled", &["delivered"]),
        ("partial", &["partially_paid", "partially_fulfilled"]),
        ("partially_shipped", &["partially_fulfilled"]),
        ("void", &["voided"]),
        ("ready", &["label_created", "pending"]),
        ("sent", &["in_transit"]),
        ("unshipped", &["unfulfilled"]),
        ("draft", &["pending"]),
    ];
    let word = words(vendor).join("_");
    if let Some(same) = canonical.iter().find(|value| **value == word) {
        return Some((same, true));
    }
    let meant = SYNONYMS.iter().find(|(name, _)| *name == word)?.1;
    meant.iter().find_map(|name| canonical.iter().find(|value| *value == name)).map(|value| (*value, false))
}
