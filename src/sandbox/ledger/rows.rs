//! The month as statements of two sides, leg by leg; without mistakes they agree, save for what is still on its way.
//!
//! Not here: mistakes (`mutation`), files.

use std::collections::BTreeMap;

use super::expected::{Expected, Verdict};
use super::leg::{Cluster, Leg, LegKind, Line, Value};
use super::month::{Month, Movement, MovementKind};

impl Month {
    /// Both sides of a leg, in truth.
    pub fn leg(&self, kind: LegKind) -> Leg {
        let clusters = match kind {
            LegKind::Orders => self.orders(),
            LegKind::Captures => self.captures(),
            LegKind::Payouts => self.paid_out(),
            LegKind::Bank => self.at_bank(),
            LegKind::Clearing => self.clearing(),
            LegKind::Refunds => self.refunds(),
            LegKind::Disputes => self.disputes(),
        };
        let parents = match kind {
            LegKind::Refunds => self.movements.iter().map(|movement| movement.id.clone()).collect(),
            LegKind::Orders
            | LegKind::Captures
            | LegKind::Payouts
            | LegKind::Bank
            | LegKind::Clearing
            | LegKind::Disputes => Default::default(),
        };
        let waits = clusters.iter().filter(|cluster| cluster.sides[1].is_empty());
        let due = |line: &Line| self.days.after(line.day, kind.due_days());
        let in_time = |cluster: &Cluster| cluster.lines().map(due).max() > Some(self.days.last());
        let expected = waits.map(|cluster| Expected {
            mutation: "in transit",
            // What came to nothing and was held back for it may be due all the same.
            verdict: if in_time(cluster) { Verdict::Timing } else { Verdict::Break(kind.missing()[0]) },
            key: cluster.key.clone(),
            variance: cluster.variance(),
            sub_cause: None,
        });
        Leg { kind, days: self.days, expected: expected.collect(), clusters, parents }
    }

    fn orders(&self) -> Vec<Cluster> {
        let cluster = |order: &super::month::Order| {
            let line = |status| Line {
                status: Some(status),
                fields: vec![Value::Text(order.customer.clone())],
                parts: vec![Some(order.tax), Some(order.shipping), Some(-order.discount)],
                lines: order.lines,
                ..Line::new(Some(&order.number), None, order.currency, order.total(), order.day)
            };
            let states = if order.refunded { ["refunded", "credited"] } else { ["paid", "invoiced"] };
            Cluster { key: order.number.clone(), sides: states.map(|status| vec![line(status)]) }
        };
        self.orders.iter().map(cluster).collect()
    }

    fn captures(&self) -> Vec<Cluster> {
        let mut captures: BTreeMap<usize, Vec<&Movement>> = BTreeMap::new();
        for movement in self.movements.iter().filter(|movement| movement.kind == MovementKind::Capture) {
            captures.entry(movement.payment).or_default().push(movement);
        }
        let cluster = |(payment, captures): (usize, Vec<&Movement>)| {
            let payment = &self.payments[payment];
            let currency = self.orders[payment.order].currency;
            let key = Some(payment.reference.as_str());
            let fee = captures.iter().map(|capture| capture.fee).sum();
            let booked = Line {
                status: Some("captured"),
                fields: vec![Value::Amount(fee)],
                parts: vec![None, None],
                ..Line::new(key, None, currency, payment.amount, payment.day)
            };
            let captured = |capture: &&Movement| Line {
                status: Some("succeeded"),
                fields: vec![Value::Amount(capture.fee)],
                parts: vec![None, Some(capture.fee)],
                ..Line::new(key, Some(&capture.id), currency, capture.gross, capture.day)
            };
            let sides = [vec![booked], captures.iter().map(captured).collect()];
            Cluster { key: payment.reference.clone(), sides }
        };
        captures.into_iter().map(cluster).collect()
    }

    fn by_payout(&self) -> Vec<Vec<&Movement>> {
        let mut movements = vec![Vec::new(); self.payouts.len()];
        for movement in &self.movements {
            if let Some(payout) = movement.payout {
                movements[payout].push(movement);
            }
        }
        movements
    }

    fn paid_out(&self) -> Vec<Cluster> {
        let line = |payout: Option<&str>, of: &Movement| Line::new(payout, Some(&of.id), of.currency, of.net(), of.day);
        let mut clusters: Vec<Cluster> = Vec::new();
        for (payout, movements) in self.payouts.iter().zip(self.by_payout()) {
            let key = Some(payout.id.as_str());
            let movements = movements.into_iter().map(|of| line(key, of)).collect();
            let paid = Line::new(key, None, payout.currency, payout.net, payout.day);
            clusters.push(Cluster { key: payout.id.clone(), sides: [movements, vec![paid]] });
        }
        let unpaid = self.movements.iter().filter(|of| of.payout.is_none());
        clusters.extend(unpaid.map(|of| Cluster { key: of.id.clone(), sides: [vec![line(None, of)], Vec::new()] }));
        clusters
    }

    fn at_bank(&self) -> Vec<Cluster> {
        let mut traces: BTreeMap<&str, Cluster> = BTreeMap::new();
        let new = |trace: &str| Cluster { key: trace.to_owned(), sides: [Vec::new(), Vec::new()] };
        for payout in &self.payouts {
            let line = Line::new(Some(&payout.trace), Some(&payout.id), payout.currency, payout.net, payout.day);
            traces.entry(&payout.trace).or_insert_with(|| new(&payout.trace)).sides[0].push(line);
        }
        for line in &self.bank {
            let booked = Line::new(Some(&line.trace), None, line.currency, line.amount, line.day);
            traces.entry(&line.trace).or_insert_with(|| new(&line.trace)).sides[1].push(booked);
        }
        traces.into_values().collect()
    }

    /// The processor tells sums by category, the ERP posts what was received of customers and what fees took.
    fn clearing(&self) -> Vec<Cluster> {
        let cluster = |(payout, movements): (&super::month::Payout, Vec<&Movement>)| {
            let line =
                |entry: &str, amount| Line::new(Some(&payout.id), Some(entry), payout.currency, amount, payout.day);
            let mut categories: BTreeMap<&str, i64> = BTreeMap::new();
            for movement in &movements {
                *categories.entry(movement.kind.as_str()).or_default() += movement.gross;
                *categories.entry("fee").or_default() -= movement.fee;
            }
            let gross = movements.iter().map(|of| of.gross).sum::<i64>();
            let told = categories.into_iter().map(|(category, amount)| line(category, amount)).collect::<Vec<_>>();
            let posted = [line("clearing", gross), line("fees", payout.net - gross)];
            let kept = |lines: Vec<Line>| lines.into_iter().filter(|line| line.amount != 0).collect();
            Cluster { key: payout.id.clone(), sides: [kept(told), kept(posted.into())] }
        };
        self.payouts.iter().zip(self.by_payout()).map(cluster).collect()
    }

    fn refunds(&self) -> Vec<Cluster> {
        let refunds = self.movements.iter().filter(|movement| movement.kind == MovementKind::Refund);
        let sources = self.sources();
        let sources = self.movements.iter().zip(&sources).filter(|(movement, _)| movement.kind == MovementKind::Refund);
        let cluster = |(refund, (_, key)): (&Movement, (&Movement, &String))| {
            let key = key.clone();
            let line = || Line {
                parent: Some(self.movements[refund.capture].id.clone()),
                ..Line::new(Some(&key), None, refund.currency, refund.gross, refund.day)
            };
            Cluster { sides: [vec![line()], vec![line()]], key }
        };
        refunds.zip(sources).map(cluster).collect()
    }

    fn disputes(&self) -> Vec<Cluster> {
        let mut disputes: BTreeMap<usize, Vec<&Movement>> = BTreeMap::new();
        let is_dispute = |movement: &&Movement| match movement.kind {
            MovementKind::Dispute | MovementKind::DisputeReversal => true,
            MovementKind::Capture | MovementKind::Refund => false,
        };
        for movement in self.movements.iter().filter(is_dispute) {
            disputes.entry(movement.capture).or_default().push(movement);
        }
        let cluster = |(capture, movements): (usize, Vec<&Movement>)| {
            let key = format!("dp-é-{capture}");
            let line =
                |entry: &str, of: &Movement, amount| Line::new(Some(&key), Some(entry), of.currency, amount, of.day);
            let told = movements.iter().map(|of| line(&of.id, of, of.net())).collect();
            let posted = movements.iter().flat_map(|of| {
                let fee = (of.fee != 0).then(|| line("fee", of, -of.fee));
                [Some(line(of.kind.as_str(), of, of.gross)), fee].into_iter().flatten()
            });
            let posted = posted.collect();
            Cluster { sides: [told, posted], key }
        };
        disputes.into_iter().map(cluster).collect()
    }
}
