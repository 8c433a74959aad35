//! Reading the declaration of EDI interchanges that the hub writes.
//!
//! Not here: the structure (`edi`), partners' ids (`partner`), writing (`connector::file::write`).

use crate::config::yaml::{Context, Decode, MapReader, Node};
use crate::connector::file::Encoding;
use crate::connector::file::edi::{Delimiters, Repertoire};
use crate::connector::file::format::{EdiSyntax, SegmentPosition, check_structure};
use crate::connector::file::write::{ControlNumbers, EdiWrite, Stamp};

use super::edi::structure;
use super::format::character;

crate::choice! {
    enum StampWord ("stamp") { Date = "date", Time = "time", Minute = "minute", Number = "number" }
}

pub(super) fn read(map: &MapReader<'_>, syntax: EdiSyntax, encoding: Encoding) -> Option<EdiWrite> {
    let (message, version) = (map.required("message"), map.required("version"));
    let (group, charset, charset_version) = match syntax {
        EdiSyntax::X12 => (map.required("group"), Some(String::new()), String::new()),
        EdiSyntax::Edifact => {
            (Some(String::new()), map.required::<String>("charset"), map.or("charset_version", "3".to_owned()))
        }
    };
    if let Some(charset) = charset.as_ref().filter(|_| syntax == EdiSyntax::Edifact)
        && Repertoire::of(charset, encoding).is_none()
    {
        let message = format!("{charset} does not fit the encoding {}", encoding.name());
        map.error("charset", message, "UNOA or UNOB with any, UNOC with iso-8859-1, UNOY with utf-8");
    }
    let delimiters = delimiters(map, syntax);
    let line_breaks = map.or("line_breaks", false);
    let control_numbers = map.or("control_numbers", ControlNumbers::default());
    let (gather, line_numbers) = (map.optional("gather"), map.list("line_numbers"));
    let stamps = stamps(map);
    let structure = structure(map)?;
    if let Err(problem) = check_structure(syntax, &structure) {
        map.error("segments", format!("this structure cannot work: {problem}"), "correct the part that is named");
    }
    if let Some(list) = &gather
        && !structure.items.iter().any(|item| item.name == *list && item.many)
    {
        map.error("gather", format!("there is no list {list:?} at the outermost level"), "name one of `segments`");
    }
    Some(EdiWrite {
        syntax,
        message: message?,
        version: version?,
        group: group?,
        charset: charset?,
        charset_version,
        delimiters: delimiters?,
        line_breaks,
        control_numbers,
        structure,
        gather,
        line_numbers,
        stamps,
    })
}

/// `stamps: { BIA.04: date }`.
fn stamps(map: &MapReader<'_>) -> Vec<(SegmentPosition, Stamp)> {
    let read = |(place, word): (crate::config::yaml::Spanned<String>, StampWord)| match SegmentPosition::parse(&place) {
        Ok(position) => Some((
            position,
            match word {
                StampWord::Date => Stamp::Date,
                StampWord::Time => Stamp::Time,
                StampWord::Minute => Stamp::Minute,
                StampWord::Number => Stamp::Number,
            },
        )),
        Err(problem) => {
            map.error("stamps", problem, "such as `BIA.04: date`");
            None
        }
    };
    map.named::<StampWord>("stamps").into_iter().filter_map(read).collect()
}

/// What is not named is as usual.
fn delimiters(map: &MapReader<'_>, syntax: EdiSyntax) -> Option<Delimiters> {
    let usual = match syntax {
        EdiSyntax::X12 => Delimiters::X12,
        EdiSyntax::Edifact => Delimiters::EDIFACT,
    };
    let Some(node) = map.node("delimiters") else { return Some(usual) };
    let own = map.context().map(node, "delimiters")?;
    let byte = |key: &'static str, usual: u8| match u8::try_from(character(&own, key, char::from(usual))?) {
        Ok(byte) if byte.is_ascii() => Some(byte),
        Ok(_) | Err(_) => {
            own.error(key, "a delimiter is one ASCII character", "such as `*`");
            None
        }
    };
    let element = byte("element", usual.element);
    let component = byte("component", usual.component);
    let terminator = byte("segment", usual.terminator);
    let repetition = if own.has("repetition") { Some(byte("repetition", b'^')?) } else { None };
    let decimal_mark = byte("decimal", usual.decimal_mark);
    let release = usual.release;
    if decimal_mark.is_some_and(|mark| mark != b'.' && (mark != b',' || syntax == EdiSyntax::X12)) {
        own.error("decimal", "the decimal mark is a point, in EDIFACT also a comma", "write `.`");
    }
    own.finish();
    let delimiters = Delimiters {
        element: element?,
        component: component?,
        repetition,
        release,
        terminator: terminator?,
        decimal_mark: decimal_mark?,
    };
    if let Err(cause) = delimiters.checked() {
        map.error("delimiters", cause.to_string(), "all must differ, and be neither letters nor digits");
    }
    Some(delimiters)
}

impl Decode for ControlNumbers {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "control_numbers")?;
        let usual = Self::default();
        let numbers = Self { first: map.or("first", usual.first), last: map.or("last", usual.last) };
        if numbers.first == 0 || numbers.first > numbers.last || numbers.last > usual.last {
            map.error(
                "first",
                "this range has no numbers of at most nine digits",
                "such as `{ first: 1, last: 99999999 }`",
            );
        }
        map.finish();
        Some(numbers)
    }
}
