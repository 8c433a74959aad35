//! From a side's names to the installation's connector, stream, mapping and fields; every name that is not there is reported.
//!
//! Not here: what the definition says otherwise (`definition`).

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::config::yaml::{Context, Diagnostic, Diagnostics, Source, Span, Spanned, suggest};
use crate::connector::manifest::StreamEntity;
use crate::connector::registry::Registry;
use crate::finance::definition::{Cell, Definition, Files, From, SideSpec};
use crate::mapping::{Mapping, Values};
use crate::model::{Entity, FieldPath, FieldType};
use crate::recon::large::FieldKind;

use super::bound::{AmountCell, Bound, OutOfScope, Plan};

/// Binds the sides that connectors read to what the installation has; `source` is the definition's text, for places.
pub fn bind(definition: &mut Definition, source: &Arc<Source>, installation: &Path) -> Result<(), Diagnostics> {
    if !definition.sides.iter().any(|side| matches!(side.from, From::Files(_))) {
        return Ok(());
    }
    let registry = Registry::load(installation)?;
    let cx = Context::new(source);
    let zone = definition.zone.clone();
    for side in &mut definition.sides {
        let From::Files(sets) = &side.from else { continue };
        let bind = |files: &Files| Binder { cx: &cx, registry: &registry, files, side }.bind(zone.clone());
        let bound: Vec<_> = sets.iter().map(|files| bind(files).map(Arc::new)).collect();
        if let From::Files(sets) = &mut side.from {
            sets.iter_mut().zip(bound).for_each(|(files, bound)| files.bound = bound);
        }
    }
    cx.finish().into_result(Some(()))
}

struct Binder<'b> {
    cx: &'b Context,
    registry: &'b Registry,
    files: &'b Files,
    side: &'b SideSpec,
}

impl Binder<'_> {
    fn bind(&self, zone: jiff::tz::TimeZone) -> Option<Bound> {
        let Files { connector, stream, .. } = self.files;
        let Some(known) = self.registry.connector(connector) else {
            let names = self.registry.names();
            self.at(connector, format!("there is no connector `{}`", connector.value), suggest(connector, &names));
            return None;
        };
        let manifest = &known.manifest;
        let Some(described) = manifest.stream(stream) else {
            let names: Vec<&str> = manifest.streams.iter().map(|stream| stream.name.as_str()).collect();
            let message = format!("`{}` has no stream `{}`", connector.value, stream.value);
            self.at(stream, message, suggest(stream, &names));
            return None;
        };
        let (Some(read), StreamEntity::One(entity), Some(key)) =
            (described.file_read(), described.entity, &described.key)
        else {
            let message = format!("stream `{}` of `{}` does not read files", stream.value, connector.value);
            self.at(stream, message, "`syncline connectors NAME` shows what a connector's streams do");
            return None;
        };
        let mut spec = match read.spec(&self.files.settings) {
            Ok(spec) => spec,
            Err(error) => {
                self.at(connector, error.to_string(), "state what it needs under `settings`");
                return None;
            }
        };
        spec.encoding = self.files.encoding.unwrap_or(spec.encoding);
        let name = described.mapping_name(connector);
        let sources = name.as_deref().map(|name| self.registry.mapping(name)).unwrap_or_default();
        let values = self.registry.mapping(&format!("{}/values", connector.value));
        let mapping = match &name {
            None => None,
            Some(_) => Some(self.mapping(sources, values)?),
        };
        let mut hash = Sha256::new();
        for source in std::iter::once(&known.source).chain(sources).chain(values) {
            hash.update((source.text().len() as u64).to_be_bytes());
            hash.update(source.text());
        }
        Some(Bound {
            label: format!("{}/{}", connector.value, stream.value),
            fingerprint: hex::encode(&hash.finalize()[..6]),
            spec,
            completeness: read.completeness.clone(),
            entity,
            mapping,
            key: key.value.clone(),
            settings: self.files.settings.clone(),
            zone,
            plan: self.plan(entity)?,
        })
    }

    fn mapping(&self, sources: &[Arc<Source>], values: &[Arc<Source>]) -> Option<Mapping> {
        let loaded = Values::load(values).and_then(|values| Mapping::load(sources, &values));
        match loaded {
            Ok(mapping) if mapping.maps_in() => Some(mapping),
            Ok(_) => {
                let message = format!("no mapping reads stream `{}`", self.files.stream.value);
                self.at(&self.files.stream, message, "name a stream that has one");
                None
            }
            Err(problems) => {
                problems.iter().for_each(|problem| self.cx.push(problem.clone()));
                None
            }
        }
    }

    fn plan(&self, entity: Entity) -> Option<Plan> {
        let side = self.side;
        let path = |cell: &Option<Cell>| match cell {
            Some(cell) => self.path(entity, cell).map(Some),
            None => Some(None),
        };
        let each = |cells: &[Option<Cell>]| cells.iter().map(path).collect::<Vec<_>>();
        let amounts: Vec<Option<AmountCell>> = match side.split.as_slice() {
            [] => vec![self.amount(entity, None, &side.amount)],
            split => split.iter().map(|(name, cell)| self.amount(entity, Some(name), cell)).collect(),
        };
        let keys = each(&side.keys);
        let (currency, date) = (path(&side.currency), path(&side.date));
        if let (Some(Some(date)), Some(cell)) = (&date, &side.date)
            && !matches!(date.ty(), FieldType::Date | FieldType::Timestamp | FieldType::Text)
        {
            self.refuse(
                cell.span,
                format!("`{}` is {}, and no day", cell.from, date.ty().name()),
                "name a day or an instant",
            );
        }
        let (status, parent) = (path(&side.status), path(&side.parent));
        let (category, lines) = (path(&side.category), path(&side.lines));
        let fields: Vec<Option<Option<(FieldPath, FieldKind)>>> =
            each(&side.fields).into_iter().zip(&side.fields).map(|(path, cell)| typed(path?, cell.as_ref())).collect();
        let parts = each(&side.parts)
            .into_iter()
            .zip(&side.parts)
            .map(|(path, cell)| Some(path?.map(|path| (path, cell.as_ref().is_some_and(|cell| cell.negate)))));
        let parts: Vec<Option<Option<(FieldPath, bool)>>> = parts.collect();
        let exclude: Vec<Option<OutOfScope>> = side
            .exclude
            .iter()
            .map(|exclusion| {
                let path = self.parsed(entity, &exclusion.from, exclusion.span)?;
                let (rule, is, is_not) = (exclusion.name.clone(), exclusion.is.clone(), exclusion.is_not.clone());
                Some(OutOfScope { rule, path, is, is_not })
            })
            .collect();
        Some(Plan {
            keys: keys.into_iter().collect::<Option<_>>()?,
            amounts: amounts.into_iter().collect::<Option<_>>()?,
            currency: currency?,
            unit: side.unit,
            date: date?,
            status: status?,
            parent: parent?,
            category: category?,
            lines: lines?,
            fields: fields.into_iter().collect::<Option<_>>()?,
            parts: parts.into_iter().collect::<Option<_>>()?,
            exclude: exclude.into_iter().collect::<Option<_>>()?,
        })
    }

    /// Money has its currency, anything else needs one.
    fn amount(&self, entity: Entity, name: Option<&Arc<str>>, cell: &Cell) -> Option<AmountCell> {
        let path = self.path(entity, cell)?;
        let stated = self.side.unit.is_some() || self.side.currency.is_some();
        let is_money = matches!(path.ty(), FieldType::Money);
        let counts = matches!(path.ty(), FieldType::Quantity | FieldType::Decimal | FieldType::Integer);
        let told = match (is_money, stated) {
            (true, true) => Some((format!("`{}` has its own currency", cell.from), "leave `currency` and `unit` out")),
            (true, false) => None,
            (false, _) if !counts && !path.is_extra() => Some((
                format!("`{}` is {}, and no amount", cell.from, path.ty().name()),
                "name a field that holds money or a quantity",
            )),
            (false, false) => Some((
                format!("`{}` has no currency", cell.from),
                "add `unit: EUR`, `unit: pcs` or `currency: <field>`",
            )),
            (false, true) => None,
        };
        if let Some((message, help)) = told {
            self.refuse(cell.span, message, help);
            return None;
        }
        Some(AmountCell { name: name.cloned(), path, negate: cell.negate })
    }

    fn path(&self, entity: Entity, cell: &Cell) -> Option<FieldPath> {
        self.parsed(entity, &cell.from, cell.span)
    }

    fn parsed(&self, entity: Entity, text: &str, span: Span) -> Option<FieldPath> {
        match FieldPath::parse(entity, text) {
            Ok(path) if path.is_many() || matches!(path.ty(), FieldType::Object(_) | FieldType::List(_)) => {
                self.refuse(
                    span,
                    format!("`{text}` is not one value"),
                    "name a field inside it, such as `lines[0].sku`",
                );
                None
            }
            Ok(path) => Some(path),
            Err(error) => {
                self.refuse(span, error.to_string(), format!("docs/events.md lists the fields of a {entity}"));
                None
            }
        }
    }

    fn at(&self, name: &Spanned<String>, message: impl Into<String>, help: impl Into<String>) {
        self.cx.push(Diagnostic::new(&name.place, message).help(help));
    }

    fn refuse(&self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.cx.error(span, message, help);
    }
}

/// What a compared field is follows from the schema, unless it is said.
fn typed(path: Option<FieldPath>, cell: Option<&Cell>) -> Option<Option<(FieldPath, FieldKind)>> {
    let (Some(path), Some(cell)) = (path, cell) else { return Some(None) };
    let kind = match (cell.kind, path.ty()) {
        (FieldKind::Text, FieldType::Money) => FieldKind::Amount,
        (FieldKind::Text, FieldType::Date) => FieldKind::Date,
        (stated, _) => stated,
    };
    Some(Some((path, kind)))
}
