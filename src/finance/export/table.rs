//! A section as columns, rows and totals: what every tabular format lays out.
//!
//! Not here: what sections there are, how a cell looks in a format.

use std::collections::BTreeSet;

use crate::model::Date;
use crate::recon::unit::Unit;

use super::section::Section;

/// An exact amount of its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) unit: Unit,
    pub(super) minor: i128,
}

impl Value {
    /// In whole units: `-12.50`.
    pub(super) fn decimal(self) -> String {
        self.unit.decimal(self.minor)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Empty,
    Text(String),
    Number(i128),
    Date(Date),
    Amount(Value),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Date,
    Amount,
}

#[derive(Debug, Clone)]
pub(super) struct Column {
    /// `amount_a`.
    pub(super) name: String,
    pub(super) kind: Kind,
    /// It is added up per unit.
    pub(super) summed: bool,
}

/// What the totals of a table are, and so their formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Totals {
    None,
    /// Per unit, the sum of the rows.
    Sum,
    /// Per unit, rows that count by what stands in `line`: these are added, all others taken off. It must come to 0.
    Residual {
        line: usize,
        added: &'static [&'static str],
    },
}

#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) section: Section,
    pub(super) columns: Vec<Column>,
    /// The column that holds the unit, of tables that have totals.
    pub(super) unit: usize,
    pub(super) rows: Vec<Vec<Cell>>,
    pub(super) totals: Totals,
}

/// One line of totals.
pub(super) struct Total {
    pub(super) unit: Unit,
    pub(super) cells: Vec<Cell>,
}

impl Table {
    pub(super) fn new(section: Section, columns: &[(&str, Kind)], totals: Totals) -> Table {
        let column = |(name, kind): &(&str, Kind)| Column {
            name: (*name).to_owned(),
            kind: *kind,
            summed: *kind == Kind::Amount && totals != Totals::None,
        };
        let unit = columns.iter().position(|(name, _)| *name == "unit").unwrap_or_default();
        Table { section, columns: columns.iter().map(column).collect(), unit, rows: Vec::new(), totals }
    }

    /// Column numbers that are added up although they are no amounts.
    pub(super) fn with_counts(mut self, names: &[&str]) -> Table {
        for column in &mut self.columns {
            column.summed |= names.contains(&column.name.as_str());
        }
        self
    }

    pub(super) fn label(&self) -> &'static str {
        match self.totals {
            Totals::None | Totals::Sum => "total",
            Totals::Residual { .. } => "residual (must be 0)",
        }
    }

    /// Where the label of the totals stands: beside the unit, in the first column of text.
    pub(super) fn label_at(&self) -> usize {
        if let Totals::Residual { line, .. } = self.totals {
            return line;
        }
        let text = |(at, column): &(usize, &Column)| *at != self.unit && column.kind == Kind::Text;
        self.columns.iter().enumerate().find(text).map_or(0, |(at, _)| at)
    }

    /// The units that occur, each with what its rows come to. Nothing if a sum does not fit 128 bits.
    pub(super) fn sums(&self) -> Option<Vec<Total>> {
        if self.totals == Totals::None {
            return Some(Vec::new());
        }
        self.units().into_iter().map(|unit| self.total(unit)).collect()
    }

    fn units(&self) -> BTreeSet<Unit> {
        self.rows.iter().filter_map(|row| self.unit_of(row)).collect()
    }

    fn unit_of(&self, row: &[Cell]) -> Option<Unit> {
        match row.get(self.unit) {
            Some(Cell::Text(text)) => Unit::parse(text).ok(),
            Some(Cell::Empty | Cell::Number(_) | Cell::Date(_) | Cell::Amount(_)) | None => None,
        }
    }

    fn total(&self, unit: Unit) -> Option<Total> {
        let mut sums = vec![0_i128; self.columns.len()];
        for row in self.rows.iter().filter(|row| self.unit_of(row) == Some(unit)) {
            let negative = self.is_taken_off(row);
            for (sum, cell) in sums.iter_mut().zip(row) {
                let number = match cell {
                    Cell::Number(number) | Cell::Amount(Value { minor: number, .. }) => *number,
                    Cell::Empty | Cell::Text(_) | Cell::Date(_) => continue,
                };
                *sum = if negative { sum.checked_sub(number)? } else { sum.checked_add(number)? };
            }
        }
        let cell = |(at, (column, sum)): (usize, (&Column, i128))| match column.kind {
            _ if at == self.unit => Cell::Text(unit.as_str().to_owned()),
            _ if at == self.label_at() => Cell::Text(self.label().to_owned()),
            Kind::Amount if column.summed => Cell::Amount(Value { unit, minor: sum }),
            Kind::Number if column.summed => Cell::Number(sum),
            Kind::Text | Kind::Date | Kind::Amount | Kind::Number => Cell::Empty,
        };
        Some(Total { unit, cells: self.columns.iter().zip(sums).enumerate().map(cell).collect() })
    }

    fn is_taken_off(&self, row: &[Cell]) -> bool {
        match (self.totals, row) {
            (Totals::Residual { line, added }, row) => match row.get(line) {
                Some(Cell::Text(text)) => !added.contains(&text.as_str()),
                Some(Cell::Empty | Cell::Number(_) | Cell::Date(_) | Cell::Amount(_)) | None => true,
            },
            (Totals::None | Totals::Sum, _) => false,
        }
    }
}
