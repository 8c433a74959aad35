//! UN/EDIFACT interchanges (ISO 9735): UNA, UNB, UNG, UNH ... UNT, UNE, UNZ; several in a file.
//!
//! Every count and reference must agree before the file counts as read. Not here: the segments between UNH and UNT
//! (`edi_message`), interactive interchanges (UIB), which are refused.

use std::io::Read;

use serde_json::{Map, Value};

use super::collect::Collector;
use super::edi_message::{Envelope, Message, check_count, check_kind, check_number, check_partner, check_repertoire};
use super::edi_walk::{Walk, texts};
use crate::connector::file::edi::{Delimiters, EdiCause, Repertoire, Segment};
use crate::connector::file::error::FileError;
use crate::connector::file::format::EdiFormat;
use crate::connector::file::text::TextSource;

const INTERCHANGE: &str = "interchange reference";
const GROUP: &str = "group reference";
const MESSAGE: &str = "message reference";

type Edifact<'t, 'f, 'c, 's, R> = Walk<'t, 'f, 'c, 's, R>;

/// What the characters of the interchange must be.
struct Charset {
    syntax: String,
    repertoire: Repertoire,
}

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
        interchange(&mut walk)?;
    }
}

/// Reads UNA if it is there, and UNB.
fn unb<R: Read>(walk: &mut Edifact<'_, '_, '_, '_, R>) -> Result<Segment, FileError> {
    walk.scanner.delimiters = Delimiters::EDIFACT;
    let start = walk.scanner.take(3).map_err(|cause| walk.fail("", cause))?;
    let has_una = start == b"UNA";
    if has_una {
        let service = walk.scanner.take(6).map_err(|cause| walk.fail("", cause))?;
        let delimiters = Delimiters::from_una(&service).map_err(|cause| walk.fail("segment UNA", cause))?;
        walk.scanner.delimiters = delimiters;
    } else if start != b"UNB" {
        let found = String::from_utf8_lossy(&start).into_owned();
        return Err(walk.fail("", EdiCause::NotAnInterchange { expected: "UNA or UNB", found }));
    }
    let segment = if has_una {
        let segment = walk.next_whole("the interchange: UNB is missing")?;
        if segment.tag != "UNB" {
            return walk.expected("UNB", &segment);
        }
        segment
    } else {
        let segment = walk.scanner.rest_of(b"UNB").map_err(|cause| walk.fail("segment UNB", cause))?;
        if segment.tag != "UNB" {
            return walk.expected("UNB", &segment);
        }
        segment
    };
    let end = walk.scanner.text.offset();
    if let Some(fault) = walk.scanner.text.take_fault(end) {
        return Err(walk.fail("segment UNB", fault.cause).byte(fault.byte_offset));
    }
    // Version 4 has a repetition separator, by default `*`.
    let version_4 = segment.component(1, 2) >= "4";
    if version_4 && !has_una {
        walk.scanner.delimiters.repetition = Some(b'*');
    } else if !version_4 {
        walk.scanner.delimiters.repetition = None;
    }
    Ok(segment)
}

fn interchange<R: Read>(walk: &mut Edifact<'_, '_, '_, '_, R>) -> Result<(), FileError> {
    let unb = unb(walk)?;
    let (sender, receiver, number) = (unb.component(2, 1), unb.component(3, 1), unb.element(5));
    let usage = if unb.element(11) == "1" { "T" } else { "P" };
    walk.envelope.interchange = number.to_owned();
    walk.envelope.tag = "UNB".to_owned();
    let (syntax, encoding) = (unb.component(1, 1), walk.scanner.text.encoding());
    let repertoire = Repertoire::of(syntax, encoding).ok_or_else(|| {
        walk.fail("element 01", EdiCause::Charset { syntax: syntax.to_owned(), encoding: encoding.name() })
    })?;
    let charset = Charset { syntax: syntax.to_owned(), repertoire };
    check_partner(walk.format, sender, receiver, usage).map_err(|(inner, cause)| walk.fail(&inner, cause))?;
    walk.first_time(INTERCHANGE, &if number.is_empty() { String::new() } else { format!("{sender}/{number}") })?;
    walk.forget(GROUP);
    walk.forget(MESSAGE);
    let header = texts(&[
        ("syntax", syntax),
        ("syntax_version", unb.component(1, 2)),
        ("sender", sender),
        ("sender_qualifier", unb.component(2, 2)),
        ("receiver", receiver),
        ("receiver_qualifier", unb.component(3, 2)),
        ("date", unb.component(4, 1)),
        ("time", unb.component(4, 2)),
        ("control_number", number),
        ("application", unb.element(7)),
        ("usage", usage),
    ]);
    let (mut groups, mut messages) = (0, 0);
    loop {
        let segment = walk.next_whole("the interchange: UNZ is missing")?;
        match segment.tag.as_str() {
            "UNG" if messages == 0 => {
                groups += 1;
                group(walk, &segment, &header, &charset)?;
            }
            "UNH" if groups == 0 => {
                messages += 1;
                message(walk, &segment, &header, &charset)?;
            }
            "UNZ" => {
                // With groups it counts these, without them messages.
                let (what, found) = if groups > 0 { ("groups", groups) } else { ("messages", messages) };
                let check = check_count("UNZ 0036", what, segment.element(1), found)
                    .and_then(|()| check_number("UNZ 0020", number, segment.element(2)));
                return check.map_err(|cause| walk.fail("", cause));
            }
            _ => return walk.expected("UNH, UNG or UNZ", &segment),
        }
    }
}

fn group<R: Read>(
    walk: &mut Edifact<'_, '_, '_, '_, R>,
    ung: &Segment,
    header: &Map<String, Value>,
    charset: &Charset,
) -> Result<(), FileError> {
    let number = ung.element(5).to_owned();
    walk.first_time(GROUP, &number)?;
    walk.forget(MESSAGE);
    walk.envelope.group = Some(number.clone());
    let mut header = header.clone();
    let own = texts(&[
        ("code", ung.element(1)),
        ("sender", ung.component(2, 1)),
        ("receiver", ung.component(3, 1)),
        ("control_number", &number),
    ]);
    header.insert("group".to_owned(), Value::Object(own));
    let mut messages = 0;
    loop {
        let segment = walk.next_whole("the group: UNE is missing")?;
        match segment.tag.as_str() {
            "UNH" => {
                messages += 1;
                message(walk, &segment, &header, charset)?;
            }
            "UNE" => {
                check_count("UNE 0060", "messages", segment.element(1), messages)
                    .and_then(|()| check_number("UNE 0048", &number, segment.element(2)))
                    .map_err(|cause| walk.fail("", cause))?;
                walk.envelope.group = None;
                return Ok(());
            }
            _ => return walk.expected("UNH or UNE", &segment),
        }
    }
}

fn message<R: Read>(
    walk: &mut Edifact<'_, '_, '_, '_, R>,
    unh: &Segment,
    header: &Map<String, Value>,
    charset: &Charset,
) -> Result<(), FileError> {
    let (number, kind) = (unh.element(1).to_owned(), unh.component(2, 1).to_owned());
    let place = walk.message_place();
    walk.envelope.message = Some((kind.clone(), number.clone()));
    walk.envelope.segment = 1;
    walk.first_time(MESSAGE, &number)?;
    let version = format!("{}:{}", unh.component(2, 2), unh.component(2, 3));
    check_kind(walk.format, &kind, &version).map_err(|cause| walk.fail("element 02", cause))?;
    let mut header = header.clone();
    let own = texts(&[
        ("type", &kind),
        ("version", unh.component(2, 2)),
        ("release", unh.component(2, 3)),
        ("agency", unh.component(2, 4)),
        ("association", unh.component(2, 5)),
        ("control_number", &number),
    ]);
    header.insert("message".to_owned(), Value::Object(own));
    let limit = walk.scanner.limits().record_bytes;
    let mut message = Message::new(walk.format, place);
    loop {
        let (segment, fault) = walk.next("the message: UNT is missing")?;
        if let Some(fault) = fault {
            message.note(&walk.envelope, "", walk.place, fault.cause);
        }
        let checked = check_repertoire(charset.repertoire, &charset.syntax, walk.format.any_case, &segment);
        if let Err((inner, cause)) = checked {
            message.note(&walk.envelope, &inner, walk.place, cause);
        }
        match segment.tag.as_str() {
            "UNT" => {
                check_count("UNT 0074", "segments", segment.element(1), walk.envelope.segment)
                    .and_then(|()| check_number("UNT 0062", &number, segment.element(2)))
                    .map_err(|cause| walk.fail("", cause))?;
                message.finish(&walk.envelope, header, walk.collector)?;
                walk.envelope.message = None;
                return Ok(());
            }
            "UNB" | "UNG" | "UNH" | "UNE" | "UNZ" => return walk.expected("UNT before it", &segment),
            _ => message.add(&segment, walk.place, &walk.envelope, limit).map_err(|cause| walk.fail("", cause))?,
        }
    }
}
