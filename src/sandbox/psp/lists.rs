//! Stripe's lists: newest first, `limit`, `starting_after`, `created[...]`, `has_more`.
//!
//! Not here: what an element looks like.

use crate::sandbox::call::{Answer, Call};

use super::api::invalid_request;

const DEFAULT_LIMIT: usize = 10;
const LARGEST_LIMIT: usize = 100;

/// The parameters every list understands.
#[derive(Debug)]
pub struct ListCall<'a> {
    url: &'a str,
    limit: usize,
    starting_after: Option<&'a str>,
    ending_before: Option<&'a str>,
    bounds: Bounds,
}

#[derive(Debug, Default)]
struct Bounds {
    min_s: Option<i64>,
    max_s: Option<i64>,
}

/// One candidate of a list: its cursor, its time, and its JSON when it comes to that.
pub trait Listed {
    /// What `starting_after` and `ending_before` name.
    fn cursor(&self) -> &str;
    fn created_s(&self) -> i64;
    fn text(&self) -> String;
}

impl<'a> ListCall<'a> {
    pub fn read(call: &'a Call) -> Result<Self, Answer> {
        let limit = match call.param("limit").map(str::parse::<usize>) {
            None => DEFAULT_LIMIT,
            Some(Ok(limit)) if (1..=LARGEST_LIMIT).contains(&limit) => limit,
            Some(_) => return Err(invalid_request("limit", "Limit must be between 1 and 100")),
        };
        let bound = |name: &str| match call.param(name).map(str::parse::<i64>) {
            None => Ok(None),
            Some(Ok(at_s)) => Ok(Some(at_s)),
            Some(Err(_)) => Err(invalid_request(name, "Invalid timestamp: must be an integer Unix timestamp")),
        };
        let after = bound("created[gt]")?.map(|at_s| at_s + 1);
        let before = bound("created[lt]")?.map(|at_s| at_s - 1);
        Ok(ListCall {
            url: &call.path,
            limit,
            starting_after: call.param("starting_after"),
            ending_before: call.param("ending_before"),
            bounds: Bounds { min_s: bound("created[gte]")?.max(after), max_s: bound("created[lte]")?.or(before) },
        })
    }

    /// Cuts the page out of `newest_first`, which must already be filtered by everything but time and position.
    pub fn page<L: Listed>(&self, newest_first: impl Iterator<Item = L>) -> Answer {
        let mut skipping = self.starting_after;
        let mut found: Vec<L> = Vec::new();
        for item in newest_first {
            if self.ending_before.is_some_and(|id| id == item.cursor()) {
                break;
            }
            if let Some(id) = skipping {
                if id == item.cursor() {
                    skipping = None;
                }
                continue;
            }
            if self.bounds.min_s.is_some_and(|min_s| item.created_s() < min_s)
                || self.bounds.max_s.is_some_and(|max_s| item.created_s() > max_s)
            {
                continue;
            }
            found.push(item);
            // With `ending_before` the page is the one next to that element, so everything up to it must be seen.
            if self.ending_before.is_none() && found.len() > self.limit {
                break;
            }
        }
        if let Some(id) = skipping {
            return invalid_request("starting_after", &format!("No such object: '{id}'"));
        }
        let has_more = found.len() > self.limit;
        let shown = if self.ending_before.is_some() {
            &found[found.len().saturating_sub(self.limit)..]
        } else {
            &found[..found.len().min(self.limit)]
        };
        let data: Vec<String> = shown.iter().map(Listed::text).collect();
        let url = self.url;
        let data = data.join(",");
        Answer::raw_json(200, format!(r#"{{"object":"list","url":"{url}","has_more":{has_more},"data":[{data}]}}"#))
    }
}
