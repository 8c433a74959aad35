//! An order of the shop and every version it has had.
//!
//! Not here: how it looks on the wire (`order_json`).

use crate::sandbox::catalogue::{Catalogue, pick};
use crate::sandbox::money::Currency;
use crate::sandbox::people::Person;

/// Between an order's id and that of its fulfilment order.
pub const FULFILMENT_ORDER_OFFSET: i64 = 1_000_000_000_000;

/// `financial_status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Financial {
    Pending,
    Authorized,
    Paid,
    PartiallyRefunded,
    Refunded,
    Voided,
}

impl Financial {
    /// Shopify's REST word.
    pub fn word(self) -> &'static str {
        match self {
            Financial::Pending => "pending",
            Financial::Authorized => "authorized",
            Financial::Paid => "paid",
            Financial::PartiallyRefunded => "partially_refunded",
            Financial::Refunded => "refunded",
            Financial::Voided => "voided",
        }
    }

    /// The ERP's word for the same state, by the status vocabulary.
    pub fn erp_word(self) -> &'static str {
        match self {
            Financial::Pending => "pending",
            Financial::Authorized => "authorised",
            Financial::Paid => "paid",
            Financial::PartiallyRefunded => "partially_refunded",
            Financial::Refunded => "refunded",
            Financial::Voided => "voided",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub id: i64,
    /// Position in the catalogue.
    pub product: usize,
    pub quantity: i64,
    pub unit_minor: i64,
    /// Discount on the whole line.
    pub discount_minor: i64,
}

impl Line {
    pub fn gross_minor(&self) -> i64 {
        self.unit_minor * self.quantity - self.discount_minor
    }

    /// Tax contained in the gross amount, rounded half up.
    pub fn tax_minor(&self, vat_cents: i64) -> i64 {
        let divisor = 10_000 + vat_cents;
        (self.gross_minor() * vat_cents + divisor / 2) / divisor
    }
}

/// What can change in an order's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderVersion {
    pub updated_s: i64,
    pub financial: Financial,
    pub cancelled: bool,
    /// Counts the customer's corrections of their e-mail address.
    pub email_revision: u32,
    /// Changes that no other system needs to hear of.
    pub note: Option<String>,
    pub fulfilled: bool,
}

#[derive(Debug, Clone)]
pub struct ShopOrder {
    pub id: i64,
    pub number: i64,
    pub placed_s: i64,
    pub currency: Currency,
    pub customer: Person,
    pub lines: Vec<Line>,
    pub shipping_minor: i64,
    pub cancelled_s: Option<i64>,
    /// Oldest first, never empty.
    pub versions: Vec<OrderVersion>,
    pub current: OrderVersion,
}

/// What a new order is made of, drawn before the ledger is locked.
#[derive(Debug, Clone)]
pub struct Basket {
    pub currency: Currency,
    pub customer: Person,
    /// Product, quantity, whether the line is discounted.
    pub picks: Vec<(usize, i64, bool)>,
    pub shipping_cents: i64,
}

impl Basket {
    /// One to five different articles.
    pub fn drawn(rng: &mut fastrand::Rng, catalogue: &Catalogue, currencies: &[(Currency, u32)]) -> Self {
        let mut products: Vec<usize> = (0..catalogue.products().len()).collect();
        rng.shuffle(&mut products);
        products.truncate(rng.usize(1..=5));
        let picks = products.into_iter().map(|product| (product, rng.i64(1..=3), rng.u8(0..5) == 0)).collect();
        let customer_id = 6_900_000_000_000 + rng.i64(1..100_000_000);
        Basket {
            currency: weighted(rng, currencies),
            customer: Person::drawn(rng, customer_id),
            picks,
            shipping_cents: pick(rng, &[0, 0, 490, 690]).unwrap_or(0),
        }
    }
}

fn weighted(rng: &mut fastrand::Rng, currencies: &[(Currency, u32)]) -> Currency {
    let total: u32 = currencies.iter().map(|(_, weight)| weight).sum();
    let mut left = if total == 0 { 0 } else { rng.u32(0..total) };
    for (currency, weight) in currencies {
        if left < *weight {
            return *currency;
        }
        left -= weight;
    }
    Currency::Eur
}

impl ShopOrder {
    pub fn placed(id: i64, number: i64, placed_s: i64, basket: &Basket, catalogue: &Catalogue) -> Self {
        let lines = basket.picks.iter().enumerate().filter_map(|(position, (product, quantity, discounted))| {
            let unit_minor = basket.currency.price_from_cents(catalogue.product(*product)?.price_cents);
            let discount_minor = if *discounted { basket.currency.movable(unit_minor * quantity / 10) } else { 0 };
            let line_id = id * 10 + position as i64;
            Some(Line { id: line_id, product: *product, quantity: *quantity, unit_minor, discount_minor })
        });
        let first = OrderVersion {
            updated_s: placed_s,
            financial: Financial::Pending,
            cancelled: false,
            email_revision: 0,
            note: None,
            fulfilled: false,
        };
        ShopOrder {
            id,
            number,
            placed_s,
            currency: basket.currency,
            customer: basket.customer.clone(),
            lines: lines.collect(),
            shipping_minor: basket.currency.price_from_cents(basket.shipping_cents),
            cancelled_s: None,
            versions: vec![first.clone()],
            current: first,
        }
    }

    /// `#1001`: the reference by which every other system knows this order.
    pub fn name(&self) -> String {
        format!("#{}", self.number)
    }

    pub fn subtotal_minor(&self) -> i64 {
        self.lines.iter().map(Line::gross_minor).sum()
    }

    pub fn total_minor(&self) -> i64 {
        self.subtotal_minor() + self.shipping_minor
    }

    pub fn discounts_minor(&self) -> i64 {
        self.lines.iter().map(|line| line.discount_minor).sum()
    }

    /// One fulfilment order per order, as a shop with one location has it.
    pub fn fulfilment_order_id(&self) -> i64 {
        self.id + FULFILMENT_ORDER_OFFSET
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_add_up_and_dinars_stay_movable() {
        let catalogue = Catalogue::new(50);
        let mut rng = fastrand::Rng::with_seed(3);
        for number in 0..500 {
            let basket = Basket::drawn(&mut rng, &catalogue, &[(Currency::Kwd, 1), (Currency::Eur, 1)]);
            let order = ShopOrder::placed(number, number, 0, &basket, &catalogue);
            let listed: i64 = order.lines.iter().map(|l| l.unit_minor * l.quantity).sum();
            assert_eq!(order.total_minor(), listed - order.discounts_minor() + order.shipping_minor);
            assert!(order.total_minor() > 0);
            if order.currency == Currency::Kwd {
                assert_eq!(order.total_minor() % 10, 0);
            }
        }
    }
}
