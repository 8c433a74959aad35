//! Breaks as a table that is filtered and paged by the address; pure. Not here: one break, what breaks there are.

use std::collections::BTreeSet;

use askama::Template;
use serde::Deserialize;

use super::href::{self, encode};
use super::mark::Mark;
use super::money::{Money, money};
use super::recon_words as words;
use crate::api::resources::reconciliations::BreakView;
use crate::recon::compose::{age_column, age_columns};
use crate::recon::report::Amount;

/// Rows of one page.
const ROWS: usize = 100;

/// What the address says about the list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct BreakListQuery {
    pub code: String,
    pub state: String,
    pub owner: String,
    pub age: String,
    pub q: String,
    pub page: String,
    /// Those that are not open any more, too.
    pub all: String,
}

/// Nobody's breaks; no name is empty or begins with a blank.
const NOBODY: &str = " nobody";

impl BreakListQuery {
    fn parts(&self) -> Vec<(&'static str, &str)> {
        let parts = [
            ("code", &self.code),
            ("state", &self.state),
            ("owner", &self.owner),
            ("age", &self.age),
            ("q", &self.q),
            ("all", &self.all),
        ];
        parts.into_iter().map(|(name, value)| (name, value.as_str())).filter(|(_, value)| !value.is_empty()).collect()
    }

    fn is_filtered(&self) -> bool {
        self.parts().iter().any(|(name, _)| *name != "all")
    }

    fn admits(&self, shown: &BreakView) -> bool {
        let item = shown.item.as_ref();
        let has = |text: &str| text.to_lowercase().contains(&self.q.trim().to_lowercase());
        let owner = match self.owner.as_str() {
            "" => true,
            NOBODY => shown.owner.is_none(),
            name => shown.owner.as_deref() == Some(name),
        };
        owner
            && (self.code.is_empty() || shown.code == self.code)
            && (self.state.is_empty() || shown.state.as_str() == self.state)
            && (self.age.is_empty() || age_of(shown).is_some_and(|age| age == self.age))
            && (self.q.trim().is_empty()
                || has(&shown.id)
                || item.is_some_and(|item| {
                    item.key.as_deref().is_some_and(has)
                        || item.keys.iter().any(|(_, value)| has(value))
                        || item.rows.iter().flatten().any(|place| has(place))
                }))
    }

    fn address(&self, path: &str, page: usize) -> String {
        let number = page.to_string();
        let mut parts = self.parts();
        parts.push(("page", &number));
        let parts: Vec<String> = parts.into_iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        format!("{path}?{}#breaks", parts.join("&"))
    }
}

/// What has no date counts as new, as in the report.
fn age_of(shown: &BreakView) -> Option<String> {
    let days = shown.item.as_ref()?.age_days.unwrap_or(0);
    age_columns().into_iter().nth(age_column(days))
}

pub(super) struct Line {
    pub href: String,
    pub name: String,
    pub meaning: String,
    pub sub_cause: Option<String>,
    pub state: Mark,
    pub owner: String,
    pub amounts: Vec<[Money; 3]>,
    pub age: String,
    pub date: String,
}

/// What all breaks of the list come to, by unit.
pub(super) struct Sums {
    pub unit: String,
    pub amounts: [Money; 3],
}

pub(super) struct Choice {
    pub value: String,
    pub label: String,
    pub chosen: bool,
}

#[derive(Template)]
#[template(path = "breaks.html")]
pub(super) struct BreakList {
    pub path: String,
    pub lines: Vec<Line>,
    pub query: BreakListQuery,
    pub codes: Vec<Choice>,
    pub states: Vec<Choice>,
    pub owners: Vec<Choice>,
    pub ages: Vec<Choice>,
    pub found: usize,
    pub total: usize,
    pub page: usize,
    pub pages: usize,
    pub before: Option<String>,
    pub after: Option<String>,
    pub sums: Vec<Sums>,
    /// What to do when there is nothing.
    pub empty: &'static str,
    pub sides: [String; 2],
}

pub(super) fn break_list(
    name: &str,
    sides: [String; 2],
    breaks: &[BreakView],
    query: BreakListQuery,
    path: String,
    empty: &'static str,
) -> BreakList {
    let found: Vec<&BreakView> = breaks.iter().filter(|shown| query.admits(shown)).collect();
    let pages = found.len().div_ceil(ROWS).max(1);
    let page = query.page.parse::<usize>().unwrap_or(1).clamp(1, pages);
    let lines = found.iter().skip((page - 1) * ROWS).take(ROWS).map(|shown| line(name, shown));
    let pick = |of: fn(&BreakView) -> String, label: fn(&str) -> String, chosen: &str| -> Vec<Choice> {
        let values: BTreeSet<String> = breaks.iter().map(of).filter(|value| !value.is_empty()).collect();
        values.into_iter().map(|value| Choice { label: label(&value), chosen: value == chosen, value }).collect()
    };
    let mut owners = pick(|shown| shown.owner.clone().unwrap_or_default(), str::to_owned, &query.owner);
    if breaks.iter().any(|shown| shown.owner.is_none()) {
        owners.push(Choice { value: NOBODY.to_owned(), label: "nobody".to_owned(), chosen: query.owner == NOBODY });
    }
    BreakList {
        lines: lines.collect(),
        codes: pick(|shown| shown.code.clone(), words::meaning, &query.code),
        states: pick(
            |shown| shown.state.as_str().to_owned(),
            |word| word.to_lowercase().replace('_', " "),
            &query.state,
        ),
        owners,
        ages: ages(breaks, &query.age),
        found: found.len(),
        total: breaks.len(),
        page,
        pages,
        before: (page > 1).then(|| query.address(&path, page - 1)),
        after: (page < pages).then(|| query.address(&path, page + 1)),
        sums: Vec::new(),
        empty,
        path,
        query,
        sides,
    }
}

/// The ages that occur, youngest first.
fn ages(breaks: &[BreakView], chosen: &str) -> Vec<Choice> {
    let there: BTreeSet<String> = breaks.iter().filter_map(age_of).collect();
    let known = age_columns().into_iter().filter(|age| there.contains(age));
    known.map(|age| Choice { label: format!("{age} days"), chosen: age == chosen, value: age }).collect()
}

fn line(name: &str, shown: &BreakView) -> Line {
    let item = shown.item.as_ref();
    let key = item.and_then(|item| item.key.clone());
    let amounts = match item {
        Some(item) => item
            .amounts
            .iter()
            .map(|sides| {
                // No row is not an amount of 0.
                let of = |side: usize, amount: &Amount| match item.rows[side].is_empty() {
                    true => money("–", &amount.unit),
                    false => money(&amount.decimal, &amount.unit),
                };
                [of(0, &sides.a), of(1, &sides.b), money(&sides.variance.decimal, &sides.variance.unit)]
            })
            .collect(),
        // What the last run does not show has no sides any more, only what it came to.
        None => shown
            .variance
            .iter()
            .map(|amount| [money("", &amount.unit), money("", &amount.unit), money(&amount.decimal, &amount.unit)])
            .collect(),
    };
    Line {
        href: href::a_break(name, &shown.id),
        name: key.unwrap_or_else(|| shown.id.clone()),
        meaning: words::capital(&words::meaning(&shown.code)),
        sub_cause: item.and_then(|item| item.sub_cause.clone()).map(|cause| cause.to_lowercase().replace('_', " ")),
        state: words::state(shown.state),
        owner: shown.owner.clone().unwrap_or_default(),
        amounts,
        age: item.and_then(|item| item.age_days).map(|days| format!("{days} d")).unwrap_or_default(),
        date: shown.event_date.clone().unwrap_or_default(),
    }
}

impl BreakList {
    /// What is asked for beyond the whole list.
    fn is_filtered(&self) -> bool {
        self.query.is_filtered()
    }
}
