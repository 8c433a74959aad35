//! A side's cells against an entity's fields: what a definition names is looked up once, and every mistake is reported with its
//! place.
//!
//! Not here: which entity a side is made of (`hub_streams`, `files`), making rows (`make`).

use std::cell::Cell as Flag;
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::config::yaml::{Context, Span, suggest};
use crate::model::{Entity, FieldPath, FieldType};
use crate::recon::large::FieldKind;
use crate::recon::rules::Measure;
use crate::recon::unit::Unit;

use super::plan::{AmountCell, BesideCell, FieldCell, OutOfScope, RecordRows, TextCell};
use crate::finance::definition::{Cell, SideSpec};

/// The record's key as its system writes it.
const KEY: &str = "@key";
/// The record's name across systems: an order's number, a level's SKU and location.
const NATURAL_KEY: &str = "@natural_key";

/// What holds for both sides of a reconciliation.
#[derive(Debug, Clone)]
pub struct Terms {
    pub zone: TimeZone,
    pub measure: Measure,
}

/// Resolves a side for an entity; nothing if a mistake was reported.
pub fn resolve(cx: &Context, terms: &Terms, side: &SideSpec, entity: Entity) -> Option<RecordRows> {
    let resolver = Resolver { cx, terms, side, entity, wrong: Flag::new(false) };
    let rows = resolver.rows();
    rows.filter(|_| !resolver.wrong.get())
}

struct Resolver<'r> {
    cx: &'r Context,
    terms: &'r Terms,
    side: &'r SideSpec,
    entity: Entity,
    /// A mistake was reported.
    wrong: Flag<bool>,
}

impl Resolver<'_> {
    fn rows(&self) -> Option<RecordRows> {
        let side = self.side;
        let amounts: Vec<Option<AmountCell>> = match side.split.as_slice() {
            [] => vec![self.amount(None, &side.amount)],
            split => split.iter().map(|(name, cell)| self.amount(Some(name), cell)).collect(),
        };
        let exclude = side.exclude.iter().filter_map(|exclusion| {
            let from = self.named(&exclusion.from, exclusion.span)?;
            let (rule, is, is_not) = (exclusion.name.clone(), exclusion.is.clone(), exclusion.is_not.clone());
            Some(OutOfScope { rule, from, is, is_not })
        });
        let rows = RecordRows {
            entity: self.entity,
            zone: self.terms.zone.clone(),
            keys: side.keys.iter().map(|cell| self.text(cell.as_ref())).collect(),
            amounts: Vec::new(),
            currency: side.currency.as_ref().and_then(|cell| self.currency(cell)),
            unit: self.unit(),
            date: side.date.as_ref().and_then(|cell| self.day(cell)),
            status: self.text(side.status.as_ref()),
            parent: self.text(side.parent.as_ref()),
            category: self.text(side.category.as_ref()),
            lines: side.lines.as_ref().and_then(|cell| self.lines(cell)),
            fields: side.fields.iter().map(|cell| self.field(cell.as_ref()?)).collect(),
            parts: side.parts.iter().map(|cell| self.beside(cell.as_ref()?)).collect(),
            exclude: exclude.collect(),
        };
        Some(RecordRows { amounts: amounts.into_iter().collect::<Option<_>>()?, ..rows })
    }

    /// Pieces are what a quantity is counted in, unless it says otherwise.
    fn unit(&self) -> Option<Unit> {
        let counts = self.terms.measure == Measure::Quantity && self.side.currency.is_none();
        self.side.unit.or_else(|| counts.then_some(Unit::Pieces))
    }

    /// Money has its currency, anything else needs one.
    fn amount(&self, name: Option<&Arc<str>>, cell: &Cell) -> Option<AmountCell> {
        let path = self.value(cell, "amount")?;
        let is_money = matches!(path.ty(), FieldType::Money);
        let stated = self.side.unit.is_some() || self.side.currency.is_some();
        let told = if is_money && stated {
            Some((format!("`{}` has its own currency", cell.from), "leave `currency` and `unit` out"))
        } else if is_money && self.terms.measure == Measure::Quantity {
            let message = format!("`{}` is money, and `measure: quantity` counts pieces", cell.from);
            Some((message, "name a quantity, or leave `measure` out"))
        } else if !is_money && !is_number(&path) {
            return self.no_amount(cell, &path);
        } else if !is_money && !stated && self.unit().is_none() {
            let message = format!("`{}` has no currency", cell.from);
            Some((message, "add `unit: EUR`, `unit: pcs` or `currency: <field>`"))
        } else {
            None
        };
        if let Some((message, help)) = told {
            return self.refuse(cell.span, message, help);
        }
        Some(AmountCell { name: name.cloned(), path, from: cell.from.as_str().into(), negate: cell.negate })
    }

    /// A part, or a field that is compared as an amount.
    fn beside(&self, cell: &Cell) -> Option<BesideCell> {
        let path = self.value(cell, "amount")?;
        let is_money = matches!(path.ty(), FieldType::Money);
        if !is_money && !is_number(&path) {
            return self.no_amount(cell, &path);
        }
        if is_money && self.side.currency.is_none() && self.unit() == Some(Unit::Pieces) {
            let message = format!("`{}` is money, and the rows count pieces", cell.from);
            return self.refuse(cell.span, message, "name a quantity");
        }
        Some(BesideCell { path, negate: cell.negate })
    }

    fn no_amount<T>(&self, cell: &Cell, path: &FieldPath) -> Option<T> {
        self.is_none(cell, path, "amount", "name a field that holds money or a quantity")
    }

    /// What a compared field is follows from the schema, unless it is said.
    fn field(&self, cell: &Cell) -> Option<FieldCell> {
        let kind = match (cell.kind, FieldPath::parse(self.entity, &cell.from)) {
            (FieldKind::Text, Ok(path)) if matches!(path.ty(), FieldType::Money) => FieldKind::Amount,
            (FieldKind::Text, Ok(path)) if matches!(path.ty(), FieldType::Date) => FieldKind::Date,
            (stated, _) => stated,
        };
        match kind {
            FieldKind::Text => self.text(Some(cell)).map(FieldCell::Text),
            FieldKind::Amount => self.beside(cell).map(FieldCell::Amount),
            FieldKind::Date => self.day(cell).map(FieldCell::Date),
        }
    }

    fn day(&self, cell: &Cell) -> Option<FieldPath> {
        self.plus(cell)?;
        let path = self.value(cell, "day")?;
        if matches!(path.ty(), FieldType::Date | FieldType::Timestamp | FieldType::Text) {
            return Some(path);
        }
        self.is_none(cell, &path, "day", "name a day or an instant")
    }

    fn currency(&self, cell: &Cell) -> Option<FieldPath> {
        self.plus(cell)?;
        let path = self.value(cell, "currency")?;
        if matches!(path.ty(), FieldType::Currency | FieldType::Text) {
            return Some(path);
        }
        self.is_none(cell, &path, "currency", "name a field that holds a currency's code")
    }

    fn lines(&self, cell: &Cell) -> Option<FieldPath> {
        self.plus(cell)?;
        let path = match FieldPath::parse(self.entity, &cell.from) {
            Ok(path) if matches!(path.ty(), FieldType::List(_)) && !path.is_many() => path,
            Ok(_) | Err(_) => self.value(cell, "number of lines")?,
        };
        if matches!(path.ty(), FieldType::List(_)) || is_number(&path) {
            return Some(path);
        }
        self.is_none(cell, &path, "number of lines", "name a list such as `lines`, or a number")
    }

    fn is_none<T>(&self, cell: &Cell, path: &FieldPath, what: &str, help: &str) -> Option<T> {
        self.refuse(cell.span, format!("`{}` is {}, and no {what}", cell.from, path.ty().name()), help)
    }

    /// What is no amount has no sign.
    fn plus(&self, cell: &Cell) -> Option<()> {
        if !cell.negate {
            return Some(());
        }
        self.refuse(cell.span, format!("`{}` is no amount here: `negate` turns nothing", cell.from), "leave it out")
    }

    fn text(&self, cell: Option<&Cell>) -> Option<TextCell> {
        let cell = cell?;
        self.plus(cell)?;
        self.named(&cell.from, cell.span)
    }

    fn named(&self, from: &str, span: Span) -> Option<TextCell> {
        match from {
            KEY => Some(TextCell::Key),
            NATURAL_KEY => Some(TextCell::NaturalKey),
            path => self.path(path, span).map(TextCell::Path),
        }
    }

    /// Names are neither amounts nor days.
    fn value(&self, cell: &Cell, what: &str) -> Option<FieldPath> {
        if cell.from == KEY || cell.from == NATURAL_KEY {
            let help = "it stands for a text: in keys, `parent`, `status`, `category`, `fields` and exclusions";
            return self.refuse(cell.span, format!("`{}` names a record, and is no {what}", cell.from), help);
        }
        self.path(&cell.from, cell.span)
    }

    fn path(&self, text: &str, span: Span) -> Option<FieldPath> {
        if text.starts_with('@') {
            return self.refuse(span, format!("there is no `{text}`"), suggest(text, &[KEY, NATURAL_KEY]));
        }
        let entity = self.entity;
        match FieldPath::parse(entity, text) {
            Ok(path) if path.is_many() || matches!(path.ty(), FieldType::Object(_) | FieldType::List(_)) => self
                .refuse(span, format!("`{text}` is not one value"), "name a field inside it, such as `lines[0].sku`"),
            Ok(path) => Some(path),
            Err(error) => {
                self.refuse(span, error.to_string(), format!("docs/events.md lists the fields of a {entity}"))
            }
        }
    }

    fn refuse<T>(&self, span: Span, message: impl Into<String>, help: impl Into<String>) -> Option<T> {
        self.wrong.set(true);
        self.cx.error(span, message, help);
        None
    }
}

/// Without a currency of its own; extras have no type, so that each record shows.
fn is_number(path: &FieldPath) -> bool {
    path.is_extra() || matches!(path.ty(), FieldType::Quantity | FieldType::Decimal | FieldType::Integer)
}
