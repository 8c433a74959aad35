//! The closed list of things the hub keeps in agreement between systems.
//!
//! Not here: their fields (see `tables`).

use std::fmt;

macro_rules! entities {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)+) => {
        /// A kind of business object. The text form is used in configuration, in the store and in the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Entity { $($(#[$doc])* $variant,)+ }

        impl Entity {
            pub const ALL: &'static [Entity] = &[$(Entity::$variant,)+];

            pub const fn as_str(self) -> &'static str {
                match self { $(Entity::$variant => $text,)+ }
            }

            pub fn parse(text: &str) -> Option<Entity> {
                match text { $($text => Some(Entity::$variant),)+ _ => None }
            }
        }
    };
}

entities! {
    /// What a customer bought, with its lines and totals.
    Order = "order",
    /// One payment with a processor: authorised, captured, refunded.
    Payment = "payment",
    /// Money given back for a payment.
    Refund = "refund",
    /// How much of one product lies at one location, by named state.
    InventoryLevel = "inventory_level",
    /// One sellable variant.
    Product = "product",
    /// What one product costs on one price list.
    Price = "price",
    /// A person or company that buys.
    Customer = "customer",
    /// One shipment of an order.
    Fulfilment = "fulfilment",
    /// A payment contested by the payer's bank.
    Dispute = "dispute",
    /// Money a processor sends to the merchant's bank.
    Payout = "payout",
    /// One line of a processor's balance: the parts a payout is made of.
    BalanceTransaction = "balance_transaction",
    /// An invoice or credit note.
    Invoice = "invoice",
    /// One line of a bank statement.
    BankLine = "bank_line",
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Entity {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Entity {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        Entity::parse(&text).ok_or_else(|| serde::de::Error::custom(format_args!("{text:?} is not an entity")))
    }
}
