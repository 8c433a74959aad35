//! What may stand in a file, as data: keys with their shapes and a sentence each.
//!
//! Not here: the tables, JSON Schema (`json`).

use crate::config::yaml::Choice;

#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// Any scalar; `0123` and `1e5` stay what they are.
    Text,
    Flag,
    Whole,
    /// `30s`, `1h30m`
    Duration,
    /// `5%`
    Percent,
    /// `64KiB`
    Size,
    /// A closed set.
    Words(fn() -> Vec<&'static str>),
    /// Whatever somebody's payload looks like.
    Any,
    List(&'static Shape),
    /// Names chosen by the author.
    Named(&'static Shape),
    Either(&'static [Shape]),
    Of(&'static Definition),
}

pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) required: bool,
    pub(super) doc: &'static str,
}

pub(super) const fn key(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, shape, required: false, doc }
}

pub(super) const fn must(name: &'static str, shape: Shape, doc: &'static str) -> Key {
    Key { name, shape, required: true, doc }
}

/// Keys that several definitions share stand in one table.
pub(super) type Keys = &'static [&'static [Key]];

pub(super) struct Definition {
    pub(super) name: &'static str,
    pub(super) doc: &'static str,
    pub(super) body: Body,
}

pub(super) enum Body {
    Map(Keys),
    /// One key decides which others there are.
    Tagged {
        tag: &'static str,
        doc: &'static str,
        default: Option<&'static str>,
        shared: Keys,
        variants: &'static [Variant],
    },
}

pub(super) struct Variant {
    pub(super) word: &'static str,
    pub(super) doc: &'static str,
    pub(super) keys: Keys,
}

pub(super) const fn map(name: &'static str, doc: &'static str, keys: Keys) -> Definition {
    Definition { name, doc, body: Body::Map(keys) }
}

pub(super) const fn variant(word: &'static str, doc: &'static str, keys: Keys) -> Variant {
    Variant { word, doc, keys }
}

/// The words of a choice that the code declares.
pub(super) fn words<T: Choice>() -> Vec<&'static str> {
    T::ALL.iter().map(|(word, _)| *word).collect()
}

/// What a scalar or a list of them is.
pub(super) const TEXTS: Shape = Shape::List(&Shape::Text);
/// One, or several.
pub(super) const ONE_OR_MANY: Shape = Shape::Either(&[Shape::Text, TEXTS]);
/// Names with values; a list repeats the name.
pub(super) const FIELDS: Shape = Shape::Named(&ONE_OR_MANY);

/// A closed set whose words the decoder keeps to itself.
macro_rules! set {
    ($($word:literal),+ $(,)?) => { $crate::schemas::shape::Shape::Words(|| vec![$($word),+]) };
}
pub(super) use set;

/// What a vendor's answer can mean.
pub(super) const CLASS: Shape =
    set!("transient", "rate_limited", "auth", "data", "permission", "not_found", "conflict", "unknown_outcome");

pub(super) fn entities() -> Vec<&'static str> {
    crate::model::Entity::ALL.iter().map(|entity| entity.as_str()).collect()
}
