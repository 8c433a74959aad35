//! Reading a file: one entry point for all formats, streaming rows to the caller's sink.
//!
//! Not here: opening, claiming and archiving files (drop), storing rows (the sink).

mod bai2;
mod bai2_record;
mod camt;
mod camt_entry;
mod camt_tree;
mod collect;
mod csv;
mod csv_record;
mod csv_sections;
mod edi_message;
mod edi_scan;
mod edi_tree;
mod edi_value;
mod edi_walk;
mod edifact;
mod fixed;
mod fixed_field;
mod json;
mod json_lines;
mod json_value;
mod line;
mod mt940;
mod mt940_info;
mod mt940_line;
mod x12;
mod xml;
mod xml_element;

use std::io::Read;

use super::error::FileError;
use super::format::{self, EdiSyntax, FileFormat, FileSpec, StatementSyntax};
use super::limits::FileLimits;
use super::row::{FileRow, FileSummary};
use super::text::TextSource;
use super::totals::ControlFile;
use collect::Collector;

/// What a read needs to know besides the format.
#[derive(Debug, Clone, Copy)]
pub struct ReadContext<'a> {
    /// Name for messages, and what a control file's `FILE` must say.
    pub file: &'a str,
    pub limits: &'a FileLimits,
    /// Sequence number of the last applied file; `None` accepts any first number.
    pub previous_sequence: Option<u64>,
    pub control_file: Option<&'a ControlFile>,
}

impl<'a> ReadContext<'a> {
    pub fn new(file: &'a str, limits: &'a FileLimits) -> Self {
        Self { file, limits, previous_sequence: None, control_file: None }
    }
}

/// Reads one file to its end, handing each data row to `sink` as it is found.
///
/// `Ok` means that the file is complete and its control totals hold; only then may the caller apply what the sink
/// staged. After `Err` the caller discards it. A sink's own error (`FileError::sink`) stops the read at once.
pub fn read<R: Read>(
    spec: &FileSpec,
    context: ReadContext<'_>,
    source: R,
    sink: &mut dyn FnMut(FileRow) -> Result<(), FileError>,
) -> Result<FileSummary, FileError> {
    format::check(spec).map_err(|cause| FileError::new(context.file, cause))?;
    let mut text = TextSource::new(source, spec.encoding, spec.compression, context.limits);
    let mut collector = Collector::new(spec, context, sink);
    let read = match &spec.format {
        FileFormat::Csv(format) => csv::read(format, &mut text, &mut collector),
        FileFormat::Fixed(format) => fixed::read(format, &mut text, &mut collector),
        FileFormat::Xml(format) => xml::read(format, &mut text, &mut collector),
        FileFormat::JsonLines(_) => json_lines::read(&mut text, &mut collector),
        FileFormat::Json(format) => json::read(format, &mut text, &mut collector),
        FileFormat::Edi(format) => match format.syntax {
            EdiSyntax::X12 => x12::read(format, &mut text, &mut collector),
            EdiSyntax::Edifact => edifact::read(format, &mut text, &mut collector),
        },
        FileFormat::Statement(format) => match format.syntax {
            StatementSyntax::Mt940 { terminated } => mt940::read(format, terminated, &mut text, &mut collector),
            StatementSyntax::Bai2 => bai2::read(format, &mut text, &mut collector),
            StatementSyntax::Camt053 => camt::read(format, &mut text, &mut collector),
        },
    };
    read.and_then(|()| collector.finish(text.content_bytes(), text.source_bytes()))
        .map_err(|error| FileError { sequence: collector.sequence_due(), ..error })
}
