//! The hub's engine with the mapping files of the pipe benchmark.

use std::path::Path;

use serde_json::{Map, Value};
use syncline::connector::registry::Registry;
use syncline::mapping::expr::{Payload, Tree};
use syncline::mapping::{InContext, Mapping, OutContext, Refs, Values};
use syncline::model::Record;

use crate::Outcome;

pub struct Engine {
    inward: Mapping,
    outward: Mapping,
    settings: Value,
    refs: Refs,
}

impl Engine {
    pub fn load() -> Outcome<Engine> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/pipebench/hub");
        let registry = Registry::load(&folder).map_err(|problems| problems.to_string())?;
        let load = |connector: &str| -> Outcome<Mapping> {
            let values = Values::load(registry.mapping(&format!("{connector}/values")));
            let mapping =
                values.and_then(|values| Mapping::load(registry.mapping(&format!("{connector}/order")), &values));
            Ok(mapping.map_err(|problems| problems.to_string())?)
        };
        Ok(Engine {
            inward: load("bench-shop")?,
            outward: load("bench-target")?,
            settings: Value::Object(Map::new()),
            refs: Refs::new(),
        })
    }

    fn record(&self, payload: &impl Tree) -> Outcome<Record> {
        Ok(self.inward.map_in(payload, InContext { settings: &self.settings })?)
    }

    /// What processing costs: the record is dropped.
    pub fn inward(&self, payload: &[u8]) -> Outcome<Vec<u8>> {
        std::hint::black_box(self.record(&Payload::parse(std::str::from_utf8(payload)?)?)?);
        Ok(Vec::new())
    }

    pub fn inward_value(&self, payload: &[u8]) -> Outcome<Vec<u8>> {
        std::hint::black_box(self.record(&serde_json::from_slice::<Value>(payload)?)?);
        Ok(Vec::new())
    }

    /// Both directions, without the canonical text that the store keeps in between.
    pub fn through(&self, payload: &[u8]) -> Outcome<Vec<u8>> {
        let record = self.record(&Payload::parse(std::str::from_utf8(payload)?)?)?;
        let context = OutContext { refs: &self.refs, binding: None, settings: &self.settings };
        Ok(serde_json::to_vec(&self.outward.map_out(&record, context)?)?)
    }
}

/// What `inward` pays before it maps.
pub fn parse(payload: &[u8]) -> Outcome<Vec<u8>> {
    std::hint::black_box(Payload::parse(std::str::from_utf8(payload)?)?);
    Ok(Vec::new())
}
