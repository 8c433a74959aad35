//! A record that slips to the page before while the list is walked, where pages are counted: it is still seen.
//!
//! The suite makes it happen: the first record leaves the list after its page was read, so that the first of the next page
//! slips forward. Not here: pages that name where the next one begins, which cannot slip.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::bench::Bench;
use super::walking::{Walked, walk};
use crate::config::yaml::{Kind, Node};
use crate::conformance::behaviour::Behaviour;
use crate::conformance::fixture::{Ask, AskBody, Exchange, Fixture, ReadCase};
use crate::conformance::vendor::Fault;
use crate::connector::manifest::{HttpRead, Pages};
use crate::mapping::expr::Step;

pub(super) async fn shift(
    bench: &mut Bench<'_>,
    fixture: &Fixture,
    case: &ReadCase,
    read: &HttpRead,
    plain: &Walked,
    name: &str,
) {
    match read.pages {
        Pages::PageNumber { .. } | Pages::Offset { .. } => {}
        Pages::Single
        | Pages::LinkHeader
        | Pages::NextUrl { .. }
        | Pages::LinkRelation { .. }
        | Pages::CursorToken { .. }
        | Pages::GraphQl { .. }
        | Pages::LastId { .. }
        | Pages::Keyset { .. } => return,
    }
    bench.findings.proves(Behaviour::Shift, name.to_owned());
    let pages: Vec<(usize, Json, Vec<Json>)> =
        case.exchanges.iter().enumerate().filter_map(|(index, exchange)| page(index, exchange, read, case)).collect();
    let [first, second, ..] = pages.as_slice() else {
        let problem = "the shift of a list can only be played where its pages are JSON";
        return bench.fail(fixture, Behaviour::Shift, problem);
    };
    let (Some(_), Some(slipped)) = (first.2.first(), second.2.first()) else {
        return bench.fail(fixture, Behaviour::Shift, "the first two pages need a record each, so that one can slip");
    };
    let mut moved_first: Vec<Json> = first.2.iter().skip(1).cloned().collect();
    moved_first.push(slipped.clone());
    let moved_second: Vec<Json> = second.2.iter().skip(1).cloned().collect();
    let (again, shifted) = (with_list(&first.1, read, moved_first), with_list(&second.1, read, moved_second));
    let (Some(again), Some(shifted)) = (again, shifted) else {
        return bench.fail(
            fixture,
            Behaviour::Shift,
            "the shift of a list can only be played where its pages are JSON",
        );
    };
    let Some(connection) = bench.connect(fixture, Behaviour::Shift) else { return };
    let (first, second) = (first.0, second.0);
    bench.play(fixture, |script| {
        script.again(first, again).again(second, shifted.clone()).with(second, Fault::Body(shifted))
    });
    let walked = walk(bench, &connection, case, false).await;
    if !bench.asked_rightly(fixture, Behaviour::Shift, "while a record slips") {
        return;
    }
    if let Some(error) = &walked.broke {
        return bench.fail(fixture, Behaviour::Shift, &format!("while a record slips, the walk ended with: {error}"));
    }
    let found: BTreeSet<&str> = walked.keys().into_iter().collect();
    let lost: Vec<&str> = plain.keys().into_iter().filter(|key| !found.contains(key)).collect();
    if lost.is_empty() {
        bench.findings.good(Behaviour::Shift);
    } else {
        bench.fail(
            fixture,
            Behaviour::Shift,
            &format!("a record that slipped to the page before was not seen: {}", lost.join(", ")),
        );
    }
}

/// An answer that is a page of the list, with its records. Log-ins, parts and children are read by other requests.
fn page(index: usize, exchange: &Exchange, read: &HttpRead, case: &ReadCase) -> Option<(usize, Json, Vec<Json>)> {
    let body: Json = serde_json::from_slice(&exchange.answer.body).ok()?;
    let list = match read.records.as_deref() {
        Some(path) => path.first(&body)?,
        None => &body,
    };
    let list = list.as_array()?.clone();
    // The list's own requests lead to one place.
    let own = case.exchanges.iter().find(|other| {
        let body = serde_json::from_slice::<Json>(&other.answer.body).ok();
        let found = body.as_ref().and_then(|body| read.records.as_deref().map_or(Some(body), |path| path.first(body)));
        found.is_some_and(Json::is_array)
    })?;
    let same_place = (own.ask.method, &own.ask.path) == (exchange.ask.method, &exchange.ask.path);
    (same_place && same_question(&own.ask, &exchange.ask)).then_some((index, body, list))
}

/// Where everything is asked at one address, the body tells a page of the list from the records that it names: pages differ in
/// their numbers only.
fn same_question(one: &Ask, other: &Ask) -> bool {
    match (&one.body, &other.body) {
        (Some(AskBody::Json(one)), Some(AskBody::Json(other))) => but_for_numbers(one, other),
        (None | Some(AskBody::Json(_) | AskBody::Form(_) | AskBody::Text(_)), _) => true,
    }
}

fn but_for_numbers(one: &Node, other: &Node) -> bool {
    match (&one.kind, &other.kind) {
        (Kind::Map(ones), Kind::Map(others)) => {
            let members = || ones.iter().zip(others);
            ones.len() == others.len()
                && members().all(|(one, other)| one.key == other.key && but_for_numbers(&one.value, &other.value))
        }
        (Kind::Seq(ones), Kind::Seq(others)) => {
            ones.len() == others.len() && ones.iter().zip(others).all(|(one, other)| but_for_numbers(one, other))
        }
        (Kind::Scalar(one), Kind::Scalar(other)) => {
            let is_number = |text: &str| text.parse::<i64>().is_ok();
            one.text == other.text || (is_number(&one.text) && is_number(&other.text))
        }
        (Kind::Map(_) | Kind::Seq(_) | Kind::Scalar(_), _) => false,
    }
}

/// The body with another list in its place.
fn with_list(body: &Json, read: &HttpRead, list: Vec<Json>) -> Option<Vec<u8>> {
    let mut body = body.clone();
    let mut place = &mut body;
    for step in read.records.as_deref().map(|path| path.steps()).unwrap_or_default() {
        place = match step {
            Step::Name(name) => place.get_mut(&**name)?,
            Step::Index(index) => place.get_mut(*index)?,
            Step::Each => return None,
        };
    }
    *place = Json::Array(list);
    Some(body.to_string().into_bytes())
}
