//! A file's rows, staged until all of them may be seen; not here: reading files.

#[derive(Clone, Debug)]
pub struct NewBatch {
    pub connection: String,
    pub stream: String,
    pub name: String,
    pub sha256: String,
    pub at: i64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Released {
    pub rows: u64,
    pub duplicates: u64,
}

#[derive(Clone, Debug, Default)]
pub struct BatchHistory {
    /// Name of the newest applied batch that had the same content, if any.
    pub same_content: Option<String>,
    /// All names under which this content was applied, newest first; one per time it was.
    pub applied_as: Vec<String>,
    /// Whether the newest applied batch had this content.
    pub is_newest: bool,
    /// Of the newest batch that was applied or used up its number by being refused.
    pub last_sequence: Option<i64>,
    /// Whether that batch was refused, so that its number may come once more, corrected.
    pub last_refused: bool,
    /// Rows of the newest applied batch.
    pub last_rows: Option<i64>,
}
