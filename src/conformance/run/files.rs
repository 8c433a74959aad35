//! Files: the sample is read as the hub reads it, spoiled ones are refused, what is written equals the golden file.
//!
//! Not here: watching folders (intake), batches and their journal (deliver).

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};

use super::bench::{Bench, at};
use super::reading::{canonical, compare};
use super::walking::{SeenRecord, seen};
use super::writing::entity;
use crate::conformance::behaviour::{Behaviour, file_in, file_out};
use crate::conformance::fixture::{FileInCase, FileOutCase, Fixture, Spoiled};
use crate::conformance::folder::FreshFolder;
use crate::connector::connection::Connection;
use crate::connector::file::drop::{Claim, Completeness, DropFolder};
use crate::connector::file::write::FileWriter;
use crate::connector::file::{FileLimits, FileSpec, ReadContext, read};
use crate::connector::manifest::{FileRead, FileWrite, Write};

pub(super) fn incoming(bench: &mut Bench<'_>, fixture: &Fixture, case: &FileInCase) {
    let subject = bench.subject;
    let stream = match subject.stream(&case.stream, &case.stream.place) {
        Ok(stream) => stream,
        Err(problem) => return bench.findings.problem(Behaviour::Agree, problem),
    };
    let Some(described) = stream.file_read() else {
        return bench.fail(fixture, Behaviour::Agree, &format!("{}: the stream reads no files", case.stream.place));
    };
    bench.findings.proves(Behaviour::Files, file_in(&case.stream));
    let Some(connection) = bench.connect(fixture, Behaviour::Files) else { return };
    let Some(settings) = bench.settings.as_ref().map(crate::connector::manifest::SettingValues::expose) else { return };
    let spec = match described.spec(&settings) {
        Ok(spec) => spec,
        Err(error) => return bench.fail(fixture, Behaviour::Files, &format!("the partner cannot be made: {error}")),
    };
    let sample = Sample { described, spec: &spec, case };
    let found = match taken(&connection, &sample, &case.bytes) {
        Ok(found) => found,
        Err(reason) => {
            bench.heard.push(reason.clone());
            return bench.fail(fixture, Behaviour::Files, &format!("the sample is refused: {reason}"));
        }
    };
    let mut problems = Vec::new();
    if let Some(expected) = case.count.filter(|expected| *expected != found.len()) {
        problems.push(format!("expected {expected} records, came {}", found.len()));
    }
    if let Some(expected) = &case.records {
        problems.extend(compare(expected, &found, stream));
    }
    if let Some(expected) = &case.canonical {
        problems.extend(canonical(bench, stream, expected, &found));
    }
    for problem in &problems {
        bench.fail(fixture, Behaviour::Files, &format!("{}: {problem}", fixture.expect));
    }
    if problems.is_empty() {
        bench.findings.good(Behaviour::Files);
    }
    for refused in &case.refused {
        let Some(spoiled) = spoil(&case.bytes, &refused.spoiled) else {
            bench.findings.problem(
                Behaviour::Files,
                format!("{}: the sample does not contain what is to be replaced", refused.place),
            );
            continue;
        };
        match taken(&connection, &sample, &spoiled) {
            Err(reason) if reason.contains(&refused.reason) => {
                bench.heard.push(reason);
                bench.findings.good(Behaviour::Files);
            }
            Err(reason) => {
                let problem =
                    format!("{}: refused for another reason than `{}`: {reason}", refused.place, refused.reason);
                bench.findings.problem(Behaviour::Files, problem);
                bench.heard.push(reason);
            }
            Ok(_) => bench.findings.problem(Behaviour::Files, format!("{}: the spoiled file passes", refused.place)),
        }
    }
    if case.refused.is_empty() {
        bench.findings.problem(
            Behaviour::Files,
            format!("{}: add `refused:` with at least one spoiled variant that must not pass", fixture.expect),
        );
    }
}

/// A file and how it is to be read.
struct Sample<'s> {
    described: &'s FileRead,
    spec: &'s FileSpec,
    case: &'s FileInCase,
}

/// Lays the file into a fresh folder as a partner does, picks it up as the hub does, and reads it.
fn taken(connection: &Connection, sample: &Sample<'_>, bytes: &[u8]) -> Result<Vec<SeenRecord>, String> {
    let Sample { described, spec, case } = *sample;
    let folder = FreshFolder::new().map_err(|error| error.to_string())?;
    lay(folder.path(), &described.completeness, case, bytes).map_err(|error| error.to_string())?;
    let claim = picked_up(folder.path(), described, case)?;
    let control = claim.control_file().map_err(|error| error.to_string())?;
    let limits = FileLimits::default();
    let context =
        ReadContext { file: &claim.name, limits: &limits, previous_sequence: None, control_file: control.as_ref() };
    let file = json!({ "name": claim.name, "numbers": claim.numbers });
    let mut rows = Vec::new();
    let content = claim.open().map_err(|error| error.to_string())?;
    let summary = read(spec, context, content, &mut |row| {
        rows.push(row);
        Ok(())
    });
    let summary = summary.map_err(|error| error.to_string())?;
    if let Some(reject) = summary.rejected.first() {
        return Err(reject.error.to_string());
    }
    let mut found = Vec::new();
    for row in rows {
        let envelope = json!({ "header": row.header.as_deref(), "file": file });
        let interpreted =
            connection.interpret_row(&case.stream, &row.value, &envelope).map_err(|error| error.to_string())?;
        for incoming in interpreted.incoming {
            found.push(seen(incoming.map_err(|error| error.to_string())?));
        }
    }
    Ok(found)
}

fn lay(folder: &Path, completeness: &Completeness, case: &FileInCase, bytes: &[u8]) -> io::Result<()> {
    std::fs::write(folder.join(&case.name), bytes)?;
    match completeness {
        Completeness::Marker { name, .. } => {
            std::fs::write(folder.join(name.of(&case.name)), case.control.as_deref().unwrap_or_default())
        }
        Completeness::Rename | Completeness::Stable(_) => Ok(()),
    }
}

fn picked_up(folder: &Path, described: &FileRead, case: &FileInCase) -> Result<Claim, String> {
    let mut drop = DropFolder::open(described.drop_spec(folder, &case.stream)).map_err(|error| error.to_string())?;
    // A file that only has to lie still is looked at twice; no time need pass for that.
    let (start, settled) = (Instant::now(), Instant::now() + Duration::from_secs(24 * 60 * 60));
    drop.scan(start).map_err(|error| error.to_string())?;
    let scan = drop.scan(settled).map_err(|error| error.to_string())?;
    let Some(offer) = scan.ready.iter().find(|offer| offer.name == case.name) else {
        let waiting = scan.waiting.iter().find(|waiting| waiting.name == case.name).map(|waiting| waiting.reason);
        let refused = scan.refused.first().map(ToString::to_string);
        let reason = waiting
            .map(str::to_owned)
            .or(refused)
            .unwrap_or_else(|| "its name does not fit the stream's pattern".to_owned());
        return Err(format!("the file {} is not picked up: {reason}", case.name));
    };
    let claimed = drop.claim(offer).map_err(|error| error.to_string())?;
    claimed.ok_or_else(|| format!("the file {} is gone", case.name))
}

/// `None` where what is to be replaced is not there.
fn spoil(bytes: &[u8], spoiled: &Spoiled) -> Option<Vec<u8>> {
    match spoiled {
        Spoiled::Cut(length) => bytes.get(..*length).map(<[u8]>::to_vec),
        Spoiled::Repeat => Some([bytes, bytes].concat()),
        Spoiled::Replace(pairs) => {
            let mut changed = bytes.to_vec();
            for (from, to) in pairs {
                let at = changed.windows(from.len().max(1)).position(|window| window == from.as_slice())?;
                changed.splice(at..at + from.len(), to.iter().copied());
            }
            Some(changed)
        }
    }
}

pub(super) fn outgoing(bench: &mut Bench<'_>, fixture: &Fixture, case: &FileOutCase) {
    let subject = bench.subject;
    let stream = match subject.stream(&case.stream, &case.stream.place) {
        Ok(stream) => stream,
        Err(problem) => return bench.findings.problem(Behaviour::Agree, problem),
    };
    let write = match &stream.write {
        Some(Write::File(write)) => write,
        Some(Write::Http(_) | Write::Process(_) | Write::Sql(_)) | None => {
            return bench.fail(
                fixture,
                Behaviour::Agree,
                &format!("{}: the stream writes no files", case.stream.place),
            );
        }
    };
    bench.findings.proves(Behaviour::Files, file_out(&case.stream));
    let Some(settings) = bench.settings.as_ref().map(crate::connector::manifest::SettingValues::expose) else { return };
    let entity = match entity(stream, case.entity.as_ref()) {
        Ok(entity) => entity,
        Err(problem) => return bench.fail(fixture, Behaviour::Files, &problem),
    };
    let mut bodies = Vec::new();
    for record in &case.records {
        match subject.written(stream, record, &case.refs, None, entity, &settings) {
            Ok((body, _)) => bodies.push(body),
            Err(problem) => {
                bench.heard.push(problem.clone());
                return bench.fail(fixture, Behaviour::Files, &format!("{}: {problem}", record.place));
            }
        }
    }
    match written(write, fixture, &bodies, &settings) {
        Ok(bytes) if bytes == case.expected => bench.findings.good(Behaviour::Files),
        Ok(bytes) => {
            let problem =
                format!("what is written differs from {}: {}", case.golden, first_difference(&case.expected, &bytes));
            bench.fail(fixture, Behaviour::Files, &problem);
        }
        Err(problem) => {
            bench.heard.push(problem.clone());
            bench.fail(fixture, Behaviour::Files, &format!("nothing is written: {problem}"));
        }
    }
}

fn written(write: &FileWrite, fixture: &Fixture, bodies: &[Json], settings: &Json) -> Result<Vec<u8>, String> {
    let at = at(fixture).to_zoned(TimeZone::UTC);
    let (time, sequence) = (at.strftime("%Y%m%dT%H%M%S%3fZ").to_string(), 1_u64);
    let batch = json!({ "time": time, "sequence": format!("{sequence:08}") });
    let scope = crate::mapping::expr::Scope::new().with("settings", settings).with("batch", &batch);
    let name = write.name.value.render(&scope).map_err(|error| format!("the file's name cannot be made: {error}"))?;
    let mut given = write.partner.given(settings).map_err(|error| format!("the partner cannot be made: {error}"))?;
    given.insert("sequence".to_owned(), Json::String(sequence.to_string()));
    given.insert("time".to_owned(), Json::String(at.strftime("%H%M%S").to_string()));
    given.insert("date".to_owned(), Json::String(at.strftime("%Y%m%d").to_string()));
    given.insert("name".to_owned(), Json::String(name.clone()));
    let mut bytes = Vec::new();
    let mut writer = FileWriter::new(&name, &write.format, &given, &mut bytes).map_err(|error| error.to_string())?;
    for body in bodies {
        writer.row(body).map_err(|error| error.to_string())?;
    }
    writer.finish().map_err(|error| error.to_string())?;
    Ok(bytes)
}

fn first_difference(expected: &[u8], found: &[u8]) -> String {
    let (expected, found) = (String::from_utf8_lossy(expected), String::from_utf8_lossy(found));
    let (mut wanted, mut came) = (expected.split('\n'), found.split('\n'));
    for line in 1.. {
        match (wanted.next(), came.next()) {
            (None, None) => break,
            (wanted, came) if wanted != came => {
                return format!(
                    "line {line}: expected {:?}, came {:?}",
                    wanted.unwrap_or("the end"),
                    came.unwrap_or("the end")
                );
            }
            _ => {}
        }
    }
    "bytes that are no text".to_owned()
}
