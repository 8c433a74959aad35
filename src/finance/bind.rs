//! A definition's sides looked up in the installation: connectors of files, streams of the hub; every name that is not there is
//! reported with its place.
//!
//! Not here: what a definition says otherwise (`definition`), how cells are resolved (`record_rows`).

use std::cell::OnceCell;
use std::path::Path;
use std::sync::Arc;

use crate::config::yaml::{Context, Diagnostics, Source};
use crate::connector::registry::Registry;

use super::definition::{Definition, From, SideSpec};
use super::files;
use super::record_rows::{HubStreams, RecordRows, Terms, resolve};

/// The installation's connectors, read once, when the first side of files asks for them.
pub struct Connectors<'i> {
    installation: &'i Path,
    registry: OnceCell<Result<Registry, Diagnostics>>,
}

impl<'i> Connectors<'i> {
    pub fn of(installation: &'i Path) -> Connectors<'i> {
        Connectors { installation, registry: OnceCell::new() }
    }

    fn registry(&self) -> Result<&Registry, Diagnostics> {
        self.registry.get_or_init(|| Registry::load(self.installation)).as_ref().map_err(Clone::clone)
    }
}

/// Binds the sides; `source` is the definition's text, for places. Without `streams`, sides of the hub's are left as they are: what
/// a kept run took of them was kept as rows.
pub fn bind(
    definition: &mut Definition,
    source: &Arc<Source>,
    connectors: &Connectors<'_>,
    streams: Option<&HubStreams>,
) -> Result<(), Diagnostics> {
    let bank = definition.payouts.as_mut().and_then(|payouts| payouts.bank.as_mut());
    let mut sides: Vec<&mut SideSpec> = definition.sides.iter_mut().chain(bank).collect();
    let reads_files = sides.iter().any(|side| matches!(side.from, From::Files(_)));
    let registry = if reads_files { Some(connectors.registry()?) } else { None };
    let cx = Context::new(source);
    let terms = Terms { zone: definition.zone.clone(), measure: definition.rules.measure };
    for side in &mut sides {
        if let Some(registry) = registry {
            files::bind(side, &cx, registry, &terms);
        }
        if let Some(streams) = streams {
            side.rows = of_hub(side, &cx, streams, &terms).map(Arc::new);
        }
    }
    cx.finish().into_result(Some(()))
}

fn of_hub(side: &SideSpec, cx: &Context, streams: &HubStreams, terms: &Terms) -> Option<RecordRows> {
    let entity = match &side.from {
        From::Mirror(stream) => streams.mirror(stream),
        From::Live(stream) => streams.live(stream),
        From::Table(_) | From::Files(_) => return None,
    };
    match entity {
        Ok(entity) => resolve(cx, terms, side, entity),
        Err(wrong) => {
            cx.error(side.from_span, wrong.message, wrong.help);
            None
        }
    }
}
