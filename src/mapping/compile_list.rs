//! Compiling `each` of the `in` table: its lists, its condition and its joins.
//!
//! Not here: the fields of an item (see `compile_in`), applying it (see `list`).

use super::compile::{Compiler, JoinName};
use super::expr::Path;
use super::list::Join;
use super::spec::{CellSpec, JoinSpec, SourceSpec};

/// The lists that an `each` goes over; `None` has been reported.
pub(super) fn lists(compiler: &mut Compiler<'_>, spec: &CellSpec) -> Option<Vec<Path>> {
    match &spec.source {
        SourceSpec::Lists(paths) if paths.is_empty() => {
            compiler.error(
                &spec.place,
                "`each` goes over no list",
                "name one: `each: lines`, or several: `each: [a, b]`",
            );
            None
        }
        SourceSpec::Lists(paths) => paths.iter().map(|path| compiler.plain_path(path, "each")).collect(),
        SourceSpec::Path(path) => compiler.plain_path(path, "each").map(|path| vec![path]),
        SourceSpec::Expr(text) | SourceSpec::Ref { field: text, .. } => {
            compiler.error(&text.place, "`each` is a path", "");
            None
        }
        SourceSpec::Const(_) | SourceSpec::Nothing => {
            compiler.error(&spec.place, "a list needs to know its items", "say `each: path`");
            None
        }
    }
}

/// The joins of a list, whose names are known from here on; the caller forgets them behind the list. `prefix` is where the
/// list's own paths start in the payload.
pub(super) fn joins(compiler: &mut Compiler<'_>, specs: &[JoinSpec], prefix: &str) -> Option<Vec<Join>> {
    let compiled: Vec<Option<Join>> = specs.iter().map(|spec| join(compiler, spec)).collect();
    for (spec, join) in specs.iter().zip(&compiled) {
        let list = join.as_ref().map_or_else(String::new, |join| place(join, prefix));
        compiler.joins.push(JoinName { name: spec.name.value.clone(), list });
    }
    compiled.into_iter().collect()
}

fn join(compiler: &mut Compiler<'_>, spec: &JoinSpec) -> Option<Join> {
    let name = &spec.name;
    let is_name = name.value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.value.starts_with(|c: char| c.is_ascii_digit());
    if !is_name {
        compiler.error(&name.place, format!("`{}` is no name", name.value), "letters, digits and `_`: `as: shipped`");
    }
    let taken = ["record", "item", "settings", "binding"].contains(&name.value.as_str());
    if taken || compiler.joins.iter().any(|known| known.name == name.value) {
        compiler.error(&name.place, format!("`{}` is taken", name.value), "give the join a name of its own");
    }
    let (of_record, list) = match compiler.path(&spec.list)? {
        (None | Some("item"), list) => (false, list),
        (Some("record"), list) => (true, list),
        (Some(other), _) => {
            compiler.unknown(&spec.list.place, "variable", other, &["record"]);
            return None;
        }
    };
    let when = match &spec.when {
        Some(when) => Some(compiler.item_expression(when)?),
        None => None,
    };
    let items = match &spec.items {
        Some(items) => Some(compiler.plain_path(items, "items")?),
        None => None,
    };
    let (here, there) = (key(compiler, &spec.here)?, key(compiler, &spec.there)?);
    let optional = spec.optional;
    Some(Join { name: name.value.clone(), of_record, list, when, items, here, there, optional })
}

fn key(compiler: &mut Compiler<'_>, text: &crate::config::yaml::Spanned<String>) -> Option<Path> {
    let path = compiler.plain_path(text, "on")?;
    if path.is_many() {
        compiler.error(&text.place, "a key is one value", "take one with `[0]`");
        return None;
    }
    Some(path)
}

fn place(join: &Join, prefix: &str) -> String {
    let base = if join.of_record { "" } else { prefix };
    let list = join.list.as_str().trim_end_matches("[]");
    match &join.items {
        Some(items) => format!("{base}{list}[].{}", items.as_str().trim_end_matches("[]")),
        None => format!("{base}{list}"),
    }
}
