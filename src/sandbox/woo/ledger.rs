//! The shop's truth: customers, orders, articles with their stock, and registered webhooks.
//!
//! Not here: HTTP and sending webhooks.

use super::order::{Cart, Note, Refund, Status, Version, WooOrder};
use crate::sandbox::catalogue::Catalogue;
use crate::sandbox::clock;
use crate::sandbox::people::Person;

const FIRST_ORDER_ID: i64 = 727;
const FIRST_CUSTOMER_ID: i64 = 25;
const FIRST_PRODUCT_ID: i64 = 93;
/// Parents of variations; each has one, which is enough to need the longer address.
const FIRST_PARENT_ID: i64 = 5_093;
/// Each fourth article is a variation.
const VARIATION_EVERY: usize = 4;

/// A sellable article: a simple product, or a variation of a variable one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WooItem {
    pub id: i64,
    pub parent_id: Option<i64>,
    pub stock: i64,
    pub modified_s: i64,
    /// Every quantity the hub has set, oldest first.
    pub set: Vec<i64>,
}

#[derive(Debug, Clone)]
pub struct Customer {
    pub id: i64,
    pub person: Person,
    pub created_s: i64,
}

impl Customer {
    pub fn email(&self) -> String {
        self.person.email(0)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    pub id: i64,
    pub name: String,
    pub topic: String,
    pub address: String,
    pub secret: String,
    /// `active`, `paused` or `disabled`.
    pub status: &'static str,
    pub failures: u32,
    pub created_s: i64,
}

#[derive(Debug, Default)]
pub struct WooLedger {
    pub customers: Vec<Customer>,
    pub orders: Vec<WooOrder>,
    /// One per article, in catalogue order.
    pub items: Vec<WooItem>,
    pub hooks: Vec<Hook>,
    last_id: i64,
}

impl WooLedger {
    /// Stock as some earlier time left it: wrong for every article until the hub sets it.
    pub fn new(catalogue: &Catalogue, customers: usize, rng: &mut fastrand::Rng) -> Self {
        let now_s = clock::now_s();
        let mut ledger = WooLedger { last_id: 40_000, ..WooLedger::default() };
        for at in 0..catalogue.products().len() {
            let number = at as i64;
            let parent_id = (at % VARIATION_EVERY == VARIATION_EVERY - 1).then_some(FIRST_PARENT_ID + number);
            let stock = rng.i64(100_000..101_000);
            let item = WooItem {
                id: FIRST_PRODUCT_ID + number,
                parent_id,
                stock,
                modified_s: now_s - 86_400,
                set: Vec::new(),
            };
            ledger.items.push(item);
        }
        for _ in 0..customers {
            ledger.register(rng, now_s - 3_600);
        }
        ledger
    }

    pub fn register(&mut self, rng: &mut fastrand::Rng, created_s: i64) -> usize {
        let id = FIRST_CUSTOMER_ID + self.customers.len() as i64;
        let person = Person::drawn(rng, id);
        self.customers.push(Customer { id, person, created_s });
        self.customers.len() - 1
    }

    pub fn next_id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }

    pub fn order(&self, id: i64) -> Option<&WooOrder> {
        usize::try_from(id - FIRST_ORDER_ID).ok().and_then(|index| self.orders.get(index))
    }

    pub fn order_mut(&mut self, id: i64) -> Option<&mut WooOrder> {
        usize::try_from(id - FIRST_ORDER_ID).ok().and_then(|index| self.orders.get_mut(index))
    }

    pub fn item(&self, id: i64) -> Option<usize> {
        self.items.iter().position(|item| item.id == id)
    }

    pub fn parent(&self, id: i64) -> Option<usize> {
        self.items.iter().position(|item| item.parent_id == Some(id))
    }

    pub fn place(&mut self, cart: &Cart, catalogue: &Catalogue) -> i64 {
        let id = FIRST_ORDER_ID + self.orders.len() as i64;
        let now_s = clock::now_s();
        let first_line_id = self.last_id + 1;
        let lines = WooOrder::lines(cart, catalogue, first_line_id);
        self.last_id += lines.len() as i64;
        let email = match (cart.guest, self.customers.get(cart.customer)) {
            (false, Some(customer)) => customer.email(),
            (true | false, _) => format!("guest{id}@example.com"),
        };
        let status = if cart.draft { Status::CheckoutDraft } else { Status::Pending };
        self.orders.push(WooOrder {
            id,
            created_s: now_s,
            customer: (!cart.guest).then_some(cart.customer),
            email,
            lines,
            shipping_cents: cart.shipping_cents,
            versions: vec![Version { modified_s: now_s, status, paid_s: None, completed_s: None }],
            refunds: Vec::new(),
            notes: Vec::new(),
        });
        id
    }

    /// A new version of an order; stock follows its status. False if there is no such order.
    pub fn change(&mut self, id: i64, status: Status) -> bool {
        let Some(order) = self.order_mut(id) else { return false };
        let Some(before) = order.current().cloned() else { return false };
        let now_s = clock::now_s().max(before.modified_s);
        let pays = matches!(status, Status::Processing | Status::Completed);
        order.versions.push(Version {
            modified_s: now_s,
            status,
            paid_s: before.paid_s.or_else(|| pays.then_some(now_s)),
            completed_s: before.completed_s.or_else(|| (status == Status::Completed).then_some(now_s)),
        });
        let direction = match (before.status.holds_stock(), status.holds_stock()) {
            (false, true) => -1,
            (true, false) => 1,
            (true, true) | (false, false) => 0,
        };
        let moves: Vec<(usize, i64)> = order.lines.iter().map(|l| (l.article, l.quantity * direction)).collect();
        for (article, moved) in moves.into_iter().filter(|(_, moved)| *moved != 0) {
            if let Some(item) = self.items.get_mut(article) {
                item.stock += moved;
                item.modified_s = now_s.max(item.modified_s);
            }
        }
        true
    }

    /// Money goes back: a child of the order. In full it moves the order to `refunded`, in part it only touches it.
    pub fn refund(&mut self, id: i64, amount_cents: i64, reason: &str) -> bool {
        let refund_id = self.next_id();
        let Some(order) = self.order_mut(id) else { return false };
        let reason = reason.to_owned();
        order.refunds.push(Refund { id: refund_id, amount_cents, reason, created_s: clock::now_s() });
        let total = order.untaxed_cents() + order.tax_cents();
        let given_back: i64 = order.refunds.iter().map(|refund| refund.amount_cents).sum();
        let status = if given_back >= total { Status::Refunded } else { order.status() };
        self.change(id, status)
    }

    pub fn note(&mut self, id: i64, text: &str, to_customer: bool) -> Option<&Note> {
        let note_id = self.next_id();
        let order = self.order_mut(id)?;
        order.notes.push(Note { id: note_id, text: text.to_owned(), to_customer, created_s: clock::now_s() });
        order.notes.last()
    }

    pub fn set_stock(&mut self, article: usize, quantity: i64) {
        if let Some(item) = self.items.get_mut(article) {
            item.stock = quantity;
            item.modified_s = clock::now_s().max(item.modified_s);
            item.set.push(quantity);
        }
    }
}
