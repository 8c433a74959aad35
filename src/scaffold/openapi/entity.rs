//! Which canonical entity a list's name means; not here: its fields (`fields`).

use crate::model::Entity;
use crate::scaffold::text::{singular, words};

/// Whole names, in the singular.
const NAMES: [(&str, Entity); 32] = [
    ("order", Entity::Order),
    ("sales_order", Entity::Order),
    ("payment", Entity::Payment),
    ("charge", Entity::Payment),
    ("refund", Entity::Refund),
    ("inventory", Entity::InventoryLevel),
    ("inventory_level", Entity::InventoryLevel),
    ("stock", Entity::InventoryLevel),
    ("stock_level", Entity::InventoryLevel),
    ("product", Entity::Product),
    ("article", Entity::Product),
    ("variant", Entity::Product),
    ("item", Entity::Product),
    ("price", Entity::Price),
    ("customer", Entity::Customer),
    ("contact", Entity::Customer),
    ("client", Entity::Customer),
    ("fulfilment", Entity::Fulfilment),
    ("fulfillment", Entity::Fulfilment),
    ("shipment", Entity::Fulfilment),
    ("delivery", Entity::Fulfilment),
    ("dispute", Entity::Dispute),
    ("chargeback", Entity::Dispute),
    ("payout", Entity::Payout),
    ("settlement", Entity::Payout),
    ("balance_transaction", Entity::BalanceTransaction),
    ("balance_entry", Entity::BalanceTransaction),
    ("invoice", Entity::Invoice),
    ("bill", Entity::Invoice),
    ("bank_line", Entity::BankLine),
    ("bank_transaction", Entity::BankLine),
    ("statement_line", Entity::BankLine),
];
/// Words that mean the same at the end of a longer name.
const LAST: [(&str, Entity); 9] = [
    ("order", Entity::Order),
    ("payment", Entity::Payment),
    ("refund", Entity::Refund),
    ("product", Entity::Product),
    ("customer", Entity::Customer),
    ("shipment", Entity::Fulfilment),
    ("dispute", Entity::Dispute),
    ("payout", Entity::Payout),
    ("invoice", Entity::Invoice),
];

/// The entity, and whether its own name says so.
pub(super) fn entity(segment: &str) -> Option<(Entity, bool)> {
    let words: Vec<String> = words(segment).iter().map(|word| singular(word)).collect();
    let whole = words.join("_");
    if let Some((_, entity)) = NAMES.iter().find(|(name, _)| *name == whole) {
        return Some((*entity, entity.as_str() == whole));
    }
    let last = words.last()?;
    LAST.iter().find(|(name, _)| name == last).map(|(_, entity)| (*entity, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_entities() {
        assert_eq!(entity("Orders"), Some((Entity::Order, true)));
        assert_eq!(entity("deliveries"), Some((Entity::Fulfilment, false)));
        assert_eq!(entity("inventoryLevels"), Some((Entity::InventoryLevel, true)));
        assert_eq!(entity("draft_orders"), Some((Entity::Order, false)));
        assert_eq!(entity("order_items"), None);
    }
}
