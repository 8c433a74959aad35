//! What will happen in one order's life, drawn before it begins, and what Odoo should make of each state.
//!
//! Not here: when it happens (`traffic`).

use crate::sandbox::woo::Status;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    To(Status),
    /// A part of the money goes back; the status stays.
    RefundPart,
    RefundAll,
}

/// Draws a life; a draft becomes an order in half of all cases.
pub fn life(rng: &mut fastrand::Rng, draft: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    if draft {
        if rng.bool() {
            return steps;
        }
        steps.push(Step::To(Status::Pending));
    }
    let rest: &[Step] = match rng.u32(0..100) {
        0..45 => &[Step::To(Status::Processing), Step::To(Status::Completed)],
        45..57 => &[Step::To(Status::Cancelled)],
        57..65 => &[Step::To(Status::OnHold), Step::To(Status::Processing)],
        65..75 => &[Step::To(Status::Processing), Step::To(Status::Cancelled)],
        75..82 => &[Step::To(Status::Failed), Step::To(Status::Processing)],
        82..89 => &[Step::To(Status::Processing), Step::RefundPart],
        89..95 => &[Step::To(Status::Processing), Step::RefundAll],
        95..98 => &[Step::To(Status::OnHold), Step::To(Status::Cancelled)],
        _ => &[Step::To(Status::Failed)],
    };
    steps.extend_from_slice(rest);
    steps
}

/// The states of a sales order that agree with a status; none: there must be no sales order.
pub fn odoo_states(status: Status) -> &'static [&'static str] {
    match status {
        Status::CheckoutDraft => &[],
        Status::Pending | Status::OnHold => &["draft", "sent"],
        Status::Processing | Status::Completed | Status::Refunded => &["sale"],
        Status::Cancelled => &["cancel"],
        // It never became an order: nothing may be reserved for it.
        Status::Failed => &["draft", "sent", "cancel"],
    }
}
