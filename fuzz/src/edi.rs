//! X12 and EDIFACT files through the readers, by the shipped connectors' own declarations.
//!
//! Not here: mapping what was read.

use std::sync::LazyLock;

use syncline::connector::file::{FileFormat, FileLimits, FileRow, FileSpec, ReadContext, read};
use syncline::connector::registry::Registry;

use crate::target::{Outcome, Target, fixtures};

pub const X12: Target = Target {
    name: "x12",
    run: fuzz_x12,
    corpus: || fixtures("x12", ".edi"),
    dictionary: &[
        "~",
        "*",
        ">",
        "ISA*",
        "GS*",
        "ST*",
        "SE*",
        "GE*",
        "IEA*",
        "HL*",
        "PO1*",
        "\r\n",
        "000000101",
        "TA1*~",
    ],
};

pub const EDIFACT: Target = Target {
    name: "edifact",
    run: fuzz_edifact,
    corpus: || fixtures("edifact", ".edi"),
    dictionary: &[
        "'",
        "+",
        ":",
        "?",
        "??",
        "?'",
        "UNA:+.? '",
        "UNB+",
        "UNH+",
        "UNT+",
        "UNZ+",
        "UNOA",
        "UNOY",
        "\r\n",
        "LIN+",
    ],
};

static FORMATS: LazyLock<Vec<(&'static str, FileSpec)>> = LazyLock::new(|| {
    let Ok(registry) = Registry::shipped() else { return Vec::new() };
    let mut formats = Vec::new();
    for name in ["x12", "edifact"] {
        let streams = registry.connector(name).map(|connector| connector.manifest.streams.as_slice());
        for stream in streams.unwrap_or_default() {
            if let Some(file) = stream.file_read()
                && matches!(file.format.format, FileFormat::Edi(_))
            {
                formats.push((name, file.format.clone()));
            }
        }
    }
    formats
});

fn fuzz_x12(bytes: &[u8]) -> Outcome {
    fuzz("x12", bytes)
}

fn fuzz_edifact(bytes: &[u8]) -> Outcome {
    fuzz("edifact", bytes)
}

/// One stream takes the file or none does; a file that is taken has as many rows as its summary says.
fn fuzz(connector: &str, bytes: &[u8]) -> Outcome {
    let limits = FileLimits { record_bytes: 64 << 10, field_bytes: 16 << 10, ..FileLimits::default() };
    let mut outcome = Outcome::Refused;
    for (_, spec) in FORMATS.iter().filter(|(name, _)| *name == connector) {
        let mut rows: Vec<FileRow> = Vec::new();
        let summary = read(spec, ReadContext::new("fuzz.edi", &limits), bytes, &mut |row| {
            rows.push(row);
            Ok(())
        });
        match summary {
            Ok(summary) if summary.rows != rows.len() as u64 => {
                return Outcome::Broken(format!("{} rows said, {} handed on", summary.rows, rows.len()));
            }
            Ok(summary) if summary.content_bytes != bytes.len() as u64 => {
                return Outcome::Broken(format!("{} of {} bytes read", summary.content_bytes, bytes.len()));
            }
            Ok(_) => outcome = Outcome::Accepted,
            Err(error) if error.to_string().is_empty() => {
                return Outcome::Broken("a refusal without a word".to_owned());
            }
            Err(_) => {}
        }
    }
    outcome
}
