//! From nodes to values: a reader returns `None` after it has reported what is wrong, so that its neighbours are still read.
//!
//! Not here: maps with known keys (`MapReader`), quantities with units (`quantity`).

use std::cell::RefCell;
use std::sync::Arc;

use super::diagnostics::{Diagnostic, Diagnostics};
use super::map::MapReader;
use super::node::{Entry, Kind, Node};
use super::source::{Place, Source, Span};

/// Something that can be read from a node. `None` means: reported to the context, do not report again.
pub trait Decode: Sized {
    fn decode(node: &Node, cx: &Context) -> Option<Self>;
}

/// One file while it is decoded, and everything found wrong in it so far.
pub struct Context {
    source: Arc<Source>,
    found: RefCell<Diagnostics>,
}

impl Context {
    pub fn new(source: &Arc<Source>) -> Self {
        Self { source: Arc::clone(source), found: RefCell::new(Diagnostics::new()) }
    }

    pub fn place(&self, span: Span) -> Place {
        Place { source: Arc::clone(&self.source), span }
    }

    /// The file as it stands.
    pub fn text(&self) -> &str {
        self.source.text()
    }

    pub fn error(&self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.push(Diagnostic::new(&self.place(span), message).help(help));
    }

    pub fn push(&self, diagnostic: Diagnostic) {
        self.found.borrow_mut().push(diagnostic);
    }

    /// "expected a duration such as `30s`, found a list of 2"
    pub fn expected(&self, node: &Node, what: &str) {
        self.push(Diagnostic::new(&self.place(node.span), format!("expected {what}, found {}", node.describe())));
    }

    pub fn is_clean(&self) -> bool {
        self.found.borrow().is_empty()
    }

    pub fn finish(self) -> Diagnostics {
        self.found.into_inner()
    }

    /// Opens a map for reading by key; `what` names it in messages ("stream `orders`").
    pub fn map<'n>(&'n self, node: &'n Node, what: impl Into<String>) -> Option<MapReader<'n>> {
        match &node.kind {
            Kind::Map(entries) => Some(MapReader::new(self, node.span, entries, what.into())),
            Kind::Scalar(_) | Kind::Seq(_) => {
                self.expected(node, &format!("a map ({})", what.into()));
                None
            }
        }
    }

    /// Entries of a map whose keys are names chosen by the author; those that fail are left out (and reported).
    pub fn named<T>(
        &self,
        node: &Node,
        what: &str,
        mut read: impl FnMut(&Entry, &Context) -> Option<T>,
    ) -> Option<Vec<(Spanned<String>, T)>> {
        let Kind::Map(entries) = &node.kind else {
            self.expected(node, &format!("a map of {what}"));
            return None;
        };
        let read_entry = |entry: &Entry| {
            let value = read(entry, self)?;
            Some((self.spanned(entry.key.clone(), entry.key_span), value))
        };
        Some(entries.iter().filter_map(read_entry).collect())
    }

    pub fn spanned<T>(&self, value: T, span: Span) -> Spanned<T> {
        Spanned { value, place: self.place(span) }
    }
}

/// A value and where it was written, for checks that need other parts of the file (or other files).
#[derive(Debug, Clone)]
pub struct Spanned<T> {
    pub value: T,
    pub place: Place,
}

/// Two values are equal wherever they were written.
impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Spanned<T> {}

impl<T> std::ops::Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Decode> Decode for Spanned<T> {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        T::decode(node, cx).map(|value| cx.spanned(value, node.span))
    }
}

impl<T: Decode> Decode for Box<T> {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        T::decode(node, cx).map(Box::new)
    }
}

/// Any scalar that is not empty-and-unquoted: `2026-10` and `0123` are text.
impl Decode for String {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        match &node.kind {
            Kind::Scalar(scalar) if !scalar.is_null() => Some(scalar.text.clone()),
            Kind::Scalar(_) | Kind::Seq(_) | Kind::Map(_) => {
                cx.expected(node, "text");
                None
            }
        }
    }
}

impl Decode for bool {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        match node.as_str() {
            Some("true") => Some(true),
            Some("false") => Some(false),
            Some(_) | None => {
                cx.expected(node, "`true` or `false`");
                None
            }
        }
    }
}

/// Every item is read, so that all bad ones are reported; one bad item fails the list.
impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let Kind::Seq(items) = &node.kind else {
            cx.expected(node, "a list");
            return None;
        };
        let read: Vec<Option<T>> = items.iter().map(|item| T::decode(item, cx)).collect();
        read.into_iter().collect()
    }
}

/// The node itself, for values that are read later by other rules.
impl Decode for Node {
    fn decode(node: &Node, _cx: &Context) -> Option<Self> {
        Some(node.clone())
    }
}

macro_rules! integers {
    ($($type:ty),+) => {$(
        impl Decode for $type {
            fn decode(node: &Node, cx: &Context) -> Option<Self> {
                let text = node.as_str().unwrap_or_default();
                let digits = text.strip_prefix('-').unwrap_or(text);
                let whole = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
                let padded = digits.len() > 1 && digits.starts_with('0');
                match text.parse::<$type>() {
                    Ok(value) if whole && !padded => Some(value),
                    Ok(_) | Err(_) => {
                        cx.expected(node, &format!("a whole number from {} to {}", <$type>::MIN, <$type>::MAX));
                        None
                    }
                }
            }
        }
    )+};
}

integers!(i64, u64, u32, u16, u8, usize);

/// A closed set of words. Implement it with `choice!`.
pub trait Choice: Copy + Sized + 'static {
    /// What the set is, for messages ("delivery mode").
    const WHAT: &'static str;
    const ALL: &'static [(&'static str, Self)];
}

/// Reads one of the words of a [`Choice`].
pub fn decode_choice<T: Choice>(node: &Node, cx: &Context) -> Option<T> {
    let text = node.as_str().unwrap_or_default();
    if let Some((_, value)) = T::ALL.iter().find(|(word, _)| *word == text) {
        return Some(*value);
    }
    let words: Vec<&str> = T::ALL.iter().map(|(word, _)| *word).collect();
    let message = format!("{} is not a known {}", node.describe(), T::WHAT);
    cx.error(node.span, message, suggest(text, &words));
    None
}

/// "did you mean `x`? expected one of: x, y, z"
pub fn suggest(given: &str, known: &[&str]) -> String {
    let expected = match known {
        [] => "nothing is expected here".to_owned(),
        [only] => format!("expected: {only}"),
        many => format!("expected one of: {}", many.join(", ")),
    };
    match closest(given, known) {
        Some(word) => format!("did you mean `{word}`? {expected}"),
        None => expected,
    }
}

/// The known word that a slip of the pen would turn into `given`.
pub fn closest<'k>(given: &str, known: &[&'k str]) -> Option<&'k str> {
    let given = given.to_lowercase();
    let scored = known.iter().map(|word| (strsim::damerau_levenshtein(&given, &word.to_lowercase()), *word));
    let (distance, word) = scored.min_by_key(|(distance, _)| *distance)?;
    let allowed = (given.chars().count().max(word.chars().count()) / 3).clamp(1, 4);
    (distance <= allowed).then_some(word)
}

/// Declares an enum of named words together with its [`Choice`] and [`Decode`]:
/// `choice! { pub enum Mode ("mode") { Live = "live", Paused = "paused" } }`
#[macro_export]
macro_rules! choice {
    ($(#[$meta:meta])* $vis:vis enum $name:ident ($what:literal) { $($(#[$variant_meta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        $vis enum $name { $($(#[$variant_meta])* $variant),+ }

        impl $name {
            /// The word used in files.
            #[allow(dead_code)]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl $crate::config::yaml::Choice for $name {
            const WHAT: &'static str = $what;
            const ALL: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),+];
        }

        impl $crate::config::yaml::Decode for $name {
            fn decode(node: &$crate::config::yaml::Node, cx: &$crate::config::yaml::Context) -> Option<Self> {
                $crate::config::yaml::decode_choice(node, cx)
            }
        }
    };
}
