//! Payments, refunds, disputes, payouts, processor balances and bank lines: where the money is.

use crate::model::schema::FieldType::Timestamp;
use crate::model::schema::FieldType::{
    Bool, Currency, Date, Decimal, Integer, List, Money, Object, Quantity, Ref, Status, Text,
};
use crate::model::{
    BookingStatus, DisputeStatus, Entity, Field, FieldType, PaymentStatus, PayoutStatus, RefundStatus, Schema,
    StatusSet,
};

static PAYMENT_STATUS: StatusSet = PaymentStatus::SET;
static REFUND_STATUS: StatusSet = RefundStatus::SET;
static DISPUTE_STATUS: StatusSet = DisputeStatus::SET;
static PAYOUT_STATUS: StatusSet = PayoutStatus::SET;
static BOOKING_STATUS: StatusSet = BookingStatus::SET;

pub(crate) static PAYMENT: Schema = Schema {
    entity: Entity::Payment,
    natural_key: &["reference"],
    doc: "One payment with a processor: authorised, captured, refunded.",
    fields: &[
        Field::new("reference", Text, "The processor's id").required(),
        Field::new("order", Ref(Entity::Order), "Number of the order it pays"),
        Field::new("amount", Money, "What was to be paid").required(),
        Field::new("captured", Money, "What was taken"),
        Field::new("refunded", Money, "What was given back"),
        Field::new("currency", Currency, "Currency of all its amounts").required(),
        Field::new("status", Status(&PAYMENT_STATUS), "Where it stands").required(),
        Field::new("method", Text, "Card, wallet, transfer, ... in the processor's word"),
        Field::new("failure_code", Text, "Why it failed, in the processor's code"),
        Field::new("failure_message", Text, "Why it failed, in words"),
        Field::new("created_at", Timestamp, "When it was begun"),
        Field::new("changed_at", Timestamp, "Last change at the processor").volatile(),
    ],
};

static REFUND_LINE: &[Field] = &[
    Field::new("sku", Ref(Entity::Product), "The variant"),
    Field::new("quantity", Quantity, "How many came back").required(),
    Field::new("amount", Money, "What was given back for them"),
];
static REFUND_LINES: FieldType = Object(REFUND_LINE);

pub(crate) static REFUND: Schema = Schema {
    entity: Entity::Refund,
    natural_key: &["reference"],
    doc: "Money given back for a payment.",
    fields: &[
        Field::new("reference", Text, "The id where the refund was made").required(),
        Field::new("payment", Ref(Entity::Payment), "The payment it gives back"),
        Field::new("order", Ref(Entity::Order), "Number of the order"),
        Field::new("amount", Money, "What is given back, positive").required(),
        Field::new("currency", Currency, "Currency of all its amounts").required(),
        Field::new("status", Status(&REFUND_STATUS), "Where it stands").required(),
        Field::new("reason", Text, "Why"),
        Field::new("lines", List(&REFUND_LINES), "What it is for"),
        Field::new("created_at", Timestamp, "When it was begun"),
        Field::new("changed_at", Timestamp, "Last change in the system of origin").volatile(),
    ],
};

pub(crate) static DISPUTE: Schema = Schema {
    entity: Entity::Dispute,
    natural_key: &["reference"],
    doc: "A payment contested by the payer's bank.",
    fields: &[
        Field::new("reference", Text, "The processor's id").required(),
        Field::new("payment", Ref(Entity::Payment), "The contested payment"),
        Field::new("amount", Money, "What is contested").required(),
        Field::new("currency", Currency, "Currency of all its amounts").required(),
        Field::new("status", Status(&DISPUTE_STATUS), "Where it stands").required(),
        Field::new("reason", Text, "The bank's reason"),
        Field::new("due_at", Timestamp, "Until when to answer"),
        Field::new("created_at", Timestamp, "When it was opened"),
        Field::new("changed_at", Timestamp, "Last change at the processor").volatile(),
    ],
};

pub(crate) static PAYOUT: Schema = Schema {
    entity: Entity::Payout,
    natural_key: &["reference"],
    doc: "Money a processor sends to the merchant's bank.",
    fields: &[
        Field::new("reference", Text, "The processor's id").required(),
        Field::new("amount", Money, "What is sent; negative when the processor takes").required(),
        Field::new("currency", Currency, "Currency").required(),
        Field::new("status", Status(&PAYOUT_STATUS), "Where it stands").required(),
        Field::new("arrives_on", Date, "When the bank should have it"),
        Field::new("bank_reference", Text, "What the bank statement will show"),
        Field::new("created_at", Timestamp, "When it was begun"),
        Field::new("changed_at", Timestamp, "Last change at the processor").volatile(),
    ],
};

pub(crate) static BALANCE_TRANSACTION: Schema = Schema {
    entity: Entity::BalanceTransaction,
    natural_key: &["reference"],
    doc: "One line of a processor's balance: the parts a payout is made of.",
    fields: &[
        Field::new("reference", Text, "The processor's id").required(),
        Field::new("payout", Ref(Entity::Payout), "The payout it is part of"),
        Field::new("category", Text, "Charge, refund, fee, dispute, payout, ... in the processor's word").required(),
        Field::new("amount", Money, "Before fees, signed").required(),
        Field::new("fee", Money, "What the processor keeps, positive"),
        Field::new("net", Money, "Amount less fee, signed").required(),
        Field::new("currency", Currency, "Settlement currency").required(),
        Field::new("exchange_rate", Decimal, "Settlement amount for one unit of the presentment currency"),
        Field::new("payment", Ref(Entity::Payment), "The payment it comes from"),
        Field::new("order", Ref(Entity::Order), "Number of the order it comes from"),
        Field::new("source", Text, "The processor's id of what caused it"),
        Field::new("created_at", Timestamp, "When it was booked"),
        Field::new("available_at", Timestamp, "From when it can be paid out"),
    ],
};

static BANK_LINE_PART: &[Field] = &[
    Field::new("amount", Money, "Credit positive, debit negative"),
    Field::new("bank_reference", Text, "The bank's own reference"),
    Field::new("end_to_end_reference", Text, "Reference given by the payer"),
    Field::new("counterparty", Text, "Who paid or was paid").personal(),
    Field::new("counterparty_account", Text, "Their account").personal(),
    Field::new("purpose", Text, "Remittance information").personal(),
];
static BANK_LINE_PARTS: FieldType = Object(BANK_LINE_PART);

pub(crate) static BANK_LINE: Schema = Schema {
    entity: Entity::BankLine,
    natural_key: &["account", "reference"],
    doc: "One line of a bank statement.",
    fields: &[
        Field::new("account", Text, "The merchant's account: IBAN or number").required(),
        Field::new("reference", Text, "Which line it is: statement, page and line, the same whenever it is read")
            .required(),
        Field::new("booked_on", Date, "Booking day").required(),
        Field::new("value_on", Date, "Value day"),
        Field::new("amount", Money, "Credit positive, debit negative").required(),
        Field::new("currency", Currency, "Currency of the account").required(),
        Field::new("status", Status(&BOOKING_STATUS), "Whether it counts for the balance"),
        Field::new("reversal", Bool, "Takes back an earlier line; the amount has its own sign"),
        Field::new("code", Text, "Kind of booking, in the bank's code"),
        Field::new("bank_reference", Text, "The bank's own reference; not unique"),
        Field::new("customer_reference", Text, "Reference that the merchant gave, or the batch's"),
        Field::new("counterparty", Text, "Who paid or was paid").personal(),
        Field::new("counterparty_account", Text, "Their account").personal(),
        Field::new("purpose", Text, "Remittance information").personal(),
        Field::new("end_to_end_reference", Text, "Reference given by the payer"),
        Field::new("charges", Money, "What the bank kept, positive, in the account's currency"),
        Field::new("parts", List(&BANK_LINE_PARTS), "What a batch booking is made of"),
        Field::new("part_count", Integer, "How many, also where the bank does not list them"),
        Field::new("statement", Text, "The statement it is on"),
        Field::new("statement_page", Integer, "Its page"),
        Field::new("statement_line", Integer, "Its place on the page"),
        Field::new("statement_opening", Money, "Balance before this page's first line"),
        Field::new("statement_closing", Money, "Balance after this page's last line"),
        Field::new("statement_closed_on", Date, "Day of the closing balance"),
    ],
};
