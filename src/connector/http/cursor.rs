//! The watermark of a stream: what to ask from, and how far a finished walk has got. Pure.
//!
//! Not here: storing it (intake, together with the rows).

use std::cmp::Ordering;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::enrich::text_at;
use super::gaps;
use crate::connector::manifest::{Cursor, CursorKind, ReadOrder};
use crate::model::Timestamp as VendorTime;

/// Records younger than this, by the vendor's clock, may still be joined by others of the same time:
/// the watermark stays behind them.
pub const SETTLING: SignedDuration = SignedDuration::from_secs(30);

/// The value for `{cursor}`: the stored watermark less the overlap.
pub fn ask_from(cursor: &Cursor, stored: &str) -> Result<Value, String> {
    let overlap = SignedDuration::try_from(cursor.overlap).map_err(|error| error.to_string())?;
    match cursor.kind {
        CursorKind::Time => {
            let time = stored_time(cursor, stored)?.checked_sub(overlap).map_err(|error| error.to_string())?;
            written(cursor, time)
        }
        CursorKind::Unix => Ok(Value::from(unix(stored)?.saturating_sub(overlap.as_secs()))),
        CursorKind::Id => gaps::ask_from(stored),
        CursorKind::Token => Ok(Value::String(stored.to_owned())),
        CursorKind::DeltaLink | CursorKind::Snapshot => Ok(Value::Null),
    }
}

fn written(cursor: &Cursor, time: Timestamp) -> Result<Value, String> {
    match cursor.send_as.as_ref().or(cursor.time.as_ref()) {
        Some(form) => form.write(time),
        None => Ok(Value::String(time.to_string())),
    }
}

/// The end of the window that begins where `from` asks from, as it is stored: a whole one, or up to now.
pub fn window_end(cursor: &Cursor, from: &str, window: Duration, now: Timestamp) -> Result<String, String> {
    let length = |duration: Duration| SignedDuration::try_from(duration).map_err(|error| error.to_string());
    let begin = moment(cursor, from)?.checked_sub(length(cursor.overlap)?).map_err(|error| error.to_string())?;
    let end = begin.checked_add(length(window)?).map_err(|error| error.to_string())?;
    // A clock that is behind the cursor tells nothing.
    Ok(stored(cursor, if now > begin { end.min(now) } else { end }))
}

/// `{until}` of the request.
pub fn ask_until(cursor: &Cursor, until: &str) -> Result<Value, String> {
    match cursor.kind {
        CursorKind::Unix => unix(until).map(Value::from),
        CursorKind::Time | CursorKind::Id | CursorKind::Token | CursorKind::DeltaLink | CursorKind::Snapshot => {
            written(cursor, stored_time(cursor, until)?)
        }
    }
}

/// The watermark after a window up to `until` was read completely: its end, or what has settled by the vendor's clock; `now` is
/// ours. Also whether another window follows: one that was cut short by the present was the last.
pub fn window_done(
    cursor: &Cursor,
    (from, until, window): (&str, &str, Duration),
    seen: Option<String>,
    server_time: Option<Timestamp>,
    now: Timestamp,
) -> Result<(String, bool), String> {
    let (begin, end) = (moment(cursor, from)?, moment(cursor, until)?);
    let bound = server_time.map(|now| now.checked_sub(SETTLING)).transpose().map_err(|error| error.to_string())?;
    let whole = window_end(cursor, from, window, Timestamp::MAX)?;
    let follows = moment(cursor, &whole)? <= end && end < now;
    let reached = match (bound, follows) {
        (Some(bound), _) => end.min(bound),
        (None, true) => end,
        // Nobody tells the vendor's time: only what was seen is certain.
        (None, false) => seen.map_or(Ok(begin), |seen| moment(cursor, &seen))?.min(end),
    };
    Ok((stored(cursor, reached.max(begin)), follows))
}

fn moment(cursor: &Cursor, text: &str) -> Result<Timestamp, String> {
    match cursor.kind {
        CursorKind::Unix => Timestamp::from_second(unix(text)?).map_err(|error| error.to_string()),
        CursorKind::Time | CursorKind::Id | CursorKind::Token | CursorKind::DeltaLink | CursorKind::Snapshot => {
            stored_time(cursor, text)
        }
    }
}

fn stored(cursor: &Cursor, at: Timestamp) -> String {
    match cursor.kind {
        CursorKind::Unix => at.as_second().to_string(),
        CursorKind::Time | CursorKind::Id | CursorKind::Token | CursorKind::DeltaLink | CursorKind::Snapshot => {
            at.to_string()
        }
    }
}

/// The watermark after one more page of records, given the one before it in the same walk.
/// `first_page` matters where the newest record comes first and its id cannot be compared.
pub fn advance(
    cursor: &Cursor,
    order: ReadOrder,
    before: Option<String>,
    page: &PageSeen<'_>,
) -> Result<Option<String>, String> {
    let Some(field) = &cursor.field else { return Ok(None) };
    if matches!(cursor.kind, CursorKind::Token | CursorKind::DeltaLink) {
        return Ok(text_at(field, page.body).or(before));
    }
    let readable = |value: String| match (cursor.kind, &cursor.time) {
        // Kept as RFC 3339; of two instants that a local time may mean, the earlier: nothing is skipped.
        (CursorKind::Time, Some(form)) => form.read_text(&value).ok().map(|moment| moment.earliest.to_string()),
        (CursorKind::Time, None) => time(&value).is_ok().then_some(value),
        (CursorKind::Unix, _) => unix(&value).is_ok().then_some(value),
        (CursorKind::Id | CursorKind::Token | CursorKind::DeltaLink | CursorKind::Snapshot, _) => Some(value),
    };
    // One odd record is that record's problem and must not stop the stream; if all are odd, the manifest is wrong.
    let values: Vec<String> = page.records.iter().filter_map(|record| readable(text_at(field, record)?)).collect();
    if values.is_empty() && !page.records.is_empty() {
        return Err(format!("no record has a readable cursor field `{}`", field.as_str()));
    }
    let mut seen = before;
    for value in values {
        let later = match &seen {
            None => true,
            Some(known) => match (compare(cursor, &value, known)?, order) {
                (Some(ordering), _) => ordering == Ordering::Greater,
                // Ids that are not numbers: only the order of the list tells which is newer.
                (None, ReadOrder::Ascending) => true,
                (None, ReadOrder::Descending) => false,
                (None, ReadOrder::Unordered) => {
                    return Err("ids that are not numbers need a list that is ordered".to_owned());
                }
            },
        };
        if later {
            seen = Some(value);
        }
    }
    Ok(seen)
}

/// What a page shows to the watermark.
pub struct PageSeen<'a> {
    pub body: &'a Value,
    pub records: &'a [Value],
}

/// The watermark to store: not beyond what has settled by the vendor's clock, and never behind where the walk began.
pub fn settle(
    cursor: &Cursor,
    seen: Option<String>,
    from: Option<String>,
    server_time: Option<Timestamp>,
) -> Result<Option<String>, String> {
    let Some(seen) = seen else { return Ok(from) };
    let bound = server_time.and_then(|now| now.checked_sub(SETTLING).ok());
    let bounded = match (cursor.kind, bound) {
        (CursorKind::Time, Some(bound)) => stored_time(cursor, &seen)?.min(bound).to_string(),
        (CursorKind::Time, None) => stored_time(cursor, &seen)?.to_string(),
        (CursorKind::Unix, Some(bound)) => unix(&seen)?.min(bound.as_second()).to_string(),
        (CursorKind::Unix, None)
        | (CursorKind::Id | CursorKind::Token | CursorKind::DeltaLink | CursorKind::Snapshot, _) => seen,
    };
    match from {
        Some(from) if compare(cursor, &bounded, &from)? == Some(Ordering::Less) => Ok(Some(from)),
        Some(_) | None => Ok(Some(bounded)),
    }
}

fn compare(cursor: &Cursor, left: &str, right: &str) -> Result<Option<Ordering>, String> {
    match cursor.kind {
        CursorKind::Time => Ok(Some(stored_time(cursor, left)?.cmp(&stored_time(cursor, right)?))),
        CursorKind::Unix => Ok(Some(unix(left)?.cmp(&unix(right)?))),
        CursorKind::Id => {
            let right = gaps::newest(right);
            Ok(left.parse::<u128>().ok().zip(right.parse::<u128>().ok()).map(|(left, right)| left.cmp(&right)))
        }
        CursorKind::Token | CursorKind::DeltaLink | CursorKind::Snapshot => Ok(None),
    }
}

/// A watermark; a `start`, and what was stored before a format was declared, may be in the vendor's own form.
pub(super) fn stored_time(cursor: &Cursor, text: &str) -> Result<Timestamp, String> {
    match (time(text), &cursor.time) {
        (Err(_), Some(form)) => form.read_text(text).map(|moment| moment.earliest),
        (read, _) => read,
    }
}

fn time(text: &str) -> Result<Timestamp, String> {
    VendorTime::parse(text).map(VendorTime::instant).map_err(|error| error.to_string())
}

fn unix(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| format!("`{}` is not a count of seconds", super::mask::escape(text, 40)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::yaml::{Place, Span, Spanned};
    use crate::mapping::expr::Path;

    fn cursor(kind: CursorKind, overlap_s: u64) -> Cursor {
        let field = spanned(Path::parse("at").unwrap());
        Cursor {
            kind,
            field: Some(field),
            overlap: Duration::from_secs(overlap_s),
            start: None,
            gap_wait: Duration::ZERO,
            deletions: None,
            time: None,
            send_as: None,
        }
    }

    fn spanned<T>(value: T) -> Spanned<T> {
        Spanned { value, place: Place { source: crate::config::yaml::Source::new("test.yaml", ""), span: Span::START } }
    }

    fn after(kind: CursorKind, order: ReadOrder, values: &[Value]) -> Result<Option<String>, String> {
        let records: Vec<Value> = values.iter().map(|at| json!({ "at": at })).collect();
        let body = json!({ "at": "token-2" });
        advance(&cursor(kind, 0), order, None, &PageSeen { body: &body, records: &records })
    }

    #[test]
    fn asks_again_for_the_overlap() {
        assert_eq!(
            ask_from(&cursor(CursorKind::Time, 300), "2026-11-22T12:00:00+02:00"),
            Ok(json!("2026-11-22T09:55:00Z"))
        );
        assert_eq!(ask_from(&cursor(CursorKind::Unix, 300), "1700000000"), Ok(json!(1_699_999_700)));
        assert_eq!(ask_from(&cursor(CursorKind::Id, 0), "7"), Ok(json!("7")));
        assert!(ask_from(&cursor(CursorKind::Time, 0), "yesterday").is_err());
    }

    #[test]
    fn the_newest_wins_by_meaning_not_by_text() {
        let times = [json!("2026-11-22T10:00:00-05:00"), json!("2026-11-22T14:59:59Z")];
        assert_eq!(
            after(CursorKind::Time, ReadOrder::Unordered, &times).unwrap().unwrap(),
            "2026-11-22T10:00:00-05:00"
        );
        assert_eq!(after(CursorKind::Unix, ReadOrder::Unordered, &[json!(9), json!(10)]).unwrap().unwrap(), "10");
        assert_eq!(after(CursorKind::Id, ReadOrder::Unordered, &[json!("9"), json!(10)]).unwrap().unwrap(), "10");
        let ids = [json!("evt_b"), json!("evt_a")];
        assert_eq!(after(CursorKind::Id, ReadOrder::Descending, &ids).unwrap().unwrap(), "evt_b");
        assert_eq!(after(CursorKind::Id, ReadOrder::Ascending, &ids).unwrap().unwrap(), "evt_a");
        assert!(after(CursorKind::Id, ReadOrder::Unordered, &ids).is_err());
        assert_eq!(after(CursorKind::Token, ReadOrder::Unordered, &[]).unwrap().unwrap(), "token-2");
        assert!(after(CursorKind::Time, ReadOrder::Unordered, &[json!(null)]).is_err());
        assert!(after(CursorKind::Unix, ReadOrder::Unordered, &[json!("soon")]).is_err());
        let odd = [json!("soon"), json!(7), json!(null)];
        assert_eq!(after(CursorKind::Unix, ReadOrder::Unordered, &odd).unwrap().unwrap(), "7");
        assert_eq!(after(CursorKind::Time, ReadOrder::Unordered, &[]).unwrap(), None);
    }

    #[test]
    fn the_vendors_own_form_is_compared_as_instants_and_asked_in() {
        let mut cursor = cursor(CursorKind::Time, 600);
        cursor.time =
            Some(crate::connector::manifest::TimeText::new("%Y-%m-%d %H:%M:%S", Some("Europe/Berlin")).unwrap());
        let record = |at: &str| json!({ "at": at });
        // The second 02:10 of the day comes after 02:50, and its text before it.
        let records = [record("2026-10-25 02:50:00"), record("2026-10-25 02:10:00"), record("soon")];
        let page = PageSeen { body: &Value::Null, records: &records };
        let seen = advance(&cursor, ReadOrder::Ascending, None, &page).unwrap().unwrap();
        assert_eq!(seen, "2026-10-25T00:50:00Z");
        assert_eq!(ask_from(&cursor, &seen), Ok(json!("2026-10-25 02:00:00")));
        assert_eq!(ask_from(&cursor, "2026-11-20 14:03:22"), Ok(json!("2026-11-20 13:53:22")));
        let now: Timestamp = "2026-10-25T00:50:10Z".parse().unwrap();
        let settled = settle(&cursor, Some(seen), Some("2026-10-24 00:00:00".to_owned()), Some(now)).unwrap();
        assert_eq!(settled.as_deref(), Some("2026-10-25T00:49:40Z"));
        cursor.send_as = Some(crate::connector::manifest::TimeText::new("unix_ms", None).unwrap());
        assert_eq!(ask_from(&cursor, "2026-10-25T00:50:00Z"), Ok(json!(1_792_888_800_000_i64)));
    }

    #[test]
    fn never_beyond_the_vendors_clock_and_never_back() {
        let cursor = cursor(CursorKind::Time, 0);
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let settle = |seen: &str, from: Option<&str>| {
            settle(&cursor, Some(seen.to_owned()), from.map(str::to_owned), Some(now)).unwrap().unwrap()
        };
        assert_eq!(settle("2026-11-22T09:00:00Z", None), "2026-11-22T09:00:00Z");
        assert_eq!(settle("2026-11-22T09:59:59Z", None), "2026-11-22T09:59:30Z");
        assert_eq!(settle("2030-01-01T00:00:00Z", None), "2026-11-22T09:59:30Z");
        assert_eq!(settle("2026-11-22T08:00:00Z", Some("2026-11-22T08:30:00Z")), "2026-11-22T08:30:00Z");
    }
}
