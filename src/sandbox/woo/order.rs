//! An order of the WooCommerce shop, every version it has had, and what hangs on it: notes and refunds.
//!
//! Not here: its JSON (`json`) and what happens to it (`vendor`).

use crate::sandbox::catalogue::{Catalogue, pick};

/// `status`; core statuses only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// A cart of the block checkout: listed, but no order yet, and no webhook tells of it.
    CheckoutDraft,
    Pending,
    OnHold,
    Processing,
    Completed,
    Cancelled,
    Failed,
    Refunded,
}

impl Status {
    const ALL: [Status; 8] = [
        Status::CheckoutDraft,
        Status::Pending,
        Status::OnHold,
        Status::Processing,
        Status::Completed,
        Status::Cancelled,
        Status::Failed,
        Status::Refunded,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Status::CheckoutDraft => "checkout-draft",
            Status::Pending => "pending",
            Status::OnHold => "on-hold",
            Status::Processing => "processing",
            Status::Completed => "completed",
            Status::Cancelled => "cancelled",
            Status::Failed => "failed",
            Status::Refunded => "refunded",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        Status::ALL.into_iter().find(|status| status.word() == word)
    }

    /// Whether the articles of an order in this status are taken off the shop's stock.
    pub fn holds_stock(self) -> bool {
        match self {
            Status::OnHold | Status::Processing | Status::Completed | Status::Refunded => true,
            Status::CheckoutDraft | Status::Pending | Status::Cancelled | Status::Failed => false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub id: i64,
    /// Position in the catalogue.
    pub article: usize,
    pub quantity: i64,
    /// Before discount, without tax.
    pub subtotal_cents: i64,
    /// After discount, without tax.
    pub total_cents: i64,
    pub tax_cents: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub modified_s: i64,
    pub status: Status,
    pub paid_s: Option<i64>,
    pub completed_s: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    pub id: i64,
    pub amount_cents: i64,
    pub reason: String,
    pub created_s: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    pub id: i64,
    pub text: String,
    pub to_customer: bool,
    pub created_s: i64,
}

#[derive(Debug, Clone)]
pub struct WooOrder {
    pub id: i64,
    pub created_s: i64,
    /// Position among the shop's customers; `None` is a guest.
    pub customer: Option<usize>,
    pub email: String,
    pub lines: Vec<Line>,
    pub shipping_cents: i64,
    /// Oldest first, never empty.
    pub versions: Vec<Version>,
    pub refunds: Vec<Refund>,
    pub notes: Vec<Note>,
}

/// What a new order is made of.
#[derive(Debug, Clone)]
pub struct Cart {
    pub customer: usize,
    pub guest: bool,
    /// Article, quantity, whether a coupon takes a tenth off.
    pub picks: Vec<(usize, i64, bool)>,
    pub shipping_cents: i64,
    pub draft: bool,
}

impl Cart {
    /// One to four different articles of the catalogue's active ones.
    pub fn drawn(rng: &mut fastrand::Rng, catalogue: &Catalogue, customers: usize) -> Self {
        let mut articles: Vec<usize> = (0..catalogue.products().len()).collect();
        rng.shuffle(&mut articles);
        articles.truncate(rng.usize(1..=4));
        Cart {
            customer: rng.usize(0..customers.max(1)),
            guest: false,
            picks: articles.into_iter().map(|article| (article, rng.i64(1..=3), rng.u8(0..5) == 0)).collect(),
            shipping_cents: pick(rng, &[0, 0, 490, 1000]).unwrap_or(0),
            draft: rng.u8(0..8) == 0,
        }
    }
}

impl WooOrder {
    /// Prices are without tax; tax is added per line, rounded half up.
    pub fn lines(cart: &Cart, catalogue: &Catalogue, first_line_id: i64) -> Vec<Line> {
        let line = |(at, (article, quantity, coupon)): (usize, &(usize, i64, bool))| {
            let product = catalogue.product(*article)?;
            let subtotal_cents = product.price_cents * quantity;
            let total_cents = if *coupon { subtotal_cents - subtotal_cents / 10 } else { subtotal_cents };
            let tax_cents = (total_cents * product.vat_cents + 5_000) / 10_000;
            let id = first_line_id + at as i64;
            Some(Line { id, article: *article, quantity: *quantity, subtotal_cents, total_cents, tax_cents })
        };
        cart.picks.iter().enumerate().filter_map(line).collect()
    }

    /// Plugins may rewrite it; this shop has none.
    pub fn number(&self) -> String {
        self.id.to_string()
    }

    pub fn current(&self) -> Option<&Version> {
        self.versions.last()
    }

    pub fn status(&self) -> Status {
        self.current().map_or(Status::CheckoutDraft, |version| version.status)
    }

    pub fn modified_s(&self) -> i64 {
        self.current().map_or(self.created_s, |version| version.modified_s)
    }

    pub fn untaxed_cents(&self) -> i64 {
        self.lines.iter().map(|line| line.total_cents).sum::<i64>() + self.shipping_cents
    }

    pub fn tax_cents(&self) -> i64 {
        self.lines.iter().map(|line| line.tax_cents).sum()
    }

    pub fn discount_cents(&self) -> i64 {
        self.lines.iter().map(|line| line.subtotal_cents - line.total_cents).sum()
    }
}
