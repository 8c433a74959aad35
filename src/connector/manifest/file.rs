//! Streams over files: which files are read when they are complete, and how batches are written.
//!
//! Not here: decoding and encoding the content (`connector::file`), moving and archiving (intake, deliver).

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::config::yaml::{Context, Decode, MapReader, Node, Percent, Spanned};

use crate::connector::file::drop::{Completeness, DropSpec, MarkerName, NamePattern};
use crate::connector::file::write::{WriteFormat, WriteSpec};
use crate::connector::file::{FileFormat, FileSpec};
use crate::mapping::expr::{Template, TemplateError};

use super::partner::Partner;

#[derive(Debug, Clone)]
pub struct FileRead {
    /// Sees `settings`. A relative folder starts at the data directory.
    pub folder: Spanned<Template>,
    /// Over the file's name; the numbers at `{seq}` give the order.
    pub pattern: NamePattern,
    pub completeness: Completeness,
    /// As declared; `spec` completes it with a connection's settings.
    pub format: FileSpec,
    /// What envelopes must state (EDI).
    pub partner: Box<Partner>,
    pub mode: FileMode,
    pub every: Duration,
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
    /// Sees `settings`. A relative folder starts at the data directory.
    pub folder: Spanned<Template>,
    /// Sees `settings` and `batch` (`batch.time`, `batch.sequence`); unique per batch.
    pub name: Spanned<Template>,
    pub format: WriteSpec,
    /// What envelopes state (EDI).
    pub partner: Box<Partner>,
    pub batch: Batch,
    /// Written, empty, after the data file: its name is the data file's with this ending.
    pub marker: Option<MarkerName>,
}

/// A batch is written when either is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    pub records: u32,
    pub every: Duration,
}

impl Batch {
    /// Deliveries that may wait for one batch: each takes memory, so that a larger batch is closed when so many have come.
    const MOST_WAITING: u32 = 512;

    /// Records that complete a batch.
    pub fn full(&self) -> u32 {
        self.records.min(Self::MOST_WAITING)
    }
}

impl FileRead {
    /// The format with what this connection expects of its partner.
    pub fn spec(&self, settings: &Value) -> Result<FileSpec, TemplateError> {
        let mut spec = self.format.clone();
        if let FileFormat::Edi(format) = &mut spec.format {
            format.partner = self.partner.expected(settings)?;
        }
        Ok(spec)
    }

    /// Where files of this stream are picked up and put: `work`, `archive` and `error` lie below the folder, apart per stream,
    /// so that streams may share a folder.
    pub fn drop_spec(&self, folder: &Path, stream: &str) -> DropSpec {
        let below = |name: &str| folder.join(name).join(stream);
        DropSpec {
            inbox: folder.to_owned(),
            work: below("work"),
            archive: below("archive"),
            error: below("error"),
            pattern: self.pattern.clone(),
            completeness: self.completeness.clone(),
        }
    }
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
        let ignore_case = map.or("ignore_case", false);
        let (completeness, format) = (map.required("marker"), map.required::<FileSpec>("format"));
        let partner = map.or("partner", Box::<Partner>::default());
        if map.has("partner") && format.as_ref().is_some_and(|spec| !matches!(spec.format, FileFormat::Edi(_))) {
            map.error("partner", "only EDI has an envelope that names partners", "remove it");
        }
        let mode = map.required::<ModeWord>("mode");
        let min_rows = map.or("min_rows", Percent { basis_points: 8_000 });
        let every = map.or("every", Duration::from_secs(5));
        let pattern = pattern.and_then(|pattern| match NamePattern::parse(&pattern, ignore_case) {
            Ok(pattern) => Some(pattern),
            Err(problem) => {
                map.error("pattern", problem.to_string(), "such as `stock_{seq}.csv`, `orders_*.xml`");
                None
            }
        });
        let mode = match mode? {
            ModeWord::Snapshot => FileMode::Snapshot { min_rows },
            ModeWord::Delta => FileMode::Delta,
        };
        Some(Self {
            folder: folder?,
            pattern: pattern?,
            completeness: completeness?,
            format: format?,
            partner,
            mode,
            every,
        })
    }
}

impl FileWrite {
    pub(super) fn read(map: &MapReader<'_>) -> Option<Self> {
        let (folder, name, format) = (map.required("folder"), map.required("name"), map.required("format"));
        let batch = map.or("batch", Batch { records: 1_000, every: Duration::from_secs(60) });
        let marker: Option<String> = map.optional("marker");
        if marker.as_ref().is_some_and(|marker| !marker.starts_with('.') || marker.len() < 2) {
            map.error("marker", "a marker is an ending", "such as `marker: .done`");
        }
        let marker = marker.map(MarkerName::Appended);
        let partner = map.or("partner", Box::<Partner>::default());
        let format: Option<WriteSpec> = format;
        let is_edi = format.as_ref().is_some_and(|spec| matches!(spec.format, WriteFormat::Edi(_)));
        if is_edi && (partner.sender.is_none() || partner.receiver.is_none()) {
            map.error(
                "partner",
                "an EDI envelope names sender and receiver",
                "write `partner: { sender: ..., receiver: ... }`",
            );
        }
        Some(Self { folder: folder?, name: name?, format: format?, partner, batch, marker })
    }
}

impl Decode for Completeness {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "marker")?;
        let settle = map.or("settle", Duration::from_secs(2));
        let marker = match map.required::<MarkerScheme>("scheme")? {
            MarkerScheme::Suffix => map.required("suffix").map(|suffix| (MarkerName::Appended(suffix), settle)),
            MarkerScheme::Replace => {
                map.required("suffix").map(|suffix| (MarkerName::ReplacesExtension(suffix), settle))
            }
            MarkerScheme::Rename => {
                map.finish();
                return Some(Self::Rename);
            }
            MarkerScheme::Stable => {
                let stable_for = map.required("stable_for");
                map.finish();
                return stable_for.map(Self::Stable);
            }
        };
        map.finish();
        marker.map(|(name, settle)| Self::Marker { name, settle })
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
