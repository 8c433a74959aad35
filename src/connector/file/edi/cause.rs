//! What can be wrong with an EDI file, apart from what can be wrong with any file.
//!
//! Not here: the place (interchange, message, segment, element), which `FileError::column` carries.

use rust_decimal::Decimal;

#[derive(Debug, thiserror::Error)]
pub enum EdiCause {
    // --- syntax ---
    #[error("expected an interchange that begins with {expected}, found {found:?}")]
    NotAnInterchange { expected: &'static str, found: String },
    #[error("ISA is not 106 characters long: the element separator is not where it must be (character {position})")]
    IsaWidth { position: usize },
    #[error("{found:?} cannot be the {what}")]
    Delimiter { what: &'static str, found: char },
    #[error("the file ends inside {inside}")]
    Cut { inside: &'static str },
    #[error("{found:?} is not a segment's tag")]
    BadTag { found: String },
    #[error("a line end inside a segment")]
    LineEnd,
    #[error("the release character stands before the end of the segment")]
    DanglingRelease,
    #[error("the character {character:?} is not in the repertoire of {syntax}")]
    Repertoire { syntax: String, character: char },
    #[error("the interchange is written in {syntax}, the format declares {encoding}")]
    Charset { syntax: String, encoding: &'static str },

    // --- envelope ---
    #[error("expected {expected}, found {found}")]
    Expected { expected: &'static str, found: String },
    #[error("{segment} closes number {closing:?}, but {opened:?} is open")]
    ControlNumber { segment: &'static str, opened: String, closing: String },
    #[error("{at} states {stated} {what}, found {found}")]
    Count { at: &'static str, what: &'static str, stated: String, found: u64 },
    #[error("{what} {number:?} occurs twice")]
    Duplicate { what: &'static str, number: String },
    #[error("{what} is missing")]
    MissingElement { what: &'static str },
    #[error("more than {limit} messages in one interchange")]
    TooManyMessages { limit: usize },
    #[error("the {role} is {found:?}, the connection expects {expected:?}")]
    Party { role: &'static str, expected: String, found: String },
    #[error("the interchange's usage is {found:?}, the connection expects {expected:?} (P production, T test)")]
    Usage { expected: String, found: String },
    #[error("message type {found:?} is not one of {}", .expected.join(", "))]
    MessageType { expected: Vec<String>, found: String },
    #[error("version {found:?} is not one of {}", .expected.join(", "))]
    Version { expected: Vec<String>, found: String },

    // --- structure ---
    #[error("segment {tag} is not part of the declared structure")]
    UnknownSegment { tag: String },
    #[error("segment {tag} with this qualifier is not part of the declared structure")]
    UnknownQualifier { tag: String },
    #[error("segment {tag} stands in the wrong place, or more often than declared")]
    OutOfOrder { tag: String },
    #[error("{name} is missing")]
    MissingItem { name: String },
    #[error("{tag} names the parent {parent:?}, which is not the level it stands under")]
    Parent { tag: String, parent: String },
    #[error("the element is composed of parts, but is not declared as a composite")]
    Composite,
    #[error("the element repeats, but is not declared to")]
    Repetition,
    #[error("a pair of qualifier and value is incomplete or its qualifier {qualifier:?} occurs twice")]
    Pair { qualifier: String },
    #[error("{at} states {stated}, found {found}")]
    Total { at: String, stated: String, found: Decimal },

    // --- writing ---
    #[error("{character:?} separates and cannot be written as data in {syntax}")]
    Unescapable { character: char, syntax: &'static str },
    #[error("{name:?} is not part of the declared structure")]
    UnknownName { name: String },
    #[error("{name} is a {found}, not {wanted}")]
    Shape { name: String, found: &'static str, wanted: &'static str },
}

impl EdiCause {
    /// What a person does next.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::NotAnInterchange { .. } | Self::IsaWidth { .. } | Self::Delimiter { .. } | Self::BadTag { .. } => {
                "nothing of the file is applied; check that it is the agreed kind of file, and how it was transferred"
            }
            Self::Cut { .. } => "nothing of the file is applied; ask the partner to send it again",
            Self::LineEnd | Self::DanglingRelease => {
                "nothing of the file is applied; have the partner repair the segment, or the transfer that breaks lines"
            }
            Self::Repertoire { .. } => {
                "have the partner state the character set that they write, or declare `any_case: true` for lower case under UNOA"
            }
            Self::Charset { .. } => "correct `encoding` in the stream's format",
            Self::Expected { .. }
            | Self::ControlNumber { .. }
            | Self::Count { .. }
            | Self::Duplicate { .. }
            | Self::MissingElement { .. }
            | Self::Total { .. } => "nothing of the file is applied; ask the partner to send it again",
            Self::TooManyMessages { .. } => "ask the partner to send smaller interchanges",
            Self::Party { .. } | Self::Usage { .. } => {
                "nothing of the file is applied; check the partner's ids in the connection's settings, or who sent the file"
            }
            Self::MessageType { .. } | Self::Version { .. } => {
                "give such messages a folder and a stream of their own, or add them to the stream's format"
            }
            Self::UnknownSegment { .. } | Self::UnknownQualifier { .. } => {
                "add it to `segments` in the stream's format, or declare `unknown: other`"
            }
            Self::OutOfOrder { .. } | Self::MissingItem { .. } | Self::Parent { .. } => {
                "compare the message with the partner's guide, and `segments` with both"
            }
            Self::Composite => "add the position to `composites` in the stream's format",
            Self::Repetition => "add the position to `repeats` in the stream's format",
            Self::Pair { .. } => "have the partner repair the segment",
            Self::Unescapable { .. } => {
                "agree on other delimiters with the partner, replace the character in the mapping, or declare `unmappable: replace`"
            }
            Self::UnknownName { .. } | Self::Shape { .. } => {
                "correct the name in the mapping, or add it to `segments` in the stream's format"
            }
        }
    }
}
