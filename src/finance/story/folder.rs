//! The stories of an installation: `reconciliations/stories/*.yaml`, read anew each time, checked against its reconciliations.
//!
//! Not here: what stands in a file (`definition`), telling a story.

use std::path::Path;

use crate::config::yaml::{Diagnostic, Diagnostics, Spanned, suggest};
use crate::finance::definition::{Definition, FOLDER, Loaded, sources};
use crate::recon::row::Side;

use super::definition::{Figure, Leg, Story, parse};

/// Below the installation's reconciliations, so that a story is none of them.
const STORIES: &str = "stories";

/// Stories that can be told, in order of their files, and everything that is wrong with the others. Without the folder there are
/// none.
pub fn load_stories(installation: &Path, reconciliations: &[Loaded]) -> (Vec<Story>, Diagnostics) {
    let (sources, mut problems) = sources(installation, &format!("{FOLDER}/{STORIES}"));
    let mut stories = Vec::<Story>::new();
    for (shown, source) in sources {
        let story = match parse(&source) {
            Ok(story) => story,
            Err(found) => {
                problems.extend(found);
                continue;
            }
        };
        let found = check(&story, reconciliations);
        if stories.iter().any(|other| other.name == story.name) {
            let message = format!("another file tells `{}` too", story.name);
            problems.push(Diagnostic::file(shown, message).help("give each story a name of its own"));
        } else if found.is_empty() {
            stories.push(story);
        }
        problems.extend(found);
    }
    problems.sort();
    (stories, problems)
}

/// Every name of the story that the reconciliations do not have.
fn check(story: &Story, reconciliations: &[Loaded]) -> Diagnostics {
    let mut found = Diagnostics::new();
    let defined =
        |name: &str| reconciliations.iter().map(|loaded| &loaded.definition).find(|known| *known.name == *name);
    let names: Vec<&str> = reconciliations.iter().map(|loaded| &*loaded.definition.name).collect();
    for leg in &story.legs {
        match defined(&leg.leg) {
            Some(definition) => keys(leg, definition, &mut found),
            None => {
                let message = format!("there is no reconciliation `{}` that can be used", leg.leg.value);
                let help = format!("{}; one with mistakes is corrected first", suggest(&leg.leg, &names));
                found.push(Diagnostic::new(&leg.leg.place, message).help(help));
            }
        }
    }
    let legs: Vec<&Definition> = story.legs.iter().filter_map(|leg| defined(&leg.leg)).collect();
    for key in &story.asked_by {
        let known: Vec<&str> = legs.iter().flat_map(|leg| leg.rules.keys.iter().map(|key| &**key)).collect();
        // A leg that is not there may have it.
        if legs.len() == story.legs.len() && !known.contains(&key.value.as_str()) {
            let message = format!("no side of any leg has a key `{}`", key.value);
            found.push(Diagnostic::new(&key.place, message).help(suggest(key, &known)));
        }
    }
    for figure in story.amounts.figures() {
        if let Some(definition) = defined(&figure.leg) {
            field(figure, definition, &mut found);
        }
    }
    reached(story, &defined, &mut found);
    found
}

/// Whether this side's rows carry a key.
pub(super) fn carries(definition: &Definition, side: Side, key: &str) -> bool {
    let at = definition.rules.keys.iter().position(|known| **known == *key);
    at.is_some_and(|at| definition.sides[side.index()].keys.get(at).is_some_and(Option::is_some))
}

fn keys(leg: &Leg, definition: &Definition, found: &mut Diagnostics) {
    let known: Vec<&str> = definition.rules.keys.iter().map(|key| &**key).collect();
    for key in std::iter::once(&leg.by).chain(&leg.leads_to).filter(|key| !known.contains(&key.value.as_str())) {
        let message = format!("no side of `{}` has a key `{}`", definition.name, key.value);
        let help = format!("{}; a side may name keys that no pass uses", suggest(key, &known));
        found.push(Diagnostic::new(&key.place, message).help(help));
    }
}

fn field(figure: &Figure, definition: &Definition, found: &mut Diagnostics) {
    let Some(field) = &figure.field else { return };
    let (rules, spec) = (&definition.rules, &definition.sides[figure.side.index()]);
    let named = rules.fields.iter().zip(&spec.fields).filter(|(_, cell)| cell.is_some());
    let known: Vec<&str> = named.map(|(rule, _)| &*rule.name).collect();
    if !known.contains(&field.value.as_str()) {
        let side = figure.side.as_str().to_lowercase();
        let message = format!("side {side} of `{}` has no field `{}`", definition.name, field.value);
        found.push(Diagnostic::new(&field.place, message).help(suggest(field, &known)));
    }
}

/// A share arrives with its payout: the rows of `net` have to name it.
fn reached<'d>(story: &Story, defined: &impl Fn(&str) -> Option<&'d Definition>, found: &mut Diagnostics) {
    let (Some(reached), Some(net)) = (&story.amounts.reached, &story.amounts.net) else { return };
    let Some(leg) = story.leg(reached).map(|at| &story.legs[at]) else { return };
    let Some(definition) = defined(&net.leg) else { return };
    if !carries(definition, net.side, &leg.by) {
        let by: &Spanned<String> = &leg.by;
        let message = format!("rows of `net` do not say to which `{}` they belong", by.value);
        let help = format!("give side {} of `{}` this key", net.side.as_str().to_lowercase(), definition.name);
        found.push(Diagnostic::new(&reached.place, message).help(help));
    }
}
