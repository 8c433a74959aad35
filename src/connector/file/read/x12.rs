//! ANSI X12 interchanges: ISA, GS, ST ... SE, GE, IEA; several of each in a file.
//!
//! Every count and control number must agree before the file counts as read. Not here: the segments between ST and SE
//! (`edi_message`).

use std::io::Read;

use serde_json::{Map, Value};

use super::collect::Collector;
use super::edi_message::{Envelope, Message, check_count, check_kind, check_number, check_partner};
use super::edi_walk::{Walk, texts};
use crate::connector::file::edi::{Delimiters, EdiCause, Segment};
use crate::connector::file::error::{FileCause, FileError};
use crate::connector::file::format::EdiFormat;
use crate::connector::file::text::TextSource;

/// ISA is of fixed width; here its element separators stand.
const SEPARATORS: [usize; 16] = [3, 6, 17, 20, 31, 34, 50, 53, 69, 76, 81, 83, 89, 99, 101, 103];
const ISA_WIDTH: usize = 106;
const INTERCHANGE: &str = "interchange control number";
const GROUP: &str = "group control number";
const MESSAGE: &str = "transaction set control number";

pub(super) fn read<R: Read>(
    format: &EdiFormat,
    text: &mut TextSource<R>,
    collector: &mut Collector<'_>,
) -> Result<(), FileError> {
    let limits = collector.limits();
    let mut walk = Walk::new(format, limits, text, collector);
    loop {
        walk.envelope = Envelope::default();
        match walk.scanner.skip_line_ends(true) {
            Ok(Some(place)) => walk.place = place,
            Ok(None) => return Ok(()),
            Err(cause) => return Err(walk.fail("", cause)),
        }
        let isa = isa(&mut walk)?;
        interchange(&mut walk, &isa)?;
    }
}

/// The sixteen elements of ISA, blanks around them removed; sets the delimiters.
fn isa<R: Read>(walk: &mut Walk<'_, '_, '_, '_, R>) -> Result<Vec<String>, FileError> {
    let raw = walk.scanner.take(ISA_WIDTH).map_err(|cause| walk.fail("", cause))?;
    if let Some(fault) = walk.scanner.text.take_fault(walk.scanner.text.offset()) {
        return Err(walk.fail("segment ISA", fault.cause).byte(fault.byte_offset));
    }
    if !raw.starts_with(b"ISA") {
        let found = String::from_utf8_lossy(raw.get(..3).unwrap_or(&raw)).into_owned();
        return Err(walk.fail("", EdiCause::NotAnInterchange { expected: "ISA", found }));
    }
    let &[_, _, _, element, ..] = raw.as_slice() else {
        return Err(walk.fail("segment ISA", EdiCause::Cut { inside: "ISA" }));
    };
    for at in SEPARATORS {
        match raw.get(at) {
            None => return Err(walk.fail("segment ISA", EdiCause::Cut { inside: "ISA" })),
            Some(byte) if *byte == element => {}
            Some(_) => return Err(walk.fail("segment ISA", EdiCause::IsaWidth { position: at + 1 })),
        }
    }
    let (Some(component), Some(terminator)) = (raw.get(104).copied(), raw.get(105).copied()) else {
        return Err(walk.fail("segment ISA", EdiCause::Cut { inside: "ISA" }));
    };
    let elements: Vec<String> = raw[4..104]
        .split(|byte| *byte == element)
        .map(|text| String::from_utf8_lossy(text).trim().to_owned())
        .collect();
    if elements.len() != SEPARATORS.len() {
        return Err(walk.fail("segment ISA", EdiCause::IsaWidth { position: 104 }));
    }
    // Until version 004010 ISA11 is a standards id (`U`), since then the repetition separator.
    let repetition = match elements[10].as_bytes() {
        [byte] if elements[11].as_str() > "00401" && !byte.is_ascii_alphanumeric() => Some(*byte),
        _ => None,
    };
    let delimiters = Delimiters { element, component, repetition, terminator, ..Delimiters::X12 };
    walk.scanner.delimiters = delimiters.checked().map_err(|cause| walk.fail("segment ISA", cause))?;
    Ok(elements)
}

fn interchange<R: Read>(walk: &mut Walk<'_, '_, '_, '_, R>, isa: &[String]) -> Result<(), FileError> {
    let at = |number: usize| isa.get(number - 1).map_or("", String::as_str);
    let (sender, receiver, number, usage) = (at(6), at(8), at(13), at(15));
    walk.envelope.interchange = number.to_owned();
    walk.envelope.tag = "ISA".to_owned();
    check_partner(walk.format, sender, receiver, usage).map_err(|(inner, cause)| walk.fail(&inner, cause))?;
    walk.first_time(INTERCHANGE, &if number.is_empty() { String::new() } else { format!("{sender}/{number}") })?;
    walk.forget(GROUP);
    let header = texts(&[
        ("sender_qualifier", at(5)),
        ("sender", sender),
        ("receiver_qualifier", at(7)),
        ("receiver", receiver),
        ("date", at(9)),
        ("time", at(10)),
        ("version", at(12)),
        ("control_number", number),
        ("usage", usage),
    ]);
    let mut groups = 0;
    loop {
        let segment = walk.next_whole("the interchange: IEA is missing")?;
        match segment.tag.as_str() {
            "GS" => {
                groups += 1;
                group(walk, &segment, &header)?;
            }
            // An acknowledgement of an interchange of ours; it carries no message.
            "TA1" if groups == 0 => {}
            "IEA" => {
                let check = check_count("IEA01", "groups", segment.element(1), groups)
                    .and_then(|()| check_number("IEA02", number, segment.element(2)));
                return check.map_err(|cause| walk.fail("", cause));
            }
            _ => return walk.expected("GS or IEA", &segment),
        }
    }
}

fn group<R: Read>(
    walk: &mut Walk<'_, '_, '_, '_, R>,
    gs: &Segment,
    header: &Map<String, Value>,
) -> Result<(), FileError> {
    let number = gs.element(6).to_owned();
    walk.first_time(GROUP, &number)?;
    walk.forget(MESSAGE);
    walk.envelope.group = Some(number.clone());
    let mut header = header.clone();
    let group = texts(&[
        ("code", gs.element(1)),
        ("sender", gs.element(2)),
        ("receiver", gs.element(3)),
        ("date", gs.element(4)),
        ("time", gs.element(5)),
        ("control_number", &number),
        ("version", gs.element(8)),
    ]);
    header.insert("group".to_owned(), Value::Object(group));
    let mut messages = 0;
    loop {
        let segment = walk.next_whole("the group: GE is missing")?;
        match segment.tag.as_str() {
            "ST" => {
                messages += 1;
                message(walk, &segment, gs.element(8), &header)?;
            }
            "GE" => {
                check_count("GE01", "transaction sets", segment.element(1), messages)
                    .and_then(|()| check_number("GE02", &number, segment.element(2)))
                    .map_err(|cause| walk.fail("", cause))?;
                walk.envelope.group = None;
                return Ok(());
            }
            _ => return walk.expected("ST or GE", &segment),
        }
    }
}

fn message<R: Read>(
    walk: &mut Walk<'_, '_, '_, '_, R>,
    st: &Segment,
    version: &str,
    header: &Map<String, Value>,
) -> Result<(), FileError> {
    let (kind, number) = (st.element(1).to_owned(), st.element(2).to_owned());
    let place = walk.message_place();
    walk.envelope.message = Some((kind.clone(), number.clone()));
    walk.envelope.segment = 1;
    walk.first_time(MESSAGE, &number)?;
    // Since 005010 ST03 may say what GS08 says.
    check_kind(walk.format, &kind, version).map_err(|cause| walk.fail("", cause))?;
    let mut header = header.clone();
    let own = texts(&[("type", &kind), ("control_number", &number), ("implementation", st.element(3))]);
    header.insert("message".to_owned(), Value::Object(own));
    let limit = walk.scanner.limits().record_bytes;
    let mut message = Message::new(walk.format, place);
    loop {
        let (segment, fault) = walk.next("the transaction set: SE is missing")?;
        if let Some(fault) = fault {
            message.note(&walk.envelope, "", walk.place, fault.cause);
        }
        match segment.tag.as_str() {
            "SE" => {
                let check: Result<(), FileCause> =
                    check_count("SE01", "segments", segment.element(1), walk.envelope.segment)
                        .and_then(|()| check_number("SE02", &number, segment.element(2)));
                check.map_err(|cause| walk.fail("", cause))?;
                message.finish(&walk.envelope, header, walk.collector)?;
                walk.envelope.message = None;
                return Ok(());
            }
            "ST" | "GS" | "GE" | "ISA" | "IEA" => return walk.expected("SE before it", &segment),
            _ => message.add(&segment, walk.place, &walk.envelope, limit).map_err(|cause| walk.fail("", cause))?,
        }
    }
}
