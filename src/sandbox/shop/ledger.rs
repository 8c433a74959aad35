//! The shop's truth: orders, stock levels, fulfilments and webhook subscriptions, with their indices.
//!
//! Not here: HTTP and webhooks.

use std::collections::BTreeSet;

use super::order::{Basket, FULFILMENT_ORDER_OFFSET, OrderVersion, ShopOrder};
use crate::sandbox::catalogue::Catalogue;
use crate::sandbox::clock;

pub const LOCATION_ID: i64 = 655_441_491;
const FIRST_ORDER_ID: i64 = 5_100_000_000_000;
const FIRST_ORDER_NUMBER: i64 = 1001;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    pub available: i64,
    pub updated_s: i64,
    /// Every value the hub has set, oldest first.
    pub set: Vec<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fulfilment {
    pub id: i64,
    pub order_id: i64,
    pub tracking_number: Option<String>,
    pub tracking_company: Option<String>,
    pub created_s: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    pub id: i64,
    pub topic: String,
    pub address: String,
    pub created_s: i64,
}

#[derive(Debug, Default)]
pub struct ShopLedger {
    orders: Vec<ShopOrder>,
    by_update: BTreeSet<(i64, i64)>,
    /// One per product, in catalogue order.
    pub levels: Vec<Level>,
    pub fulfilments: Vec<Fulfilment>,
    pub subscriptions: Vec<Subscription>,
    last_id: i64,
}

impl ShopLedger {
    /// Stock levels start out as some earlier night left them: wrong for every article until the hub sets them.
    pub fn new(catalogue: &Catalogue, rng: &mut fastrand::Rng) -> Self {
        let now_s = clock::now_s();
        let level = |_| Level { available: rng.i64(3_000..4_000), updated_s: now_s - 86_400, set: Vec::new() };
        ShopLedger { levels: catalogue.products().iter().map(level).collect(), ..ShopLedger::default() }
    }

    pub fn orders(&self) -> &[ShopOrder] {
        &self.orders
    }

    pub fn order(&self, id: i64) -> Option<&ShopOrder> {
        usize::try_from(id - FIRST_ORDER_ID).ok().and_then(|index| self.orders.get(index))
    }

    pub fn order_by_fulfilment_order(&self, id: i64) -> Option<&ShopOrder> {
        self.order(id - FULFILMENT_ORDER_OFFSET)
    }

    pub fn order_by_name(&self, name: &str) -> Option<&ShopOrder> {
        let number: i64 = name.strip_prefix('#')?.parse().ok()?;
        self.order(FIRST_ORDER_ID + number - FIRST_ORDER_NUMBER)
    }

    /// Orders by (updated, id), from the given position on.
    pub fn orders_after(&self, after: (i64, i64)) -> impl Iterator<Item = &ShopOrder> {
        let beyond = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
        self.by_update.range(beyond).filter_map(|(_, id)| self.order(*id))
    }

    pub fn place(&mut self, basket: &Basket, catalogue: &Catalogue, placed_s: i64) -> &ShopOrder {
        let index = self.orders.len();
        let position = index as i64;
        let (id, number) = (FIRST_ORDER_ID + position, FIRST_ORDER_NUMBER + position);
        self.by_update.insert((placed_s, id));
        self.orders.push(ShopOrder::placed(id, number, placed_s, basket, catalogue));
        &self.orders[index]
    }

    /// Changes an order, bumps `updated_at` and keeps the new version; `None` if there is no such order.
    pub fn change(&mut self, id: i64, change: impl FnOnce(&mut OrderVersion)) -> Option<&ShopOrder> {
        let index = usize::try_from(id - FIRST_ORDER_ID).ok()?;
        let order = self.orders.get_mut(index)?;
        self.by_update.remove(&(order.current.updated_s, id));
        let mut version = order.current.clone();
        change(&mut version);
        // The vendor's clock never runs backwards for one record, whatever the machine's does.
        version.updated_s = clock::now_s().max(order.current.updated_s);
        if version.cancelled && order.cancelled_s.is_none() {
            order.cancelled_s = Some(version.updated_s);
        }
        self.by_update.insert((version.updated_s, id));
        order.versions.push(version.clone());
        order.current = version;
        Some(order)
    }

    /// A fresh id for fulfilments and subscriptions.
    pub fn next_id(&mut self) -> i64 {
        self.last_id += 1;
        4_400_000_000_000 + self.last_id
    }

    pub fn fulfilments_of(&self, order_id: i64) -> impl Iterator<Item = &Fulfilment> {
        self.fulfilments.iter().filter(move |fulfilment| fulfilment.order_id == order_id)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::sandbox::money::Currency;

    #[test]
    fn a_changed_order_moves_behind_the_others() {
        let catalogue = Catalogue::new(12);
        let mut rng = fastrand::Rng::with_seed(1);
        let mut ledger = ShopLedger::new(&catalogue, &mut rng);
        let long_ago = clock::now_s() - 100;
        for age in [0, 0, 5] {
            let basket = Basket::drawn(&mut rng, &catalogue, &[(Currency::Eur, 1)]);
            ledger.place(&basket, &catalogue, long_ago + age);
        }
        let first = ledger.order_by_name("#1001").unwrap().id;
        ledger.change(first, |version| version.note = Some("gift".to_owned())).unwrap();
        let names: Vec<String> = ledger.orders_after((0, 0)).map(ShopOrder::name).collect();
        assert_eq!(names, ["#1002", "#1003", "#1001"]);
        assert_eq!(ledger.order(first).unwrap().versions.len(), 2);
        let fulfilment_order = ledger.order(first).unwrap().fulfilment_order_id();
        assert_eq!(ledger.order_by_fulfilment_order(fulfilment_order).unwrap().id, first);
    }
}
