//! The shop as the rest of the sandbox sees it: it takes orders, changes them, and tells the hub.
//!
//! Not here: routes (`api`) and life cycles (`traffic`).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use serde_json::Value;

use super::ledger::{LOCATION_ID, ShopLedger};
use super::levels::{self, level_json};
use super::order::{Basket, OrderVersion, ShopOrder};
use super::order_json::order_json;
use super::{fulfilments, subscriptions};
use crate::sandbox::bucket::LeakyBucket;
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::catalogue::Catalogue;
use crate::sandbox::clock;
use crate::sandbox::courier::{Ack, Courier, Label, Parcel, Vendor};
use crate::sandbox::options::{Credentials, SandboxOptions};
use crate::sandbox::sync::locked;

#[derive(Debug)]
pub struct Shop {
    ledger: Mutex<ShopLedger>,
    catalogue: Arc<Catalogue>,
    bucket: Mutex<LeakyBucket>,
    token: String,
    courier: Arc<Courier>,
    /// An address that gets every topic, besides the subscriptions made through the API.
    target: Mutex<Option<String>>,
    ids: Mutex<fastrand::Rng>,
    removes_subscriptions: bool,
}

impl Shop {
    pub fn new(
        options: &SandboxOptions,
        credentials: &Credentials,
        catalogue: Arc<Catalogue>,
        courier: Arc<Courier>,
    ) -> Self {
        let mut rng = fastrand::Rng::with_seed(options.seed ^ 0x5109);
        let (size, leak_per_s) = options.shop_bucket;
        Shop {
            ledger: Mutex::new(ShopLedger::new(&catalogue, &mut rng)),
            catalogue,
            bucket: Mutex::new(LeakyBucket::new(size, leak_per_s, Instant::now())),
            token: credentials.shop_token.clone(),
            courier,
            target: Mutex::default(),
            ids: Mutex::new(rng),
            removes_subscriptions: options.removes_subscription_on_give_up,
        }
    }

    pub fn ledger(&self) -> &Mutex<ShopLedger> {
        &self.ledger
    }

    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    pub(super) fn bucket(&self) -> &Mutex<LeakyBucket> {
        &self.bucket
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    pub fn set_target(&self, address: Option<String>) {
        *locked(&self.target) = address;
    }

    pub fn target(&self) -> Option<String> {
        locked(&self.target).clone()
    }

    /// A customer orders; `silently` for the backlog that no webhook tells of.
    pub fn place(&self, basket: &Basket, silently: bool) -> ShopOrder {
        let order = locked(&self.ledger).place(basket, &self.catalogue, clock::now_s()).clone();
        if !silently {
            self.announce_order(&order, &["orders/create"]);
        }
        order
    }

    /// Something about an order changes; a cancellation is told under both its topics.
    pub fn change(&self, id: i64, silently: bool, change: impl FnOnce(&mut OrderVersion)) {
        let changed = {
            let mut ledger = locked(&self.ledger);
            let was_cancelled = ledger.order(id).is_some_and(|order| order.current.cancelled);
            ledger.change(id, change).cloned().map(|order| (was_cancelled, order))
        };
        let Some((was_cancelled, order)) = changed.filter(|_| !silently) else { return };
        let newly_cancelled = order.current.cancelled && !was_cancelled;
        let topics: &[&str] =
            if newly_cancelled { &["orders/cancelled", "orders/updated"] } else { &["orders/updated"] };
        self.announce_order(&order, topics);
    }

    pub(super) fn set_level(&self, call: &Call) -> Answer {
        let mut ledger = locked(&self.ledger);
        let (index, answer) = match levels::set(&mut ledger, &self.catalogue, call) {
            Ok(done) => done,
            Err(refusal) => return refusal,
        };
        let told = self.catalogue.product(index).zip(ledger.levels.get(index));
        if let Some((product, level)) = told {
            let key = format!("{}:{LOCATION_ID}", product.inventory_item_id);
            let body = level_json(product, level);
            drop(ledger);
            self.announce("inventory_levels/update", &self.new_id(), &key, &body);
        }
        answer
    }

    pub(super) fn fulfil(&self, call: &Call) -> Answer {
        let created = fulfilments::create(&mut locked(&self.ledger), call);
        match created {
            Ok((order_id, answer)) => {
                self.change(order_id, false, |version| version.fulfilled = true);
                answer
            }
            Err(refusal) => refusal,
        }
    }

    fn announce_order(&self, order: &ShopOrder, topics: &[&str]) {
        let body = order_json(order, &self.catalogue);
        let event_id = self.new_id();
        for topic in topics {
            self.announce(topic, &event_id, &order.name(), &body);
        }
    }

    fn announce(&self, topic: &str, event_id: &str, key: &str, body: &Value) {
        let body = Bytes::from(body.to_string());
        for address in self.addresses(topic) {
            let ack = Ack { vendor: Vendor::Shop, kind: topic.to_owned(), id: self.new_id(), key: key.to_owned() };
            let label = Label::Shop { event_id: event_id.to_owned(), triggered_at_s: clock::now_s() };
            self.courier.send(Parcel { address, body: body.clone(), label, ack });
        }
    }

    /// Every address that wants this topic, once each.
    fn addresses(&self, topic: &str) -> BTreeSet<String> {
        debug_assert!(subscriptions::TOPICS.contains(&topic), "{topic} is a topic of this shop");
        self.forget_given_up();
        let ledger = locked(&self.ledger);
        let subscribed = ledger.subscriptions.iter().filter(|s| s.topic == topic).map(|s| s.address.clone());
        subscribed.chain(self.target()).collect()
    }

    /// Removes subscriptions whose deliveries were given up; asked before anyone looks at them.
    pub(super) fn forget_given_up(&self) {
        if self.removes_subscriptions {
            let given_up = self.courier.take_given_up();
            locked(&self.ledger).subscriptions.retain(|subscription| !given_up.contains(&subscription.address));
        }
    }

    /// A UUID-shaped id.
    fn new_id(&self) -> String {
        let bits = locked(&self.ids).u128(..);
        let hex = format!("{bits:032x}");
        format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }
}
