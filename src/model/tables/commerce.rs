//! Orders, customers and invoices: what is between a merchant and those who buy.

use crate::model::schema::FieldType::{
    Bool, Currency, Date, Decimal, List, Money, Object, Quantity, Ref, Status, Text,
};
use crate::model::schema::FieldType::{Timestamp, UnitPrice};
use crate::model::{Entity, Field, FieldType, InvoiceKind, OrderFinancial, OrderFulfilment, OrderLifecycle, Schema};

static LIFECYCLE: crate::model::StatusSet = OrderLifecycle::SET;
static FINANCIAL: crate::model::StatusSet = OrderFinancial::SET;
static FULFILMENT: crate::model::StatusSet = OrderFulfilment::SET;
static INVOICE_KIND: crate::model::StatusSet = InvoiceKind::SET;

static ADDRESS: &[Field] = &[
    Field::new("name", Text, "Full name of the addressee").personal(),
    Field::new("company", Text, "Company").personal(),
    Field::new("street", Text, "Street and house number").personal(),
    Field::new("street2", Text, "Second address line").personal(),
    Field::new("postal_code", Text, "Postal code, leading zeros kept").personal(),
    Field::new("city", Text, "City").personal(),
    Field::new("region", Text, "State or province"),
    Field::new("country", Text, "Country as ISO 3166-1 alpha-2 code"),
    Field::new("phone", Text, "Phone number of the addressee").personal(),
];

static ORDER_CUSTOMER: &[Field] = &[
    Field::new("email", Ref(Entity::Customer), "E-mail address: the customer's natural key").personal(),
    Field::new("name", Text, "Full name").personal(),
    Field::new("phone", Text, "Phone number").personal(),
    Field::new("reference", Text, "The customer's number or id in the system of origin"),
];

static ORDER_LINE: &[Field] = &[
    Field::new("line_id", Text, "Id of the line in the system of origin"),
    Field::new("sku", Ref(Entity::Product), "The variant that was bought; absent on custom lines"),
    Field::new("title", Text, "What the customer read"),
    Field::new("quantity", Quantity, "How many were ordered").required(),
    Field::new("unit_price", UnitPrice, "Price of one unit before discount"),
    Field::new("discount", Money, "Discount on the whole line, positive"),
    Field::new("tax", Money, "Tax on the whole line"),
    Field::new("total", Money, "Total of the line"),
];
static ORDER_LINES: FieldType = Object(ORDER_LINE);

static TAX: &[Field] = &[
    Field::new("title", Text, "Name of the tax"),
    Field::new("rate", Decimal, "Rate as a fraction: 0.19"),
    Field::new("amount", Money, "Tax charged").required(),
];
static TAXES: FieldType = Object(TAX);

pub(crate) static ORDER: Schema = Schema {
    entity: Entity::Order,
    natural_key: &["number"],
    doc: "What a customer bought, with its lines and totals.",
    fields: &[
        Field::new("number", Text, "Order number as customer and merchant know it").required(),
        Field::new("placed_at", Timestamp, "When the customer placed it").required(),
        Field::new("updated_at", Timestamp, "Last change in the system of origin").volatile(),
        Field::new("currency", Currency, "Currency of all its amounts").required(),
        Field::new("total", Money, "What the customer owes in all").required(),
        Field::new("subtotal", Money, "Total of the lines after discounts, before shipping"),
        Field::new("tax_total", Money, "Tax in all"),
        Field::new("shipping_total", Money, "Shipping in all"),
        Field::new("discount_total", Money, "Discounts in all, positive"),
        Field::new("status", Status(&LIFECYCLE), "Where it stands as a promise"),
        Field::new("payment_status", Status(&FINANCIAL), "Where its money stands"),
        Field::new("fulfilment_status", Status(&FULFILMENT), "Where its goods stand"),
        Field::new("cancelled_at", Timestamp, "When it was cancelled"),
        Field::new("customer", Object(ORDER_CUSTOMER), "Who bought"),
        Field::new("shipping_address", Object(ADDRESS), "Where the goods go"),
        Field::new("billing_address", Object(ADDRESS), "Where the invoice goes"),
        Field::new("lines", List(&ORDER_LINES), "What was bought"),
        Field::new("taxes", List(&TAXES), "Taxes by kind"),
        Field::new("note", Text, "What the customer wrote").personal(),
    ],
};

pub(crate) static CUSTOMER: Schema = Schema {
    entity: Entity::Customer,
    natural_key: &["email"],
    doc: "A person or company that buys.",
    fields: &[
        Field::new("email", Text, "E-mail address").required().personal(),
        Field::new("name", Text, "Full name").personal(),
        Field::new("first_name", Text, "First name").personal(),
        Field::new("last_name", Text, "Last name").personal(),
        Field::new("company", Text, "Company").personal(),
        Field::new("phone", Text, "Phone number").personal(),
        Field::new("reference", Text, "The customer's number or id in the system of origin"),
        Field::new("vat_id", Text, "VAT identification number"),
        Field::new("blocked", Bool, "May not order"),
        Field::new("billing_address", Object(ADDRESS), "Where invoices go"),
        Field::new("shipping_address", Object(ADDRESS), "Where goods go"),
        Field::new("created_at", Timestamp, "When the customer was first known"),
        Field::new("updated_at", Timestamp, "Last change in the system of origin").volatile(),
    ],
};

static INVOICE_LINE: &[Field] = &[
    Field::new("sku", Ref(Entity::Product), "The variant"),
    Field::new("title", Text, "What the invoice says"),
    Field::new("quantity", Quantity, "How many").required(),
    Field::new("unit_price", UnitPrice, "Price of one unit"),
    Field::new("tax", Money, "Tax on the whole line"),
    Field::new("total", Money, "Total of the line"),
];
static INVOICE_LINES: FieldType = Object(INVOICE_LINE);

pub(crate) static INVOICE: Schema = Schema {
    entity: Entity::Invoice,
    natural_key: &["number"],
    doc: "An invoice or credit note.",
    fields: &[
        Field::new("number", Text, "Document number").required(),
        Field::new("kind", Status(&INVOICE_KIND), "Invoice or credit note").required(),
        Field::new("order", Ref(Entity::Order), "The order it bills"),
        Field::new("issued_on", Date, "Document date"),
        Field::new("due_on", Date, "When it is to be paid"),
        Field::new("currency", Currency, "Currency of all its amounts").required(),
        Field::new("total", Money, "What it asks for, positive also on a credit note").required(),
        Field::new("tax_total", Money, "Tax in all"),
        Field::new("open_amount", Money, "What is still to be paid"),
        Field::new("payment_status", Status(&FINANCIAL), "Where its money stands"),
        Field::new("customer", Object(ORDER_CUSTOMER), "Who is billed"),
        Field::new("lines", List(&INVOICE_LINES), "What is billed"),
        Field::new("updated_at", Timestamp, "Last change in the system of origin").volatile(),
    ],
};
