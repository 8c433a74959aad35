//! The written limits of file reading: what one file, one record and one field may cost.
//!
//! Not here: limits on how many files or how often (intake).

/// Every bound the readers enforce; reaching one is an error that names the limit, never a truncation.
///
/// Memory use is bounded by `record_bytes` (times a small constant for the decoded value), not by `file_bytes`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileLimits {
    /// Bytes of content after decompression.
    pub file_bytes: u64,
    /// Largest decompressed-to-compressed ratio, enforced once more than `ratio_floor_bytes` came out.
    pub decompression_ratio: u64,
    /// Below this much decompressed content the ratio is not judged: small repetitive files compress honestly well.
    pub ratio_floor_bytes: u64,
    /// Bytes of one record (row, line, element), in UTF-8 after decoding.
    pub record_bytes: usize,
    /// Bytes of one field, in UTF-8 after decoding.
    pub field_bytes: usize,
    /// Columns of one row, attributes of one element.
    pub columns: usize,
    /// Nesting of XML elements and JSON values.
    pub depth: usize,
    /// Rows that may be rejected before the whole file is refused.
    pub rejected_rows: usize,
}

impl Default for FileLimits {
    fn default() -> Self {
        Self {
            file_bytes: 64 << 20,
            decompression_ratio: 20,
            ratio_floor_bytes: 1 << 20,
            record_bytes: 8 << 20,
            field_bytes: 1 << 20,
            columns: 1_000,
            depth: 64,
            rejected_rows: 1_000,
        }
    }
}
