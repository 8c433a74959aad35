//! CSV reports in sections: tagged records, column names within, footers that state counts and sums.
//!
//! Not here: plain record types with fixed columns (`CsvRecordTypes`).

/// The tag is the first column of every record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvSections {
    /// The report's first and last record; a report without its last one is cut.
    pub first: String,
    pub last: String,
    /// Records that describe what follows; their named columns accompany each row as `section`.
    pub heads: Vec<SectionHead>,
    /// Names the columns of the rows that follow; runs of blanks in a name count as one.
    pub names: String,
    pub rows: String,
    pub counts: Vec<SectionCount>,
    pub sums: Vec<SectionSum>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionHead {
    pub tag: String,
    /// Without the tag; a record may have fewer.
    pub columns: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SectionScope {
    /// Since the last record of column names.
    Section,
    Report,
}

/// A footer whose second column is the number of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionCount {
    pub tag: String,
    pub scope: SectionScope,
}

/// A footer's column that states a sum over rows of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionSum {
    pub tag: String,
    pub scope: SectionScope,
    /// 1-based, the tag included.
    pub position: usize,
    /// Column of the rows that is added up.
    pub column: String,
    /// Column of the rows that equals the footer's second column (the currency).
    pub group: String,
    /// Only rows that have this value in this column.
    pub only: Option<(String, String)>,
}
