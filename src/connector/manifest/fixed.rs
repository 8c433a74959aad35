//! Reading the declaration of a fixed-width layout.
//!
//! Not here: other formats (`format`), checks of overlaps and lengths (`connector::file::format`).

use crate::config::yaml::{Context, Decode, Entry, MapReader, Node};
use crate::connector::file::format::{
    FixedField, FixedFormat, FixedKind, FixedLineEnd, FixedRecordType, FixedRecordTypes, LengthUnit, Sign, Trim,
};

use super::format::{line_end, role};

crate::choice! {
    enum Unit ("length unit") { Characters = "characters", Utf8Bytes = "utf8_bytes" }
}

crate::choice! {
    enum TrimWord ("trim rule") { None = "none", Right = "right", Left = "left", Both = "both" }
}

crate::choice! {
    enum SignWord ("sign") { None = "none", Leading = "leading", Trailing = "trailing", Overpunch = "overpunch" }
}

/// `record_length` with `fields`, or with `record_types { start, length, types }`.
pub(super) fn read(map: &MapReader<'_>) -> Option<FixedFormat> {
    let record_length = map.required("record_length");
    let unit = match map.or("unit", Unit::Characters) {
        Unit::Characters => LengthUnit::Characters,
        Unit::Utf8Bytes => LengthUnit::Utf8Bytes,
    };
    let line_end = if map.or("lines", true) { FixedLineEnd::Lines(line_end(map)) } else { FixedLineEnd::None };
    let short_lines = map.or("short_lines", false);
    let records = match map.node("record_types") {
        Some(node) => record_types(node, map.context()),
        None => map.required("fields").map(FixedRecordTypes::One),
    };
    Some(FixedFormat { record_length: record_length?, unit, line_end, short_lines, records: records? })
}

fn record_types(node: &Node, cx: &Context) -> Option<FixedRecordTypes> {
    let map = cx.map(node, "record_types")?;
    let (start, length) = (map.required("start"), map.required("length"));
    let read = |entry: &Entry, cx: &Context| {
        let map = cx.map(&entry.value, format!("record type `{}`", entry.key))?;
        let (role, fields) = (role(&map), map.required("fields"));
        map.finish();
        Some(FixedRecordType { code: entry.key.clone(), role: role?, fields: fields? })
    };
    let types = match map.node("types") {
        Some(node) => cx.named(node, "record types", read),
        None => {
            map.missing("types");
            None
        }
    };
    map.finish();
    let types = types?.into_iter().map(|(_, kind)| kind).collect();
    Some(FixedRecordTypes::ByCode { start: start?, length: length?, types })
}

/// `{ name, start, length }` is text; with `decimals` it is a number.
impl Decode for FixedField {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "field")?;
        let (name, start, length) = (map.required("name"), map.required("start"), map.required("length"));
        let kind = match map.optional("decimals") {
            Some(implied_decimals) => {
                let sign = match (map.optional("sign_at"), map.or("sign", SignWord::None)) {
                    (Some(position), _) => Sign::At(position),
                    (None, SignWord::None) => Sign::None,
                    (None, SignWord::Leading) => Sign::Leading,
                    (None, SignWord::Trailing) => Sign::Trailing,
                    (None, SignWord::Overpunch) => Sign::Overpunch,
                };
                FixedKind::Number { implied_decimals, sign }
            }
            None => FixedKind::Text(match map.or("trim", TrimWord::Right) {
                TrimWord::None => Trim::None,
                TrimWord::Right => Trim::Right,
                TrimWord::Left => Trim::Left,
                TrimWord::Both => Trim::Both,
            }),
        };
        map.finish();
        Some(Self { name: name?, start: start?, length: length?, kind })
    }
}
