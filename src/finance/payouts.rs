//! A run's payouts: both statements read once more and added up, beside them the bank's.
//!
//! Not here: what is added up how (`recon::payouts`), comparing.

use crate::recon::large::{LargeError, Statement};
use crate::recon::payouts::Payouts;
use crate::recon::report::{Input, PayoutBridge, RunFinding};
use crate::recon::row::{Entry, Row, Side};
use crate::recon::rules::RuleSet;

use super::definition::PayoutSpec;
use super::run::RunError;
use super::source::{self, Opening};

/// What the bank's statement is called among inputs and in findings.
pub const BANK: &str = "bank";

/// What is told of payouts, and what it was read from besides the sides.
pub(super) struct Told {
    pub payouts: Vec<PayoutBridge>,
    pub inputs: Vec<Input>,
    pub findings: Vec<RunFinding>,
}

/// Reads what `spec` tells of. The bank's statement is not cut to a period: what is paid out on its last day arrives later.
pub(super) fn told(
    rules: &RuleSet,
    spec: &PayoutSpec,
    statements: [&dyn Statement; 2],
    how: Opening<'_>,
) -> Result<Told, RunError> {
    let failed = |error: LargeError| RunError::Engine { reconciliation: rules.name.to_string(), error };
    let mut payouts = Payouts::new(&spec.rules);
    for (side, statement) in Side::BOTH.into_iter().zip(statements) {
        each_row(statement, &mut |row| Ok(payouts.add(side, row)?)).map_err(failed)?;
    }
    let Some(bank) = &spec.bank else {
        return Ok(Told { payouts: payouts.finish(), inputs: Vec::new(), findings: Vec::new() });
    };
    let opened = source::open(rules, bank, BANK, how)?;
    // With a part missing, payouts would look as if they had not arrived: better nothing is said, and why.
    if opened.is_incomplete() {
        opened.statement().glance(&mut |_| Ok(())).map_err(failed)?;
    } else {
        each_row(opened.statement(), &mut |row| Ok(payouts.bank_line(row)?)).map_err(failed)?;
    }
    let inputs = opened.inputs(BANK).map_err(failed)?;
    Ok(Told { payouts: payouts.finish(), inputs, findings: opened.findings().to_vec() })
}

/// Rows in scope; others are in the report's lists.
fn each_row(statement: &dyn Statement, each: &mut dyn FnMut(&Row) -> Result<(), LargeError>) -> Result<(), LargeError> {
    statement.read(&mut |entry| match entry {
        Entry::Row(row) => each(&row),
        Entry::Excluded { .. } | Entry::Rejected { .. } => Ok(()),
    })
}
