//! The ERP's truth: IDocs taken, sales orders, deliveries in their states, stock and what was published of it.
//!
//! Not here: files (`inbox`, `outbox`) and what is right (`verdict`).

use std::collections::BTreeMap;

use super::number::external;
use super::order::{OrderBody, Refusal};
use crate::sandbox::catalogue::Catalogue;

/// What became of one inbound IDoc; the newest entry of a number is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdocStatus {
    pub docnum: String,
    pub reference: String,
    /// 53 posted, 51 application error, 56 partner profile, 60 syntax.
    pub status: &'static str,
    pub text: String,
}

#[derive(Debug, Clone)]
pub struct SalesOrder {
    pub number: u64,
    pub body: OrderBody,
    pub delivered: bool,
}

/// A delivery; without a goods issue it has no day, carrier or tracking number yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub number: u64,
    pub reference: String,
    pub issue: Option<Issue>,
    /// Material and thousandths.
    pub lines: Vec<(String, i64)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    pub at_s: i64,
    pub carrier: &'static str,
    pub tracking_number: String,
}

/// An IDoc in status 51 that will be processed again.
#[derive(Debug, Clone)]
struct Waiting {
    identity: (String, String),
    body: OrderBody,
    since: std::time::Instant,
}

/// What happened to an IDoc that was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    Posted(u64),
    /// Number and sender are known: not looked at again.
    Known,
    Waiting(Refusal),
    Refused(Refusal),
}

#[derive(Debug, Default)]
pub struct IdocLedger {
    pub orders: Vec<SalesOrder>,
    pub statuses: Vec<IdocStatus>,
    /// Files that held no IDocs, and why.
    pub unreadable: Vec<(String, String)>,
    pub deliveries: Vec<Delivery>,
    /// On hand in thousandths, by material without zeros.
    pub stock: BTreeMap<String, i64>,
    /// Every quantity that was published, oldest first.
    pub published: BTreeMap<String, Vec<i64>>,
    known: BTreeMap<(String, String), ()>,
    waiting: Vec<Waiting>,
    numbers: u64,
}

const FIRST_ORDER: u64 = 4711;
const FIRST_DELIVERY: u64 = 80_000_001;
const CARRIERS: &[&str] = &["DHL", "DPD", "GLS", "UPS"];

impl IdocLedger {
    pub fn new(catalogue: &Catalogue, rng: &mut fastrand::Rng) -> Self {
        let count = |product: &crate::sandbox::catalogue::Product| (external(&product.sku), rng.i64(0..500) * 1000);
        let mut stock: BTreeMap<String, i64> = catalogue.products().iter().map(count).collect();
        // Shipped before it was counted, and sold by the half: written as `7.500-`.
        if let Some(miscounted) = stock.get_mut("MUG-01") {
            *miscounted = -7_500;
        }
        IdocLedger { stock, ..IdocLedger::default() }
    }

    /// The next number of an IDoc of the ERP's own.
    pub fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub fn by_reference(&self, reference: &str) -> impl Iterator<Item = &SalesOrder> {
        self.orders.iter().filter(move |order| order.body.purchase_order == reference)
    }

    /// Takes one IDoc. `locked` is what stands in its way for a while, if anything does.
    pub fn take(
        &mut self,
        identity: (String, String),
        reference: &str,
        read: Result<OrderBody, Refusal>,
        locked: Option<Refusal>,
    ) -> Taken {
        let numbered = !identity.0.is_empty();
        if numbered && self.known.contains_key(&identity) {
            return Taken::Known;
        }
        let body = match read {
            Ok(body) => body,
            Err(refusal) => {
                self.note(&identity.0, reference, refusal.status, &refusal.text);
                return Taken::Refused(refusal);
            }
        };
        if numbered {
            self.known.insert(identity.clone(), ());
        }
        if let Some(refusal) = locked {
            self.note(&identity.0, reference, refusal.status, &refusal.text);
            self.waiting.push(Waiting { identity, body, since: std::time::Instant::now() });
            return Taken::Waiting(refusal);
        }
        self.note(&identity.0, reference, "53", "Application document posted");
        Taken::Posted(self.book(body))
    }

    /// Posts what has waited that long; gives number of IDoc and order.
    pub fn reprocess(&mut self, after: std::time::Duration) -> Vec<(String, u64)> {
        let due = |waiting: &Waiting| waiting.since.elapsed() >= after;
        let (ready, rest) = std::mem::take(&mut self.waiting).into_iter().partition::<Vec<_>, _>(due);
        self.waiting = rest;
        let post = |waiting: Waiting| {
            let reference = waiting.body.purchase_order.clone();
            self.note(&waiting.identity.0, &reference, "53", "Application document posted");
            (waiting.identity.0, self.book(waiting.body))
        };
        ready.into_iter().map(post).collect()
    }

    /// A new order each time.
    pub fn book(&mut self, body: OrderBody) -> u64 {
        let number = FIRST_ORDER + self.orders.len() as u64;
        self.orders.push(SalesOrder { number, body, delivered: false });
        number
    }

    fn note(&mut self, docnum: &str, reference: &str, status: &'static str, text: &str) {
        let (docnum, reference, text) = (docnum.to_owned(), reference.to_owned(), text.to_owned());
        self.statuses.push(IdocStatus { docnum, reference, status, text });
    }

    /// Makes deliveries of what is not delivered yet, now and then two of one order. Gives their numbers.
    pub fn deliver(&mut self, mut split: impl FnMut() -> bool) -> Vec<u64> {
        let mut made = Vec::new();
        for order in self.orders.iter_mut().filter(|order| !order.delivered) {
            order.delivered = true;
            let lines: Vec<(String, i64)> =
                order.body.items.iter().map(|item| (item.material.clone(), item.thousandths)).collect();
            let parts =
                if lines.len() > 1 && split() { lines.chunks(lines.len() - 1) } else { lines.chunks(lines.len()) };
            for part in parts {
                let number = FIRST_DELIVERY + self.deliveries.len() as u64;
                let reference = order.body.purchase_order.clone();
                self.deliveries.push(Delivery { number, reference, issue: None, lines: part.to_vec() });
                made.push(number);
            }
        }
        made
    }

    /// Issues the goods of every delivery made before those of this round.
    pub fn issue(&mut self, but: &[u64], now_s: i64) -> Vec<u64> {
        let mut issued = Vec::new();
        for delivery in self.deliveries.iter_mut().filter(|d| d.issue.is_none() && !but.contains(&d.number)) {
            let carrier = CARRIERS[delivery.number as usize % CARRIERS.len()];
            let tracking_number = format!("00340{:015}", delivery.number);
            delivery.issue = Some(Issue { at_s: now_s, carrier, tracking_number });
            for (material, thousandths) in &delivery.lines {
                if let Some(stock) = self.stock.get_mut(material) {
                    *stock -= thousandths;
                }
            }
            issued.push(delivery.number);
        }
        issued
    }

    pub fn delivery(&self, number: u64) -> Option<&Delivery> {
        self.deliveries.iter().find(|delivery| delivery.number == number)
    }

    /// What changed since it was last published, now published.
    pub fn publish(&mut self) -> Vec<(String, i64)> {
        let mut changed = Vec::new();
        for (material, on_hand) in &self.stock {
            let told = self.published.entry(material.clone()).or_default();
            if told.last() != Some(on_hand) {
                told.push(*on_hand);
                changed.push((material.clone(), *on_hand));
            }
        }
        changed
    }
}
