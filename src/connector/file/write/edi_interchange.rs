//! One interchange on its way out: opening, messages with their counts, closing.
//!
//! Not here: the segments of a message (`edi_segments`), where bytes go (`writer`).

use serde_json::{Map, Value};

use super::edi_segments::segments;
use super::edi_spec::{EdiWrite, Stamp};
use super::edi_text::EdiText;
use crate::connector::file::edi::{EdiCause, Segment};
use crate::connector::file::encoding::Encoder;
use crate::connector::file::error::FileCause;
use crate::connector::file::format::{EdiSyntax, Position};

type Named<T> = Result<T, (String, FileCause)>;

/// `open`, then `row` for each row, then `close`; each gives the text to write.
#[derive(Debug)]
pub(super) struct Interchange {
    number: u64,
    /// Texts of the declared stamps.
    stamps: Vec<String>,
    messages: u64,
    /// Rows that are gathered into one message: what they have in common, and their items.
    gathered: Option<(Map<String, Value>, Vec<Value>)>,
}

impl Interchange {
    pub(super) fn new(edi: &EdiWrite, given: &Map<String, Value>) -> Named<Self> {
        let sequence = text(given, "sequence")?;
        let number: u64 = sequence.parse().map_err(|_| bad("sequence", &sequence, "a whole number"))?;
        let number = edi.control_numbers.of(number);
        let (date, time) = (text(given, "date")?, text(given, "time")?);
        let minutes = time.get(..4).unwrap_or_default();
        let stamp = |(_, stamp): &(_, Stamp)| match stamp {
            Stamp::Date => date.clone(),
            Stamp::Time => minutes.to_owned(),
            Stamp::Minute => format!("{date}{minutes}"),
            Stamp::Number => number.to_string(),
        };
        Ok(Self { number, stamps: edi.stamps.iter().map(stamp).collect(), messages: 0, gathered: None })
    }

    pub(super) fn open(&self, edi: &EdiWrite, encoder: Encoder, given: &Map<String, Value>) -> Named<String> {
        match edi.syntax {
            EdiSyntax::X12 => self.open_x12(edi, encoder, given),
            EdiSyntax::Edifact => self.open_edifact(edi, encoder, given),
        }
    }

    fn open_x12(&self, edi: &EdiWrite, encoder: Encoder, given: &Map<String, Value>) -> Named<String> {
        let (sender, receiver) = (text(given, "sender")?, text(given, "receiver")?);
        let (date, time) = (text(given, "date")?, text(given, "time")?);
        let (sender_qualifier, receiver_qualifier) =
            (or(given, "sender_qualifier", "ZZ"), or(given, "receiver_qualifier", "ZZ"));
        let usage = or(given, "usage", "P");
        // The interchange's version is the release that the group's begins with: 004010 is sent in 00401.
        let version: String = edi.version.chars().take(5).collect();
        let repetition = edi.delimiters.repetition.map_or('U', char::from).to_string();
        let fixed = |name: &str, value: &str, width: usize| fixed(name, value, width);
        let elements = [
            "00".to_owned(),
            " ".repeat(10),
            "00".to_owned(),
            " ".repeat(10),
            fixed("sender_qualifier", &sender_qualifier, 2)?,
            fixed("sender", &sender, 15)?,
            fixed("receiver_qualifier", &receiver_qualifier, 2)?,
            fixed("receiver", &receiver, 15)?,
            fixed("date", date.get(2..).unwrap_or_default(), 6)?,
            fixed("time", time.get(..4).unwrap_or_default(), 4)?,
            repetition,
            fixed("version", &version, 5)?,
            fixed("control number", &format!("{:09}", self.number), 9)?,
            "0".to_owned(),
            fixed("usage", &usage, 1)?,
        ];
        let plain = EdiText { syntax: edi.syntax, delimiters: edi.delimiters, charset: "", encoder };
        // What is data must not look like a delimiter here either.
        for value in &elements[4..8] {
            plain.render(&simple("ISA", &[value.as_str()]))?;
        }
        let separator = char::from(edi.delimiters.element).to_string();
        let mut isa = format!("ISA{separator}{}{separator}", elements.join(&separator));
        isa.push(char::from(edi.delimiters.component));
        isa.push(char::from(edi.delimiters.terminator));
        isa.push_str(line_break(edi));
        let number = self.number.to_string();
        let minutes = time.get(..4).unwrap_or_default();
        let gs = [edi.group.as_str(), &sender, &receiver, &date, minutes, &number, "X", &edi.version];
        isa.push_str(&plain.render(&simple("GS", &gs))?);
        isa.push_str(line_break(edi));
        Ok(isa)
    }

    fn open_edifact(&self, edi: &EdiWrite, encoder: Encoder, given: &Map<String, Value>) -> Named<String> {
        let delimiters = edi.delimiters;
        let mut una = "UNA".to_owned();
        let blank = |byte: Option<u8>| byte.map_or(' ', char::from);
        for character in [
            char::from(delimiters.component),
            char::from(delimiters.element),
            char::from(delimiters.decimal_mark),
            blank(delimiters.release),
            blank(delimiters.repetition),
            char::from(delimiters.terminator),
        ] {
            una.push(character);
        }
        una.push_str(line_break(edi));
        let (date, time) = (text(given, "date")?, text(given, "time")?);
        let at = |element, component| Position { element, component: Some(component) };
        let mut unb = Segment::new("UNB");
        unb.put(at(1, 1), &edi.charset);
        unb.put(at(1, 2), &edi.charset_version);
        unb.put(at(2, 1), &text(given, "sender")?);
        unb.put(at(2, 2), &or(given, "sender_qualifier", ""));
        unb.put(at(3, 1), &text(given, "receiver")?);
        unb.put(at(3, 2), &or(given, "receiver_qualifier", ""));
        // From version 4 on the year has its century.
        let date = if edi.charset_version.as_str() >= "4" { date.as_str() } else { date.get(2..).unwrap_or_default() };
        unb.put(at(4, 1), date);
        unb.put(at(4, 2), time.get(..4).unwrap_or_default());
        unb.put(at(5, 1), &self.number.to_string());
        if or(given, "usage", "P") == "T" {
            unb.put(at(11, 1), "1");
        }
        una.push_str(&self.text(edi, encoder).render(&unb)?);
        una.push_str(line_break(edi));
        Ok(una)
    }

    /// The messages that are complete with this row.
    pub(super) fn row(&mut self, edi: &EdiWrite, encoder: Encoder, row: &Map<String, Value>) -> Named<String> {
        let Some(list) = &edi.gather else { return self.message(edi, encoder, row) };
        // Each row must be writable alone, so that one that is not fails alone.
        self.lines(edi, encoder, row, self.messages + 1)?;
        let mut head = row.clone();
        let items = match head.shift_remove(list) {
            Some(Value::Array(items)) => items,
            Some(item @ Value::Object(_)) => vec![item],
            Some(_) | None => {
                let cause = EdiCause::Shape { name: list.clone(), found: "something else", wanted: "a list" };
                return Err((list.clone(), cause.into()));
            }
        };
        if let Some((_, gathered)) = self.gathered.as_mut().filter(|(common, _)| *common == head) {
            gathered.extend(items);
            return Ok(String::new());
        }
        let complete = self.flush(edi, encoder)?;
        self.gathered = Some((head, items));
        Ok(complete)
    }

    /// The gathered message, if there is one. It stays if it cannot be written, so that `close` fails with it: its rows
    /// count as written already.
    fn flush(&mut self, edi: &EdiWrite, encoder: Encoder) -> Named<String> {
        let (Some((head, items)), Some(list)) = (&self.gathered, &edi.gather) else { return Ok(String::new()) };
        let mut row = head.clone();
        row.insert(list.clone(), Value::Array(items.clone()));
        let text = self.message(edi, encoder, &row)?;
        self.gathered = None;
        Ok(text)
    }

    fn message(&mut self, edi: &EdiWrite, encoder: Encoder, row: &Map<String, Value>) -> Named<String> {
        let text = self.lines(edi, encoder, row, self.messages + 1)?;
        self.messages += 1;
        Ok(text)
    }

    fn lines(&self, edi: &EdiWrite, encoder: Encoder, row: &Map<String, Value>, number: u64) -> Named<String> {
        let body = segments(edi, &self.stamps, row)?;
        let count = (body.len() + 2).to_string();
        let (head, tail) = match edi.syntax {
            EdiSyntax::X12 => {
                let number = format!("{number:04}");
                (simple("ST", &[&edi.message, &number]), simple("SE", &[&count, &number]))
            }
            EdiSyntax::Edifact => {
                let number = number.to_string();
                let mut head = simple("UNH", &[&number, &edi.message]);
                for (index, part) in edi.version.split(':').enumerate() {
                    head.put(Position { element: 2, component: Some(index + 2) }, part);
                }
                (head, simple("UNT", &[&count, &number]))
            }
        };
        let text = self.text(edi, encoder);
        let mut lines = String::new();
        for segment in std::iter::once(&head).chain(&body).chain(std::iter::once(&tail)) {
            lines.push_str(&text.render(segment)?);
            lines.push_str(line_break(edi));
        }
        Ok(lines)
    }

    pub(super) fn close(mut self, edi: &EdiWrite, encoder: Encoder) -> Named<String> {
        let mut out = self.flush(edi, encoder)?;
        let (messages, number) = (self.messages.to_string(), self.number.to_string());
        let tail = match edi.syntax {
            EdiSyntax::X12 => {
                vec![simple("GE", &[&messages, &number]), simple("IEA", &["1", &format!("{:09}", self.number)])]
            }
            EdiSyntax::Edifact => vec![simple("UNZ", &[&messages, &number])],
        };
        for segment in &tail {
            out.push_str(&self.text(edi, encoder).render(segment)?);
            out.push_str(line_break(edi));
        }
        Ok(out)
    }

    fn text<'e>(&self, edi: &'e EdiWrite, encoder: Encoder) -> EdiText<'e> {
        EdiText { syntax: edi.syntax, delimiters: edi.delimiters, charset: &edi.charset, encoder }
    }
}

fn simple(tag: &str, elements: &[&str]) -> Segment {
    let mut segment = Segment::new(tag);
    for (index, text) in elements.iter().enumerate() {
        segment.put(Position { element: index + 1, component: None }, text);
    }
    segment
}

fn line_break(edi: &EdiWrite) -> &'static str {
    if edi.line_breaks { "\r\n" } else { "" }
}

/// Exactly so wide: ISA is read by position.
fn fixed(name: &str, value: &str, width: usize) -> Named<String> {
    let found = value.chars().count();
    if found > width || value.is_empty() || !value.is_ascii() {
        let cause = FileCause::TooWide { text: value.to_owned(), found, limit: width };
        return Err((name.to_owned(), cause));
    }
    Ok(format!("{value:<width$}"))
}

fn text(given: &Map<String, Value>, name: &str) -> Named<String> {
    match given.get(name).and_then(Value::as_str) {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        Some(_) | None => Err((name.to_owned(), FileCause::ControlValueMissing { name: name.to_owned() })),
    }
}

fn or(given: &Map<String, Value>, name: &str, default: &str) -> String {
    let text = given.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.unwrap_or(default).to_owned()
}

fn bad(name: &str, text: &str, wanted: &'static str) -> (String, FileCause) {
    (name.to_owned(), FileCause::BadControlValue { name: name.to_owned(), text: text.to_owned(), wanted })
}
