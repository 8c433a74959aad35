//! Counts and sums over the segments of one message, to compare with what it states or to state them.
//!
//! Not here: totals over records of a file (`totals`).

use rust_decimal::Decimal;

use super::cause::EdiCause;
use super::segment::{Segment, matches, number, text_at};
use crate::connector::file::error::FileCause;
use crate::connector::file::format::{Structure, SumOf, TotalOf};
use crate::connector::file::totals::add_exactly;

#[derive(Debug)]
pub(in crate::connector::file) struct MessageTally<'f> {
    structure: &'f Structure,
    totals: Vec<Decimal>,
    /// Whether there was anything to add, and the sum; `None` once an operand was no number or missing.
    sums: Vec<(bool, Option<Decimal>)>,
}

impl<'f> MessageTally<'f> {
    pub(in crate::connector::file) fn new(structure: &'f Structure) -> Self {
        let totals = vec![Decimal::ZERO; structure.totals.len()];
        Self { structure, totals, sums: vec![(false, Some(Decimal::ZERO)); structure.sums.len()] }
    }

    /// The error names the position.
    pub(in crate::connector::file) fn add(&mut self, segment: &Segment) -> Result<(), (String, FileCause)> {
        for (total, declared) in self.totals.iter_mut().zip(&self.structure.totals) {
            let addend = match &declared.of {
                TotalOf::Count(selector) if matches(selector, segment) => Decimal::ONE,
                TotalOf::Sum(of) if matches(&of.segment, segment) => {
                    let text = text_at(segment, of.position);
                    if text.is_empty() {
                        continue;
                    }
                    let bad = |reason| (of.position.text(), FileCause::BadNumber { text: text.to_owned(), reason });
                    number(text).map_err(bad)?
                }
                TotalOf::Count(_) | TotalOf::Sum(_) => continue,
            };
            let too_long = || {
                let reason = "the sum needs more digits than fit";
                (segment.tag.clone(), FileCause::BadNumber { text: addend.to_string(), reason })
            };
            *total = add_exactly(*total, addend).ok_or_else(too_long)?;
        }
        for ((seen, sum), (_, of)) in self.sums.iter_mut().zip(&self.structure.sums) {
            let at = |position| number(text_at(segment, position)).ok();
            let addend = match of {
                SumOf::Element(of) if matches(&of.segment, segment) => at(of.position),
                SumOf::Product(of, factor) if matches(&of.segment, segment) => {
                    let pair = at(of.position).zip(at(*factor));
                    pair.and_then(|(left, right)| multiply_exactly(left, right))
                }
                SumOf::Element(_) | SumOf::Product(_, _) => continue,
            };
            *seen = true;
            *sum = sum.zip(addend).and_then(|(sum, addend)| add_exactly(sum, addend));
        }
        Ok(())
    }

    /// In the order of the declared totals.
    pub(in crate::connector::file) fn totals(&self) -> &[Decimal] {
        &self.totals
    }

    /// Name and value of the sums that could be computed.
    pub(in crate::connector::file) fn sums(&self) -> impl Iterator<Item = (&'f str, Decimal)> {
        let named = self.structure.sums.iter().zip(&self.sums);
        named.filter_map(|((name, _), (seen, sum))| sum.filter(|_| *seen).map(|sum| (name.as_str(), sum)))
    }

    /// Compares a stated total with what was counted.
    pub(in crate::connector::file) fn check(&self, index: usize, at: &str, stated: &str) -> Result<(), FileCause> {
        let found = self.totals.get(index).copied().unwrap_or_default();
        let stated_number =
            number(stated).map_err(|reason| FileCause::BadNumber { text: stated.to_owned(), reason })?;
        if stated_number == found {
            return Ok(());
        }
        Err(EdiCause::Total { at: at.to_owned(), stated: stated.to_owned(), found: found.normalize() }.into())
    }
}

/// The library's product may round; a total must not.
fn multiply_exactly(left: Decimal, right: Decimal) -> Option<Decimal> {
    let (left, right) = (left.normalize(), right.normalize());
    let product = left.mantissa().checked_mul(right.mantissa())?;
    Decimal::try_from_i128_with_scale(product, left.scale() + right.scale()).ok()
}
