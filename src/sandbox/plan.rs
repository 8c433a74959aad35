//! What will happen in one order's life, drawn before it begins.
//!
//! Not here: when each step happens and who is told (`traffic`).

use super::money::Currency;
use super::psp::Step;
use super::shop::{Financial, OrderVersion};

/// One step of a life: what the processor does, then what the shop makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LifeStep {
    pub payment: Option<Step>,
    pub order: Option<OrderChange>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderChange {
    Financial(Financial),
    /// Called off before any money moved.
    Cancel,
    /// The customer corrects their e-mail address.
    Email,
    /// Something no other system needs to hear of.
    Note,
}

impl OrderChange {
    pub fn apply(self, version: &mut OrderVersion) {
        match self {
            OrderChange::Financial(financial) => version.financial = financial,
            OrderChange::Cancel => {
                version.cancelled = true;
                version.financial = Financial::Voided;
            }
            OrderChange::Email => version.email_revision += 1,
            OrderChange::Note => version.note = Some("Bitte klingeln – 2. OG".to_owned()),
        }
    }
}

/// Draws a life: most orders are paid, some refunded in part or whole, some fail or are called off.
pub fn life(rng: &mut fastrand::Rng, currency: Currency, total_minor: i64) -> Vec<LifeStep> {
    let mut steps = Vec::new();
    match rng.u32(0..100) {
        0..5 => {
            steps.push(pay(Step::Fail));
            steps.push(both(Step::Cancel, OrderChange::Cancel));
        }
        5..10 => {
            steps.push(pay(Step::Fail));
            paid(&mut steps);
        }
        10..16 => {
            steps.push(both(Step::Authorise, OrderChange::Financial(Financial::Authorized)));
            steps.push(both(Step::Cancel, OrderChange::Cancel));
        }
        16..26 => {
            paid(&mut steps);
            refunds(rng, currency, total_minor, &mut steps);
        }
        _ => paid(&mut steps),
    }
    for change in [OrderChange::Email, OrderChange::Note] {
        if rng.u8(0..12) == 0 {
            let at = rng.usize(0..=steps.len());
            steps.insert(at, LifeStep { payment: None, order: Some(change) });
        }
    }
    steps
}

fn paid(steps: &mut Vec<LifeStep>) {
    steps.push(both(Step::Authorise, OrderChange::Financial(Financial::Authorized)));
    steps.push(both(Step::Capture, OrderChange::Financial(Financial::Paid)));
}

/// One partial refund; half of them are followed by the rest.
fn refunds(rng: &mut fastrand::Rng, currency: Currency, total_minor: i64, steps: &mut Vec<LifeStep>) {
    let part = currency.movable(total_minor / rng.i64(2..=5));
    if part > 0 && part < total_minor {
        steps.push(both(Step::Refund(part), OrderChange::Financial(Financial::PartiallyRefunded)));
        if rng.bool() {
            return;
        }
        steps.push(both(Step::Refund(total_minor - part), OrderChange::Financial(Financial::Refunded)));
    } else {
        steps.push(both(Step::Refund(total_minor), OrderChange::Financial(Financial::Refunded)));
    }
}

fn pay(step: Step) -> LifeStep {
    LifeStep { payment: Some(step), order: None }
}

fn both(step: Step, change: OrderChange) -> LifeStep {
    LifeStep { payment: Some(step), order: Some(change) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_life_refunds_more_than_was_paid_and_none_visits_a_state_twice() {
        let mut rng = fastrand::Rng::with_seed(5);
        for _ in 0..2_000 {
            let steps = life(&mut rng, Currency::Kwd, 12_340);
            let refunded: i64 = steps.iter().filter_map(refund_of).sum();
            assert!(refunded <= 12_340, "{steps:?}");
            assert_eq!(refunded % 10, 0);
            let states: Vec<OrderChange> = steps.iter().filter_map(|step| step.order).collect();
            for (at, state) in states.iter().enumerate() {
                assert!(!states[at + 1..].contains(state), "{steps:?}");
            }
        }
    }

    fn refund_of(step: &LifeStep) -> Option<i64> {
        match step.payment {
            Some(Step::Refund(minor)) => Some(minor),
            Some(Step::Authorise | Step::Fail | Step::Capture | Step::Cancel) | None => None,
        }
    }
}
