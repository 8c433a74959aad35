//! Samples of files that a connection's partner has left: the first rows, scrubbed in their places, the format kept.
//!
//! Not here: cells of one format (`cells`), picking files up for work (intake): a sample leaves its file where it lies.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::cells;
use super::listen::NOWHERE;
use super::replay;
use super::run::{LiveConnection, RecordOptions, Recording};
use super::scrub::Scrubber;
use crate::conformance::subject::Subject;
use crate::connector::call::IncomingOp;
use crate::connector::connection::Connection;
use crate::connector::file::{FileFormat, FileLimits, FileSpec, ReadContext, newest, read};
use crate::connector::manifest::{FileRead, Stream};

/// A sample is taken from no larger file.
const MOST_BYTES: u64 = 16 << 20;
/// Fixtures are kept by the manifest's own limit.
const MOST_SAMPLE: usize = 1 << 20;

pub(super) struct Sample {
    stream: String,
    name: String,
    bytes: Vec<u8>,
    control: Option<(String, Vec<u8>)>,
}

/// The newest file of each stream that reads files.
pub(super) fn samples(
    streams: &[&Stream],
    live: &LiveConnection<'_>,
    options: &RecordOptions,
    scrubber: &mut Scrubber,
    recording: &mut Recording,
) -> Vec<Sample> {
    let mut all = Vec::new();
    for stream in streams {
        let Some(described) = stream.file_read() else { continue };
        match sample(stream, described, live, options, scrubber) {
            Ok(sample) => all.push(sample),
            Err(reason) => {
                let told = format!("files of stream {}: {reason}", *stream.name);
                if !recording.skipped.contains(&told) {
                    recording.skipped.push(told);
                }
            }
        }
    }
    all
}

fn sample(
    stream: &Stream,
    described: &FileRead,
    live: &LiveConnection<'_>,
    options: &RecordOptions,
    scrubber: &mut Scrubber,
) -> Result<Sample, String> {
    let settings = live.settings.masked();
    let spec = described.spec(&settings).map_err(|error| error.to_string())?;
    let path = newest(described, live.folder, &settings, &stream.name)?;
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let size = std::fs::metadata(&path).map_err(|error| error.to_string())?.len();
    if size > MOST_BYTES {
        return Err(format!(
            "{name} has {size} bytes, more than {MOST_BYTES}: put the beginning of it there as a file of its own"
        ));
    }
    let bytes = std::fs::read(&path).map_err(|error| format!("{name} cannot be read: {error}"))?;
    let scrubbed = cells::scrub(&spec, &bytes, options.limit, scrubber)?;
    if scrubbed.len() > MOST_SAMPLE {
        return Err(format!(
            "the sample has {} bytes, more than {MOST_SAMPLE}: ask for fewer rows with --limit",
            scrubbed.len()
        ));
    }
    let written = scrubber.words(&name);
    let name = if described.pattern.matches(&written).is_some() {
        written
    } else {
        described.pattern.example(1).unwrap_or(name)
    };
    Ok(Sample { stream: stream.name.value.clone(), name, bytes: scrubbed, control: None })
}

/// The fixtures of the samples.
pub(super) fn compose(
    subject: &Subject<'_>,
    samples: &[Sample],
    given: &BTreeMap<String, String>,
    options: &RecordOptions,
    recording: &mut Recording,
) {
    for sample in samples {
        match fixture(subject, sample, given, options) {
            Ok((name, text)) => {
                recording.files.insert(name, text.into_bytes());
                recording.files.insert(sample.name.clone(), sample.bytes.clone());
                if let Some((name, bytes)) = &sample.control {
                    recording.files.insert(name.clone(), bytes.clone());
                }
                recording.scenarios.push(format!("file_in of stream {}", sample.stream));
            }
            Err(reason) => {
                recording.skipped.push(format!("files of stream {}: the scrubbed sample: {reason}", sample.stream))
            }
        }
    }
}

fn fixture(
    subject: &Subject<'_>,
    sample: &Sample,
    given: &BTreeMap<String, String>,
    options: &RecordOptions,
) -> Result<(String, String), String> {
    let values = replay::values(subject, given, NOWHERE)?;
    let connection = subject.connect(&values, options.now, None)?;
    let stream = subject.manifest.stream(&sample.stream).ok_or("the stream is gone")?;
    let described = stream.file_read().ok_or("the stream reads no files")?;
    let spec = described.spec(&values.masked()).map_err(|error| error.to_string())?;
    let file = File { connection: &connection, described, spec: &spec, sample };
    let records = file.records(&sample.bytes)?;
    let keys: Vec<Value> = records
        .iter()
        .map(|(key, gone)| if *gone { json!({ "key": key, "deleted": true }) } else { json!({ "key": key }) })
        .collect();
    let refused = file.refusals();
    let (name, date) = (format!("recorded-{}-file.yaml", sample.stream), options.now.strftime("%Y-%m-%d"));
    let text = format!(
        "fixture: file_in\nsource: {}\nstream: {}\nfile: {}\nexpect: {}\nrefused: {}\n",
        json!(format!("recorded from a live {} on {date}, scrubbed, its first rows", subject.name)),
        json!(sample.stream),
        json!(sample.name),
        json!({ "count": keys.len(), "records": keys }),
        Value::Array(refused),
    );
    Ok((name, text))
}

struct File<'f> {
    connection: &'f Connection,
    described: &'f FileRead,
    spec: &'f FileSpec,
    sample: &'f Sample,
}

impl File<'_> {
    fn records(&self, bytes: &[u8]) -> Result<Vec<(String, bool)>, String> {
        let limits = FileLimits::default();
        let mut rows = Vec::new();
        let summary = read(self.spec, ReadContext::new(&self.sample.name, &limits), bytes, &mut |row| {
            rows.push(row);
            Ok(())
        });
        let summary = summary.map_err(|error| error.to_string())?;
        if let Some(reject) = summary.rejected.first() {
            return Err(reject.error.to_string());
        }
        let numbers = self.described.pattern.matches(&self.sample.name).unwrap_or_default();
        let file = json!({ "name": self.sample.name, "numbers": numbers });
        let mut records = Vec::new();
        for row in rows {
            let envelope = json!({ "header": row.header.as_deref(), "file": file });
            let read = self.connection.interpret_row(&self.sample.stream, &row.value, &envelope);
            for incoming in read.map_err(|error| error.to_string())?.incoming {
                let incoming = incoming.map_err(|error| error.to_string())?;
                records.push((incoming.key, incoming.op == IncomingOp::Delete));
            }
        }
        Ok(records)
    }

    /// Ways to spoil the sample that the reader refuses, with its reason.
    fn refusals(&self) -> Vec<Value> {
        let bytes = &self.sample.bytes;
        let body = bytes.trim_ascii_end();
        let last = body.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let cuts = [last + (body.len() - last) / 3, body.len().saturating_sub(1), bytes.len() / 2, 1];
        let mut found: Vec<Value> = Vec::new();
        for cut in cuts {
            let known = found.iter().any(|known| known["cut"] == json!(cut));
            if let Some(head) = bytes.get(..cut).filter(|head| !head.is_empty() && !known && found.len() < 2)
                && let Err(reason) = self.records(head)
            {
                found.push(json!({ "cut": cut, "reason": reason }));
            }
        }
        if found.is_empty()
            && let FileFormat::Csv(format) = &self.spec.format
            && let crate::connector::file::format::ColumnNames::FirstRow { required } = &format.names
        {
            for name in required {
                let other = "x".repeat(name.chars().count());
                let spoiled = String::from_utf8_lossy(bytes).replacen(name.as_str(), &other, 1);
                if let Err(reason) = self.records(spoiled.as_bytes()) {
                    found.push(json!({ "replace": { name.as_str(): other }, "reason": reason }));
                    break;
                }
            }
        }
        found
    }
}
