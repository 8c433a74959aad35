//! Streams over files: which files are read when they are complete, and how batches are written.
//!
//! Not here: decoding and encoding the content (`connector::file`), moving and archiving (intake, deliver).

use std::time::Duration;

use crate::config::yaml::{Context, Decode, MapReader, Node, Percent, Spanned};

use crate::connector::file::FileSpec;
use crate::mapping::expr::Template;

/// Templates see `settings`.
#[derive(Debug, Clone)]
pub struct FileRead {
    pub folder: Spanned<Template>,
    /// `*` and `?` over the file's name.
    pub pattern: Spanned<String>,
    pub marker: Marker,
    pub format: FileSpec,
    pub mode: FileMode,
    pub every: Duration,
}

/// How a file is known to be complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Marker {
    /// A second file with this ending added to the whole name (`x.csv.done`).
    Suffix(String),
    /// A second file with this ending in place of the file's own (`x.done`).
    Replace(String),
    /// The producer renames when it has finished; names that end in these are still being written.
    Rename { temporary: Vec<String> },
    /// Size and time unchanged for this long: the weakest sign.
    Stable(Duration),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileMode {
    /// Each file is complete: what is missing in it is gone. A file with fewer than `min_rows` of the previous one is held.
    Snapshot { min_rows: Percent },
    /// Each file tells changes.
    Delta,
}

#[derive(Debug, Clone)]
pub struct FileWrite {
    pub folder: Spanned<Template>,
    /// Sees `settings`, `batch` (`batch.time`, `batch.sequence`); unique per batch.
    pub name: Spanned<Template>,
    pub format: FileSpec,
    pub batch: Batch,
    /// Written after the data file: its name is the data file's with this ending.
    pub marker: Option<String>,
}

/// A batch is written when either is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    pub records: u32,
    pub every: Duration,
}

crate::choice! {
    enum MarkerScheme ("marker scheme") { Suffix = "suffix", Replace = "replace", Rename = "rename", Stable = "stable" }
}

crate::choice! {
    enum ModeWord ("file mode") { Snapshot = "snapshot", Delta = "delta" }
}

impl FileRead {
    pub(super) fn read(map: &MapReader<'_>) -> Option<Self> {
        let (folder, pattern) = (map.required("folder"), map.required::<Spanned<String>>("pattern"));
        let (marker, format) = (map.required("marker"), map.required("format"));
        let mode = map.required::<ModeWord>("mode");
        let min_rows = map.or("min_rows", Percent { basis_points: 8_000 });
        let every = map.or("every", Duration::from_secs(5));
        if pattern.as_ref().is_some_and(|pattern| pattern.contains('/')) {
            map.error("pattern", "a pattern is about the file's name, not its folder", "move the folder into `folder`");
        }
        let mode = match mode? {
            ModeWord::Snapshot => FileMode::Snapshot { min_rows },
            ModeWord::Delta => FileMode::Delta,
        };
        Some(Self { folder: folder?, pattern: pattern?, marker: marker?, format: format?, mode, every })
    }
}

impl FileWrite {
    pub(super) fn read(map: &MapReader<'_>) -> Option<Self> {
        let (folder, name, format) = (map.required("folder"), map.required("name"), map.required("format"));
        let batch = map.or("batch", Batch { records: 1_000, every: Duration::from_secs(60) });
        let marker = map.optional("marker");
        Some(Self { folder: folder?, name: name?, format: format?, batch, marker })
    }
}

impl Decode for Marker {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "marker")?;
        let marker = match map.required::<MarkerScheme>("scheme")? {
            MarkerScheme::Suffix => map.required("suffix").map(Self::Suffix),
            MarkerScheme::Replace => map.required("suffix").map(Self::Replace),
            MarkerScheme::Rename => map.required("temporary").map(|temporary| Self::Rename { temporary }),
            MarkerScheme::Stable => map.required("stable_for").map(Self::Stable),
        };
        map.finish();
        marker
    }
}

impl Decode for Batch {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "batch")?;
        let (records, every) = (map.required("records"), map.required("every"));
        if records == Some(0) {
            map.error("records", "a batch of 0 records", "write at least 1");
        }
        map.finish();
        Some(Self { records: records?, every: every? })
    }
}
