//! One compiled mapping of a connector's entity, applied both ways.
//!
//! Not here: finding and reading the files (config, connector registry).

use std::sync::{Arc, OnceLock};

use serde_json::Value as Json;

use super::compile::Compiler;
use super::compile_in::{self, InPlan};
use super::compile_out;
use super::crosswalk::{Exponents, Values};
use super::error::{Failure, MappingError, MappingFault};
use super::expr::Tree;
use super::inbound::{InContext, Reading, read_extras};
use super::outbound::{OutContext, OutPlan, Writing, write_object};
use super::spec::MappingSpec;
use super::test_spec::TestSpec;
use crate::config::yaml::{Diagnostics, Source};
use crate::model::{Currency, Entity, Record, Value};

/// A checked table, compiled once and used for every record. Applying it is pure and does not block.
#[derive(Debug)]
pub struct Mapping {
    connector: String,
    entity: Entity,
    inward: Option<InPlan>,
    outward: Option<OutPlan>,
    exponents: Exponents,
    name_in: String,
    name_out: String,
    pub(super) tests: Vec<TestSpec>,
}

impl Mapping {
    /// Reads, overlays and checks. `sources` is the shipped file and then overlays, of which each field wins; `values` are
    /// the connector's crosswalks. The error holds every mistake with file, line and column.
    pub fn load(sources: &[Arc<Source>], values: &Values) -> Result<Mapping, Diagnostics> {
        let spec = MappingSpec::load(sources)?;
        let mut compiler = Compiler {
            values,
            defaults: &spec.defaults,
            found: Diagnostics::new(),
            has_currency: false,
            joins: Vec::new(),
        };
        let exponents = spec.exponents(values.exponents(), &mut compiler.found);
        let inward =
            spec.inward.as_ref().map(|fields| compile_in::compile(&mut compiler, spec.entity, fields, &spec.place));
        let outward = spec.outward.as_ref().map(|fields| compile_out::compile(&mut compiler, spec.entity, fields));
        let found = compiler.found;
        let name = format!("{}/{}", spec.connector, spec.entity);
        found.into_result(Some(Mapping {
            connector: spec.connector,
            entity: spec.entity,
            inward,
            outward,
            exponents,
            name_in: format!("{name} (in)"),
            name_out: format!("{name} (out)"),
            tests: spec.tests,
        }))
    }

    pub fn connector(&self) -> &str {
        &self.connector
    }

    pub fn entity(&self) -> Entity {
        self.entity
    }

    pub fn maps_in(&self) -> bool {
        self.inward.is_some()
    }

    pub fn maps_out(&self) -> bool {
        self.outward.is_some()
    }

    /// Whether a test maps in, and whether one maps out.
    pub fn tested(&self) -> (bool, bool) {
        (self.tests.iter().any(|test| !test.outward), self.tests.iter().any(|test| test.outward))
    }

    pub(super) fn inward(&self) -> Option<&InPlan> {
        self.inward.as_ref()
    }

    /// Paths in the payload that say something about a person, for redaction.
    pub fn personal_paths(&self) -> &[String] {
        self.inward.as_ref().map_or(&[], |plan| &plan.personal)
    }

    /// A payload to a record. The first fault stops the record; its error says where and why.
    pub fn map_in<T: Tree>(&self, payload: &T, context: InContext<'_>) -> Result<Record, MappingError> {
        let Some(plan) = &self.inward else { return Err(self.no_direction(&self.name_in)) };
        self.read(plan, payload, context).map_err(|failure| failure.of(&self.name_in))
    }

    fn read<T: Tree>(&self, plan: &InPlan, payload: &T, context: InContext<'_>) -> Result<Record, Failure> {
        let mut reading = Reading {
            root: payload,
            settings: context.settings,
            exponents: &self.exponents,
            currency: None,
            joined: &[],
        };
        reading.currency = self.currency(plan, &reading)?;
        let root = plan.root.read(payload, &reading)?;
        let extra = read_extras(&plan.extras, &reading)?;
        Record::new(self.entity, root, extra).map_err(|error| Failure::new("", "", MappingFault::Record(error)))
    }

    /// The record's currency comes first: its amounts need it.
    fn currency<T: Tree>(&self, plan: &InPlan, reading: &Reading<'_, T>) -> Result<Option<Currency>, Failure> {
        let Some(cell) = plan.root.currency_cell() else { return Ok(None) };
        Ok(match cell.read("currency", reading.root, reading)? {
            Some(Value::Currency(currency)) => Some(currency),
            Some(_) | None => None,
        })
    }

    /// A record to a payload.
    pub fn map_out(&self, record: &Record, context: OutContext<'_>) -> Result<Json, MappingError> {
        let Some(plan) = &self.outward else { return Err(self.no_direction(&self.name_out)) };
        if record.entity() != self.entity {
            let fault =
                MappingFault::Arithmetic(format!("this mapping takes {}, not {}", self.entity, record.entity()));
            return Err(Failure::new("", "", fault).of(&self.name_out));
        }
        let writing = Writing { record, context, exponents: &self.exponents, scope: OnceLock::new() };
        write_object(plan, record.root(), &writing).map(Json::Object).map_err(|failure| failure.of(&self.name_out))
    }

    fn no_direction(&self, name: &str) -> MappingError {
        let fault = MappingFault::Arithmetic("the mapping file does not have this direction".to_owned());
        Failure::new("", "", fault).of(name)
    }
}
