//! Values that a vendor writes for "nothing": `false`, `0`, `0000-00-00`, beside null and empty text, which always are.
//!
//! Not here: null itself and what an absent value means for a field (see `cell`).

use super::expr::{Path, Tree};
use super::spec::Style;
use crate::config::yaml::{Context, Decode, Kind as NodeKind, Node};
use crate::model::{Exact, FieldType, Raw};

/// One word of `nulls:` as written. A plain `false` or `0` is the value and its text, a quoted one is the text only.
#[derive(Debug, Clone)]
pub(super) enum NullWord {
    Text(String),
    Bool(bool),
    Number(Exact, String),
}

impl Decode for NullWord {
    fn decode(node: &Node, cx: &Context) -> Option<NullWord> {
        match &node.kind {
            NodeKind::Scalar(scalar) if scalar.is_null() => {
                cx.error(node.span, "null is no value anyway", "list what else means nothing: `nulls: [false]`");
                None
            }
            NodeKind::Scalar(scalar) => Some(match (scalar.plain, scalar.text.as_str()) {
                (true, "true") => NullWord::Bool(true),
                (true, "false") => NullWord::Bool(false),
                (true, text) => match Exact::parse(text) {
                    Ok(number) => NullWord::Number(number, text.to_owned()),
                    Err(_) => NullWord::Text(text.to_owned()),
                },
                (false, text) => NullWord::Text(text.to_owned()),
            }),
            NodeKind::Seq(_) | NodeKind::Map(_) => {
                cx.expected(node, "text, a number, true or false");
                None
            }
        }
    }
}

impl NullWord {
    fn is(&self, raw: Raw<'_>) -> bool {
        match (self, raw) {
            (NullWord::Text(null), Raw::Text(text)) => null == text,
            (NullWord::Bool(null), Raw::Bool(value)) => *null == value,
            (NullWord::Bool(null), Raw::Text(text)) => (if *null { "true" } else { "false" }) == text,
            (NullWord::Number(null, _), Raw::Number(text)) => {
                Exact::parse(text).is_ok_and(|number| same(number, *null))
            }
            (NullWord::Number(_, null), Raw::Text(text)) => null == text,
            (NullWord::Text(_) | NullWord::Bool(_) | NullWord::Number(..), _) => false,
        }
    }
}

/// 0, 0.00 and -0 are one number.
fn same(a: Exact, b: Exact) -> bool {
    let scale = a.needed_scale();
    scale == b.needed_scale() && a.at_scale(scale) == b.at_scale(scale)
}

/// What means "nothing" in one cell.
#[derive(Debug, Clone, Default)]
pub(super) struct Nulls {
    words: Vec<NullWord>,
    /// Words of the mapping's defaults that are a value of this very field (`false` of a flag, 0 of a quantity): they mean
    /// nothing only on the way to it.
    on_the_way: Vec<NullWord>,
}

impl Nulls {
    /// The cell's own words hold as they are. Those of the defaults do not swallow what the field may be: `ty` is its type, or
    /// `None` for an extra, which takes any scalar.
    pub(super) fn of_field(own: &Style, defaults: &Style, ty: Option<&FieldType>) -> Nulls {
        if let Some(words) = &own.nulls {
            return Nulls { words: words.clone(), on_the_way: Vec::new() };
        }
        let words = defaults.nulls.clone().unwrap_or_default();
        let (on_the_way, words) = words.into_iter().partition(|word| is_value(word, ty));
        Nulls { words, on_the_way }
    }

    /// For objects and lists.
    pub(super) fn of_node(own: &Style, defaults: &Style) -> Nulls {
        let words = own.nulls.as_ref().or(defaults.nulls.as_ref()).cloned().unwrap_or_default();
        Nulls { words, on_the_way: Vec::new() }
    }

    pub(super) fn has(&self, raw: Raw<'_>) -> bool {
        self.words.iter().any(|word| word.is(raw))
    }

    pub(super) fn is<T: Tree>(&self, node: &T) -> bool {
        node.raw().is_some_and(|raw| raw == Raw::Null || self.has(raw))
    }

    /// Whether the path ends early at one of these: `country.code` where `country` is false.
    pub(super) fn stop<T: Tree>(&self, path: &Path, root: &T) -> bool {
        if self.words.is_empty() && self.on_the_way.is_empty() {
            return false;
        }
        let last = path.last_reached(root).raw();
        last.is_some_and(|raw| self.words.iter().chain(&self.on_the_way).any(|word| word.is(raw)))
    }
}

fn is_value(word: &NullWord, ty: Option<&FieldType>) -> bool {
    let Some(ty) = ty else { return matches!(word, NullWord::Bool(_) | NullWord::Number(..)) };
    match ty {
        FieldType::Bool => matches!(word, NullWord::Bool(_)),
        FieldType::Integer | FieldType::Decimal | FieldType::Quantity | FieldType::Money | FieldType::UnitPrice => {
            matches!(word, NullWord::Number(..))
        }
        FieldType::Text
        | FieldType::Currency
        | FieldType::Timestamp
        | FieldType::Date
        | FieldType::Status(_)
        | FieldType::Ref(_)
        | FieldType::Object(_)
        | FieldType::List(_) => false,
    }
}
