//! JSON files: one object per line, or one document with a list of records.

/// One object per line; blank lines are skipped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JsonLinesFormat {}

/// One document, streamed record by record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JsonFormat {
    /// Object keys to the record list (`data.orders` is `["data", "orders"]`); empty if the document is the list.
    pub records: Vec<String>,
}
