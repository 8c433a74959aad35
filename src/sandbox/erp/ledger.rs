//! The ERP's truth: every document with all its writes, stock per article, deliveries, and the snapshots it published.
//!
//! Not here: files (`stock_file`, `delivery_file`) and HTTP (`api`).

use std::collections::{BTreeMap, BTreeSet};

use super::body::{ErpBody, ErpLine};
use super::payment_body::ErpPayment;
use crate::sandbox::catalogue::Catalogue;

#[derive(Debug, Clone)]
pub struct ErpOrder {
    pub id: String,
    pub created_s: i64,
    pub updated_s: i64,
    pub body: ErpBody,
    /// Every document ever written here, oldest first, the current one last.
    pub writes: Vec<ErpBody>,
    /// Every payment state ever written here, oldest first.
    pub payments: Vec<ErpPayment>,
    pub shipped: bool,
}

impl ErpOrder {
    /// Paid for and not called off: may leave the warehouse.
    fn ready(&self) -> bool {
        let open = self.body.status != "cancelled" && !self.shipped;
        let payment = self.payments.last().map(|payment| payment.status.as_str());
        let paid = match payment {
            Some(status) => matches!(status, "captured" | "partially_refunded"),
            None => matches!(self.body.payment_status.as_deref(), Some("paid" | "partially_refunded")),
        };
        open && paid
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stock {
    /// Below zero when more was shipped than counted.
    pub on_hand: i64,
    pub reserved: i64,
}

impl Stock {
    pub fn available(self) -> i64 {
        (self.on_hand - self.reserved).max(0)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub number: i64,
    pub order_reference: String,
    pub carrier: &'static str,
    pub tracking_number: String,
    pub shipped_s: i64,
    pub lines: Vec<ErpLine>,
}

/// Available quantities, in catalogue order, as one valid file published them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub sequence: u64,
    pub available: Vec<i64>,
}

#[derive(Debug, Default)]
pub struct ErpLedger {
    pub orders: Vec<ErpOrder>,
    by_reference: BTreeMap<String, Vec<usize>>,
    unshipped: BTreeSet<usize>,
    /// Removed behind everybody's back: not shown any more.
    lost: BTreeSet<usize>,
    pub stock: Vec<Stock>,
    pub deliveries: Vec<Delivery>,
    /// Oldest first.
    pub snapshots: Vec<Snapshot>,
}

const FIRST_DELIVERY_NUMBER: i64 = 80_000_001;
const CARRIERS: &[&str] = &["DHL", "DPD", "GLS", "UPS"];

impl ErpLedger {
    pub fn new(catalogue: &Catalogue, rng: &mut fastrand::Rng) -> Self {
        let mut stock: Vec<Stock> =
            catalogue.products().iter().map(|_| Stock { on_hand: rng.i64(0..500), reserved: 0 }).collect();
        // One article was shipped before it was counted: its quantity is written with a trailing minus.
        if let Some(miscounted) = stock.get_mut(3) {
            miscounted.on_hand = -7;
        }
        ErpLedger { stock, ..ErpLedger::default() }
    }

    pub fn order(&self, id: &str) -> Option<&ErpOrder> {
        let index = index_of(id).filter(|index| !self.lost.contains(index))?;
        self.orders.get(index)
    }

    /// Removes the oldest shipped order that is still shown, and tells nobody. Returns its reference.
    pub fn lose(&mut self) -> Option<String> {
        let (index, order) =
            self.orders.iter().enumerate().find(|(index, order)| order.shipped && !self.lost.contains(index))?;
        self.lost.insert(index);
        Some(order.body.reference.clone())
    }

    /// Those that are shown, by id.
    pub fn shown(&self) -> impl Iterator<Item = &ErpOrder> {
        self.orders.iter().enumerate().filter(|(index, _)| !self.lost.contains(index)).map(|(_, order)| order)
    }

    pub fn by_reference(&self, reference: &str) -> impl Iterator<Item = &ErpOrder> {
        self.by_reference
            .get(reference)
            .into_iter()
            .flatten()
            .filter(|index| !self.lost.contains(index))
            .filter_map(|index| self.orders.get(*index))
    }

    pub fn references(&self) -> impl Iterator<Item = &String> {
        self.by_reference.keys()
    }

    /// A new document each time, even for a reference that is already there.
    pub fn create(&mut self, body: ErpBody, catalogue: &Catalogue, now_s: i64) -> &ErpOrder {
        let index = self.orders.len();
        self.by_reference.entry(body.reference.clone()).or_default().push(index);
        self.unshipped.insert(index);
        self.reserve(&body, catalogue, 1);
        self.orders.push(ErpOrder {
            id: format!("SO-{:06}", index + 1),
            created_s: now_s,
            updated_s: now_s,
            writes: vec![body.clone()],
            body,
            payments: Vec::new(),
            shipped: false,
        });
        &self.orders[index]
    }

    /// Replaces the whole document; the payment beside it stays.
    pub fn replace(&mut self, id: &str, body: ErpBody, catalogue: &Catalogue, now_s: i64) -> Option<&ErpOrder> {
        let index = index_of(id).filter(|index| !self.lost.contains(index))?;
        let before = self.orders.get(index)?;
        let (old, shipped) = (before.body.clone(), before.shipped);
        if !shipped {
            self.reserve(&old, catalogue, -1);
            self.reserve(&body, catalogue, 1);
        }
        let order = self.orders.get_mut(index)?;
        order.writes.push(body.clone());
        order.body = body;
        order.updated_s = now_s;
        Some(order)
    }

    pub fn set_payment(&mut self, id: &str, payment: ErpPayment, now_s: i64) -> Option<&ErpOrder> {
        let order = self.orders.get_mut(index_of(id)?)?;
        order.payments.push(payment);
        order.updated_s = now_s;
        Some(order)
    }

    /// Ships every order that is ready and was last touched before `touched_before_s`.
    pub fn ship(&mut self, catalogue: &Catalogue, touched_before_s: i64, now_s: i64) -> Vec<Delivery> {
        let due: Vec<usize> = self
            .unshipped
            .iter()
            .copied()
            .filter(|index| self.orders.get(*index).is_some_and(|o| o.ready() && o.updated_s <= touched_before_s))
            .collect();
        due.into_iter().filter_map(|index| self.ship_one(index, catalogue, now_s)).collect()
    }

    fn ship_one(&mut self, index: usize, catalogue: &Catalogue, now_s: i64) -> Option<Delivery> {
        let number = FIRST_DELIVERY_NUMBER + self.deliveries.len() as i64;
        let order = self.orders.get_mut(index)?;
        order.shipped = true;
        self.unshipped.remove(&index);
        let delivery = Delivery {
            number,
            order_reference: order.body.reference.clone(),
            carrier: CARRIERS[index % CARRIERS.len()],
            tracking_number: format!("00340{number:015}"),
            shipped_s: now_s,
            lines: order.body.lines.clone(),
        };
        for line in &delivery.lines {
            if let Some(stock) = catalogue.by_sku(&line.sku).and_then(|at| self.stock.get_mut(at)) {
                stock.on_hand -= line.quantity;
                stock.reserved -= line.quantity;
            }
        }
        self.deliveries.push(delivery.clone());
        Some(delivery)
    }

    /// Goods come in. What is sold out gets its whole shortage besides, so that a busy shop does not end with every
    /// quantity at 0 and nothing left to tell apart.
    pub fn receive(&mut self, product: usize, quantity: i64) {
        if let Some(stock) = self.stock.get_mut(product) {
            let shortage = (stock.reserved - stock.on_hand).max(0);
            stock.on_hand += shortage + quantity;
        }
    }

    fn reserve(&mut self, body: &ErpBody, catalogue: &Catalogue, sign: i64) {
        if body.status == "cancelled" {
            return;
        }
        for line in &body.lines {
            if let Some(stock) = catalogue.by_sku(&line.sku).and_then(|at| self.stock.get_mut(at)) {
                stock.reserved += sign * line.quantity;
            }
        }
    }
}

fn index_of(id: &str) -> Option<usize> {
    id.strip_prefix("SO-")?.parse::<usize>().ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::money::Currency;

    fn body(status: &str, quantity: i64) -> ErpBody {
        let line = ErpLine { sku: "MUG-01".to_owned(), quantity, unit_minor: 950, discount_minor: 0 };
        ErpBody {
            reference: "#1001".to_owned(),
            placed_s: 0,
            currency: Currency::Eur,
            total_minor: 950 * quantity,
            status: status.to_owned(),
            payment_status: Some("paid".to_owned()),
            email: None,
            name: None,
            lines: vec![line],
        }
    }

    fn ledger(on_hand: i64) -> (ErpLedger, Catalogue) {
        let catalogue = Catalogue::new(12);
        let stock = catalogue.products().iter().map(|_| Stock { on_hand, reserved: 0 }).collect();
        (ErpLedger { stock, ..ErpLedger::default() }, catalogue)
    }

    #[test]
    fn an_order_reserves_a_change_moves_and_a_cancellation_frees() {
        let (mut ledger, catalogue) = ledger(10);
        ledger.create(body("confirmed", 3), &catalogue, 0);
        assert_eq!(ledger.stock[0].available(), 7);
        assert!(ledger.replace("SO-000001", body("confirmed", 5), &catalogue, 1).is_some());
        assert_eq!(ledger.stock[0].available(), 5);
        assert!(ledger.replace("SO-000001", body("cancelled", 5), &catalogue, 2).is_some());
        assert_eq!(ledger.stock[0], Stock { on_hand: 10, reserved: 0 });
        assert!(ledger.ship(&catalogue, 9, 9).is_empty());
    }

    #[test]
    fn a_paid_order_is_shipped_once_and_may_leave_a_negative_count() {
        let (mut ledger, catalogue) = ledger(2);
        ledger.create(body("confirmed", 3), &catalogue, 5);
        assert!(ledger.ship(&catalogue, 4, 9).is_empty(), "touched too recently");
        assert_eq!(ledger.ship(&catalogue, 5, 9).len(), 1);
        assert!(ledger.ship(&catalogue, 9, 9).is_empty());
        assert_eq!(ledger.stock[0], Stock { on_hand: -1, reserved: 0 });
        assert_eq!(ledger.stock[0].available(), 0);
        ledger.receive(0, 4);
        assert_eq!(ledger.stock[0].available(), 4);
    }

    #[test]
    fn an_id_that_was_never_given_out_finds_nothing() {
        let (ledger, _) = ledger(0);
        for id in ["SO-000000", "SO-000001", "SO-x", "1", ""] {
            assert!(ledger.order(id).is_none(), "{id:?}");
        }
    }
}
