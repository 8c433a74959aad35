//! The values of a file by its format, each replaced in its place: columns by name, positions by their field.
//!
//! Not here: which file (`files`), what is replaced by what (`scrub`).

use encoding_rs::Encoding as Codec;
use serde_json::Value;

use super::scrub::Scrubber;
use crate::connector::file::compression::Compression;
use crate::connector::file::format::{
    ColumnNames, CsvFormat, FixedFormat, FixedKind, FixedLineEnd, FixedRecordTypes, RecordRole,
};
use crate::connector::file::{FileFormat, FileSpec};

/// Whole files, where rows cannot be left out, have at most so many bytes.
const MOST_WHOLE: usize = 512 << 10;

/// The first `rows` data rows; the whole file where it states totals over all.
pub(super) fn scrub(spec: &FileSpec, bytes: &[u8], rows: usize, scrubber: &mut Scrubber) -> Result<Vec<u8>, String> {
    if spec.compression != Compression::default() {
        return Err("compressed files are not recorded; put an uncompressed sample into a fixture by hand".to_owned());
    }
    let codec = Codec::for_label(spec.encoding.name().as_bytes())
        .filter(|codec| codec.is_ascii_compatible())
        .ok_or_else(|| {
            format!("files in {} are not recorded; write a sample by hand (docs/conformance.md)", spec.encoding.name())
        })?;
    let (text, _, broken) = codec.decode(bytes);
    if broken {
        return Err(format!("the file is not in {}", spec.encoding.name()));
    }
    let rows = if spec.totals.checks.is_empty() { rows } else { usize::MAX };
    let whole = |what: &str| {
        if text.len() > MOST_WHOLE {
            Err(format!("{what} larger than {MOST_WHOLE} bytes are not cut; give a smaller one"))
        } else {
            Ok(())
        }
    };
    let scrubbed = match &spec.format {
        FileFormat::Csv(format) => csv(format, &text, rows, scrubber)?,
        FileFormat::Fixed(format) => fixed(format, &text, rows, scrubber)?,
        FileFormat::JsonLines(_) => lines(&text).take(rows).map(|line| json_line(line, scrubber)).collect(),
        FileFormat::Json(_) | FileFormat::Xml(_) => {
            whole("files of this format")?;
            let scrubbed = scrubber.body(text.as_bytes())?;
            String::from_utf8(scrubbed).map_err(|error| error.to_string())?
        }
        FileFormat::Edi(_) | FileFormat::Statement(_) => {
            return Err(
                "EDI and bank statements tie every line to their totals; write a sample by hand (docs/conformance.md)"
                    .to_owned(),
            );
        }
    };
    let (encoded, _, lost) = codec.encode(&scrubbed);
    if lost {
        Err(format!("a look-alike cannot be written in {}", spec.encoding.name()))
    } else {
        Ok(encoded.into_owned())
    }
}

/// With their ends.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n')
}

fn parts(line: &str) -> (&str, &str) {
    let body = line.trim_end_matches(['\r', '\n']);
    (body, &line[body.len()..])
}

fn json_line(line: &str, scrubber: &mut Scrubber) -> String {
    let (body, end) = parts(line);
    match serde_json::from_str::<Value>(body) {
        Ok(mut value) => {
            scrubber.json(&mut value, &mut Vec::new());
            format!("{value}{end}")
        }
        Err(_) => format!("{}{end}", scrubber.words(body)),
    }
}

/// Lines of a CSV file; one inside quotes goes on.
fn records(text: &str, quote: Option<char>) -> Vec<&str> {
    let (mut found, mut start, mut quoted) = (Vec::new(), 0, false);
    for (at, letter) in text.char_indices() {
        if Some(letter) == quote {
            quoted = !quoted;
        } else if letter == '\n' && !quoted {
            found.push(&text[start..=at]);
            start = at + 1;
        }
    }
    if start < text.len() {
        found.push(&text[start..]);
    }
    found
}

/// The fields of one record as written, quotes included.
fn fields<'r>(record: &'r str, format: &CsvFormat) -> Vec<&'r str> {
    let (mut found, mut start, mut quoted) = (Vec::new(), 0, false);
    for (at, letter) in record.char_indices() {
        if Some(letter) == format.quote {
            quoted = !quoted;
        } else if letter == format.delimiter && !quoted {
            found.push(&record[start..at]);
            start = at + letter.len_utf8();
        }
    }
    found.push(&record[start..]);
    found
}

fn bare(field: &str, quote: Option<char>) -> String {
    match quote {
        Some(quote) if field.len() >= 2 && field.starts_with(quote) && field.ends_with(quote) => field
            [quote.len_utf8()..field.len() - quote.len_utf8()]
            .replace(&format!("{quote}{quote}"), &quote.to_string()),
        Some(_) | None => field.to_owned(),
    }
}

fn written(value: &str, as_before: &str, format: &CsvFormat) -> String {
    let needed =
        value.contains([format.delimiter, '\n', '\r']) || format.quote.is_some_and(|quote| value.contains(quote));
    match format.quote {
        Some(quote) if needed || as_before.starts_with(quote) => {
            format!("{quote}{}{quote}", value.replace(quote, &format!("{quote}{quote}")))
        }
        Some(_) | None => value.to_owned(),
    }
}

fn csv(format: &CsvFormat, text: &str, rows: usize, scrubber: &mut Scrubber) -> Result<String, String> {
    let (mut names, mut from_file, types) = match &format.names {
        ColumnNames::FirstRow { .. } => (Vec::new(), true, None),
        ColumnNames::Given(names) => (names.clone(), false, None),
        ColumnNames::ByRecordType(types) => (Vec::new(), false, Some(types)),
        ColumnNames::Sections(_) => {
            return Err("reports in sections are not recorded; write a sample by hand (docs/conformance.md)".to_owned());
        }
    };
    let (mut out, mut taken, mut skipped) = (String::with_capacity(text.len().min(1 << 16)), 0, 0);
    for record in records(text, format.quote) {
        let (body, end) = parts(record);
        let title = body.trim_start_matches('\u{feff}');
        let aside = title.is_empty()
            || (format.sep_line && taken == 0 && title.starts_with("sep="))
            || format.comment.is_some_and(|comment| title.starts_with(comment));
        if aside || skipped < format.skip_records {
            skipped += usize::from(!aside);
            out.push_str(&scrubber.words(record));
            continue;
        }
        let cells = fields(body, format);
        if from_file {
            names = cells
                .iter()
                .map(|cell| bare(cell, format.quote).trim().trim_start_matches('\u{feff}').to_owned())
                .collect();
            from_file = false;
            out.push_str(record);
            continue;
        }
        let mut role = RecordRole::Data;
        if let Some(types) = types {
            let code =
                cells.get(types.column.saturating_sub(1)).map(|cell| bare(cell, format.quote)).unwrap_or_default();
            if let Some(known) = types.types.iter().find(|known| known.code == code.trim()) {
                (role, names) = (known.role, known.columns.clone());
            }
        }
        if role == RecordRole::Data {
            taken += 1;
            if taken > rows {
                continue;
            }
        }
        let scrubbed = cells.iter().enumerate().map(|(index, cell)| {
            let value = bare(cell, format.quote);
            let column = names.get(index).cloned().unwrap_or_default();
            written(&scrubber.text(&value, &[column]), cell, format)
        });
        let scrubbed: Vec<String> = scrubbed.collect();
        out.push_str(&scrubbed.join(&format.delimiter.to_string()));
        out.push_str(end);
    }
    Ok(out)
}

fn fixed(format: &FixedFormat, text: &str, rows: usize, scrubber: &mut Scrubber) -> Result<String, String> {
    if format.line_end == FixedLineEnd::None {
        return Err(
            "records without line ends are not recorded; write a sample by hand (docs/conformance.md)".to_owned()
        );
    }
    let (mut out, mut taken) = (String::new(), 0);
    for line in lines(text) {
        let (body, end) = parts(line);
        let letters: Vec<char> = body.chars().collect();
        let at = |start: usize, length: usize| -> String {
            letters.iter().skip(start.saturating_sub(1)).take(length).collect()
        };
        let (role, fields) = match &format.records {
            FixedRecordTypes::One(fields) => (RecordRole::Data, fields.as_slice()),
            FixedRecordTypes::ByCode { start, length, types } => {
                let code = at(*start, *length);
                types
                    .iter()
                    .find(|known| known.code == code)
                    .map_or((RecordRole::Data, [].as_slice()), |known| (known.role, known.fields.as_slice()))
            }
        };
        if role == RecordRole::Data {
            taken += 1;
            if taken > rows {
                continue;
            }
        }
        let mut scrubbed = letters.clone();
        for field in fields {
            if !matches!(field.kind, FixedKind::Text(_)) {
                continue;
            }
            let value = at(field.start, field.length);
            let inner = value.trim();
            if inner.is_empty() {
                continue;
            }
            let before = value.len() - value.trim_start().len();
            let made = scrubber.text(inner, std::slice::from_ref(&field.name));
            // A field keeps its width whatever stands in it.
            let padded: Vec<char> = " "
                .repeat(before)
                .chars()
                .chain(made.chars())
                .chain(std::iter::repeat(' '))
                .take(value.chars().count())
                .collect();
            for (offset, letter) in padded.into_iter().enumerate() {
                if let Some(place) = scrubbed.get_mut(field.start.saturating_sub(1) + offset) {
                    *place = letter;
                }
            }
        }
        out.extend(scrubbed);
        out.push_str(end);
    }
    Ok(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::connector::file::format::{FixedField, LengthUnit, LineEnd};

    #[test]
    fn fixed_width_stays_fixed_and_the_same_person_stays_the_same() {
        let fields = vec![
            FixedField::text("sku", 1, 6),
            FixedField::text("customer_name", 7, 12),
            FixedField::text("email", 19, 24),
        ];
        let format = FixedFormat {
            record_length: 42,
            unit: LengthUnit::Characters,
            line_end: FixedLineEnd::Lines(LineEnd::default()),
            short_lines: false,
            records: FixedRecordTypes::One(fields),
        };
        let row = |sku: &str, name: &str, mail: &str| format!("{sku:<6}{name:<12}{mail:<24}\r\n");
        let rows = [
            row("MUG-01", "Anna Meyer", "anna@corp.example"),
            row("PLATE", "Anna Meyer", "b@corp.example"),
            row("X", "Carl", ""),
        ];
        let text = rows.concat();
        let spec = FileSpec::new(FileFormat::Fixed(format));
        let out = String::from_utf8(scrub(&spec, text.as_bytes(), 2, &mut Scrubber::default()).unwrap()).unwrap();
        let lines: Vec<&str> = out.split_inclusive("\r\n").collect();
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line.chars().count() == 44), "{out}");
        assert!(out.starts_with("MUG-01") && !out.contains("Anna") && !out.contains("corp"), "{out}");
        assert_eq!(lines[0][6..18], lines[1][6..18]);
    }

    #[test]
    fn csv_keeps_quotes_delimiters_and_line_ends() {
        let mut format = CsvFormat::new(ColumnNames::FirstRow { required: Vec::new() });
        format.delimiter = ';';
        let text = "sku;name;note\r\nA-1;\"Meyer; Anna\";\"two\nlines of \"\"text\"\"\"\r\nB-2;x;\r\nC-3;;\r\n";
        let spec = FileSpec::new(FileFormat::Csv(format));
        let out = String::from_utf8(scrub(&spec, text.as_bytes(), 2, &mut Scrubber::default()).unwrap()).unwrap();
        assert!(
            out.starts_with("sku;name;note\r\nA-1;\"") && out.ends_with("B-2;x;\r\n") && !out.contains("lines of"),
            "{out}"
        );
    }
}
