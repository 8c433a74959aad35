//! Which XML elements are records and how an element becomes JSON.

/// Elements by local name; namespaces are told apart by nothing else.
///
/// An element with only text becomes a string. Otherwise it becomes an object: attributes as `@name`, child elements by
/// name, its own text (if not blank) as `#text`. Comments and processing instructions are dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XmlFormat {
    /// `DELVRY07/IDOC` from the document element down, or `//item` at any depth (the outermost such element).
    pub record: String,
    /// Elements that are always arrays, also when there is one: a name (`E1EDP01`) or a path below the record
    /// (`E1EDP01/E1EDP19`). Absent lists stay absent.
    pub lists: Vec<String>,
    pub repeats: Repeats,
    /// Whether attributes are kept; an IDoc's `SEGMENT="1"` says nothing.
    pub attributes: bool,
}

/// What a repeated element that `lists` does not name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Repeats {
    /// An error: a value whose shape depends on the data breaks mappings one day.
    #[default]
    Refuse,
    /// An array from the second one on.
    Array,
}

impl XmlFormat {
    pub fn new(record: &str) -> Self {
        Self { record: record.to_owned(), lists: Vec::new(), repeats: Repeats::default(), attributes: true }
    }
}
