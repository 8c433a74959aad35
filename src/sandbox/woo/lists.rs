//! Lists by page number over living data: rows move between pages while somebody walks them.
//!
//! Not here: what is listed.

use serde_json::{Value, json};

use crate::sandbox::call::{Answer, Call};
use crate::sandbox::clock::parse_bare_s;

const DEFAULT_PER_PAGE: usize = 10;
const MOST_PER_PAGE: usize = 100;

/// A row before it is filtered and sorted.
pub struct Listed {
    pub id: i64,
    pub created_s: i64,
    pub modified_s: i64,
    pub value: Value,
}

pub fn error(status: u16, code: &str, message: &str) -> Answer {
    Answer::json(status, &json!({ "code": code, "message": message, "data": { "status": status } }))
}

pub fn invalid_param(name: &str) -> Answer {
    error(400, "rest_invalid_param", &format!("Invalid parameter(s): {name}"))
}

/// Filters by time, sorts (newest first unless asked otherwise) and cuts the page, with WordPress' headers.
pub fn page(call: &Call, mut rows: Vec<Listed>) -> Answer {
    let window = match Window::read(call) {
        Ok(window) => window,
        Err(refusal) => return refusal,
    };
    rows.retain(|row| window.admits(row));
    match call.param("orderby").unwrap_or("date") {
        "date" => rows.sort_by_key(|row| (row.created_s, row.id)),
        // Newer versions only (the sheet, unverified).
        "modified" => rows.sort_by_key(|row| (row.modified_s, row.id)),
        "id" => rows.sort_by_key(|row| row.id),
        _ => return invalid_param("orderby"),
    }
    match call.param("order").unwrap_or("desc") {
        "asc" => {}
        "desc" => rows.reverse(),
        _ => return invalid_param("order"),
    }
    let (Some(per_page), Some(page)) = (size(call, "per_page", DEFAULT_PER_PAGE), size(call, "page", 1)) else {
        return invalid_param("per_page, page");
    };
    if per_page > MOST_PER_PAGE {
        return invalid_param("per_page");
    }
    let offset = call.param("offset").and_then(|text| text.parse().ok()).unwrap_or((page - 1) * per_page);
    let (total, pages) = (rows.len(), rows.len().div_ceil(per_page));
    let shown: Vec<Value> = rows.into_iter().skip(offset).take(per_page).map(|row| row.value).collect();
    let answer = Answer::json(200, &json!(shown))
        .header("x-wp-total", total.to_string())
        .header("x-wp-totalpages", pages.to_string());
    if page < pages { answer.header("link", next_link(call, page + 1)) } else { answer }
}

fn next_link(call: &Call, page: usize) -> String {
    let page = page.to_string();
    let kept =
        call.query.iter().filter(|(name, _)| name != "page").map(|(name, value)| (name.as_str(), value.as_str()));
    let pairs = kept.chain([("page", page.as_str())]);
    let url = reqwest::Url::parse_with_params(&format!("{}{}", call.origin(), call.path), pairs);
    url.map(|url| format!("<{url}>; rel=\"next\"")).unwrap_or_default()
}

fn size(call: &Call, name: &str, default: usize) -> Option<usize> {
    match call.param(name) {
        None => Some(default),
        Some(text) => text.parse().ok().filter(|size| *size > 0),
    }
}

/// Bounds of time, all exclusive (WordPress' date queries; the sheet is silent). Without `dates_are_gmt` they are the
/// site's local time, two hours ahead.
struct Window {
    after_s: Option<i64>,
    before_s: Option<i64>,
    modified_after_s: Option<i64>,
    modified_before_s: Option<i64>,
}

impl Window {
    fn read(call: &Call) -> Result<Window, Answer> {
        let gmt = call.param("dates_are_gmt").is_some_and(|text| matches!(text, "true" | "1"));
        let time = |name: &str| match call.param(name) {
            None => Ok(None),
            Some(text) => match parse_bare_s(text) {
                Some(at_s) => Ok(Some(if gmt { at_s } else { at_s - 7_200 })),
                None => Err(invalid_param(name)),
            },
        };
        Ok(Window {
            after_s: time("after")?,
            before_s: time("before")?,
            modified_after_s: time("modified_after")?,
            modified_before_s: time("modified_before")?,
        })
    }

    fn admits(&self, row: &Listed) -> bool {
        self.after_s.is_none_or(|at_s| row.created_s > at_s)
            && self.before_s.is_none_or(|at_s| row.created_s < at_s)
            && self.modified_after_s.is_none_or(|at_s| row.modified_s > at_s)
            && self.modified_before_s.is_none_or(|at_s| row.modified_s < at_s)
    }
}
