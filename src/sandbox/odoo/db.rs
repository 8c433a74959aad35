//! Tables of rows with Odoo's bookkeeping, and the history that the verdict needs and the hub cannot see.
//!
//! Not here: what methods do, and JSON.

use std::collections::{BTreeMap, BTreeSet};

use super::cell::{Cell, MICRO};
use super::models::{self, Kind};
use crate::sandbox::clock;

pub type Row = BTreeMap<&'static str, Cell>;

#[derive(Debug, Default)]
pub struct Db {
    tables: BTreeMap<&'static str, BTreeMap<i64, Row>>,
    last_ids: BTreeMap<&'static str, i64>,
    /// States of each sales order, oldest first.
    pub states: BTreeMap<i64, Vec<String>>,
    /// Every quantity that was ever free of each product, in pieces.
    pub levels: BTreeMap<i64, BTreeSet<i64>>,
    /// Seconds by which the transaction under way will have been late when it commits.
    pub late_by_s: i64,
}

impl Db {
    pub fn table(&self, model: &str) -> impl DoubleEndedIterator<Item = (i64, &Row)> {
        self.tables.get(model).into_iter().flatten().map(|(id, row)| (*id, row))
    }

    pub fn row(&self, model: &str, id: i64) -> Option<&Row> {
        self.tables.get(model)?.get(&id)
    }

    pub fn cell(&self, model: &str, id: i64, field: &str) -> Cell {
        self.row(model, id).and_then(|row| row.get(field)).cloned().unwrap_or(Cell::Empty)
    }

    /// Furniture: long there, and never changed since.
    pub fn insert_at(&mut self, model: &'static str, id: i64, cells: &[(&'static str, Cell)]) {
        let at_s = clock::now_s() - 86_400;
        let mut row: Row = cells.iter().cloned().collect();
        row.insert("write_date", Cell::Time(at_s));
        row.insert("create_date", Cell::Time(at_s));
        self.tables.entry(model).or_default().insert(id, row);
        let last = self.last_ids.entry(model).or_insert(0);
        *last = (*last).max(id);
    }

    pub fn insert(&mut self, model: &'static str, cells: &[(&'static str, Cell)], at_s: i64) -> i64 {
        let last = self.last_ids.entry(model).or_insert(40);
        *last += 1;
        let id = *last;
        let mut row: Row = cells.iter().cloned().collect();
        row.insert("write_date", Cell::Time(at_s));
        row.insert("create_date", Cell::Time(at_s));
        self.tables.entry(model).or_default().insert(id, row);
        id
    }

    /// Writes cells and moves `write_date`, though never back.
    pub fn update(&mut self, model: &str, id: i64, cells: &[(&'static str, Cell)]) -> bool {
        let at_s = self.now_s();
        let Some(row) = self.tables.get_mut(model).and_then(|table| table.get_mut(&id)) else { return false };
        let before_s = match row.get("write_date") {
            Some(Cell::Time(before_s)) => *before_s,
            Some(Cell::Empty | Cell::Flag(_) | Cell::Whole(_) | Cell::Micro(_) | Cell::Text(_)) | None => 0,
        };
        for (name, cell) in cells {
            row.insert(*name, cell.clone());
        }
        row.insert("write_date", Cell::Time(at_s.max(before_s)));
        true
    }

    pub fn remove(&mut self, model: &str, id: i64) {
        if let Some(table) = self.tables.get_mut(model) {
            table.remove(&id);
        }
    }

    /// When the transaction began, which is what `write_date` says.
    pub fn now_s(&self) -> i64 {
        clock::now_s() - self.late_by_s
    }

    /// Rows of `model` whose many2one `field` is `id`.
    pub fn pointing(&self, model: &str, field: &str, id: i64) -> Vec<i64> {
        let points = |row: &Row| row.get(field).and_then(Cell::whole) == Some(id);
        self.table(model).filter(|(_, row)| points(row)).map(|(id, _)| id).collect()
    }

    pub fn display_name(&self, model: &str, id: i64) -> String {
        let name = match self.cell(model, id, "complete_name") {
            Cell::Text(name) => name,
            Cell::Empty | Cell::Flag(_) | Cell::Whole(_) | Cell::Micro(_) | Cell::Time(_) => {
                self.cell(model, id, "name").as_text().to_owned()
            }
        };
        match self.cell(model, id, "default_code") {
            Cell::Text(code) => format!("[{code}] {name}"),
            Cell::Empty | Cell::Flag(_) | Cell::Whole(_) | Cell::Micro(_) | Cell::Time(_) => name,
        }
    }

    /// Whether `location` is `root` or lies below it.
    pub fn below(&self, location: i64, root: i64) -> bool {
        let mut here = Some(location);
        while let Some(id) = here {
            if id == root {
                return true;
            }
            here = self.cell("stock.location", id, "location_id").whole();
        }
        false
    }

    /// On hand and reserved at a location and below, in millionths.
    pub fn stock(&self, product: i64, root: i64) -> (i64, i64) {
        let here = self.pointing("stock.quant", "product_id", product).into_iter().filter(|id| {
            self.cell("stock.quant", *id, "location_id").whole().is_some_and(|location| self.below(location, root))
        });
        here.fold((0, 0), |(on_hand, reserved), id| {
            let cell = |field: &str| self.cell("stock.quant", id, field).micro();
            (on_hand + cell("quantity"), reserved + cell("reserved_quantity"))
        })
    }

    /// Free pieces of a product now.
    pub fn free(&self, product: i64) -> i64 {
        let (on_hand, reserved) = self.stock(product, models::STOCK_LOCATION);
        (on_hand - reserved) / MICRO
    }

    pub fn remember_level(&mut self, product: i64) {
        let free = self.free(product);
        self.levels.entry(product).or_default().insert(free);
    }

    /// A field's value, computed where Odoo computes it; `location` is the context's.
    pub fn value(&self, model: &str, id: i64, field: &str, location: Option<i64>) -> Cell {
        match (model, field) {
            (_, "id") => Cell::Whole(id),
            (_, "display_name") => Cell::Text(self.display_name(model, id)),
            ("product.product", "qty_available" | "free_qty" | "virtual_available") => {
                let (on_hand, reserved) = self.stock(id, location.unwrap_or(models::STOCK_LOCATION));
                Cell::Micro(if field == "qty_available" { on_hand } else { on_hand - reserved })
            }
            ("product.product", "incoming_qty" | "outgoing_qty") => Cell::Micro(0),
            ("stock.quant", "available_quantity") => {
                let cell = |field: &str| self.cell(model, id, field).micro();
                Cell::Micro(cell("quantity") - cell("reserved_quantity"))
            }
            ("sale.order", "delivery_status") => self.delivery_status(id),
            _ => match models::kind(model, field) {
                // A number and a flag are never empty.
                Some(Kind::Number) => Cell::Micro(self.cell(model, id, field).micro()),
                Some(Kind::Flag) => match self.cell(model, id, field) {
                    Cell::Flag(flag) => Cell::Flag(flag),
                    Cell::Empty | Cell::Whole(_) | Cell::Micro(_) | Cell::Text(_) | Cell::Time(_) => Cell::Flag(false),
                },
                Some(Kind::Text | Kind::Whole | Kind::Time | Kind::Ref(_) | Kind::Many(..)) | None => {
                    self.cell(model, id, field)
                }
            },
        }
    }

    fn delivery_status(&self, order: i64) -> Cell {
        let pickings = self.pointing("stock.picking", "sale_id", order);
        let states: Vec<Cell> = pickings.iter().map(|id| self.cell("stock.picking", *id, "state")).collect();
        let open = states.iter().filter(|state| state.as_text() != "cancel").count();
        match (open, states.iter().any(|state| state.as_text() == "done")) {
            (0, _) => Cell::Empty,
            (_, true) => Cell::text("full"),
            (_, false) => Cell::text("pending"),
        }
    }
}
