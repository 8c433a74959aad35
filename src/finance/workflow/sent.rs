//! Deliveries that were made again because of a break: the remarks that tell of them, and the report's lines.
//!
//! Not here: sending (`finance::heal`).

use std::collections::BTreeSet;

use crate::recon::report::{HealLine, OpenItem, Report};

use super::{Book, Remark};

/// How remarks about a delivery begin.
const SENT: &str = "sent again: ";

/// What is remarked about a delivery that a break of `run` led to.
pub fn sent_again(what: &str, run: i64) -> String {
    format!("{SENT}{what}, after run {run}")
}

pub fn is_sent_again(remark: &Remark) -> bool {
    remark.text.starts_with(SENT)
}

pub fn is_sent_after(remark: &Remark, run: i64) -> bool {
    is_sent_again(remark) && remark.text.ends_with(&format!(", after run {run}"))
}

/// What was sent again after the last run, and whether this report still shows it.
pub(super) fn heals(book: &Book, report: &Report, healed: &[String]) -> Vec<HealLine> {
    let healed: BTreeSet<&String> = healed.iter().collect();
    let mut lines = Vec::new();
    for known in book.items.values().filter(|known| known.state.is_open()) {
        let before: Vec<String> = known.amounts.iter().map(|(unit, minor)| format!("{minor} {unit}")).collect();
        let shown = [&report.breaks, &report.in_flight, &report.timing].into_iter().flatten();
        let now = shown.into_iter().find(|item| item.id == known.id);
        let after = match now {
            Some(item) => told(item),
            None if healed.contains(&known.id) => "agrees".to_owned(),
            None => "not in this run".to_owned(),
        };
        for remark in known.remarks.iter().filter(|remark| is_sent_after(remark, known.last_run)) {
            lines.push(HealLine {
                break_id: known.id.clone(),
                action: remark.text.clone(),
                before: format!("{} {}", known.code, before.join(", ")).trim_end().to_owned(),
                after: after.clone(),
            });
        }
    }
    lines
}

fn told(item: &OpenItem) -> String {
    let amounts: Vec<String> =
        item.amounts.iter().map(|sides| format!("{} {}", sides.variance.amount_minor, sides.variance.unit)).collect();
    let code = item.code.as_deref().unwrap_or(&item.bucket);
    format!("{code} {}", amounts.join(", ")).trim_end().to_owned()
}
