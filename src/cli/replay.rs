//! `syncline replay`: the latest state of a flow's records is sent again.

use serde_json::json;

use super::args::Global;
use super::client::{Client, shaped};
use super::entry::{Exit, actor};
use super::error::CliError;
use super::output::{Surroundings, clean};
use super::status::plural;
use crate::api::resources::flows::Done;
use crate::telemetry::moment;

pub(super) struct Asked<'a> {
    pub flow: &'a str,
    pub key: Option<&'a str>,
    pub since: Option<&'a str>,
    pub force: bool,
}

pub(super) async fn replay(
    client: &Client,
    global: &Global,
    asked: &Asked<'_>,
    to: &mut Surroundings,
) -> Result<Exit, CliError> {
    let since = asked.since.map(|text| {
        moment::parse_rfc3339(text).map(moment::rfc3339).ok_or_else(|| {
            CliError::usage(format!("{text:?} is no time"), "write it with its offset: 2026-11-22T00:00:00Z")
        })
    });
    let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    if !asked.flow.chars().all(plain) {
        return Err(CliError::usage(
            format!("{:?} is no flow's name", asked.flow),
            "`syncline status` lists the flows",
        ));
    }
    let body = json!({
        "actor": actor(global, to), "key": asked.key, "since": since.transpose()?, "force": asked.force,
    });
    let answer = client.post(&format!("/api/v1/flows/{}/replay", asked.flow), body).await?;
    if global.json {
        to.json(&answer)?;
        return Ok(Exit::Done);
    }
    let done: Done = shaped(&answer)?;
    let n = i64::try_from(done.count).unwrap_or(i64::MAX);
    if n == 0 {
        let of = asked.key.map_or_else(|| "no record".to_owned(), |key| format!("no record with the key {key:?}"));
        let since = asked.since.map(|since| format!(" changed since {since}")).unwrap_or_default();
        to.line(&clean(&format!("nothing is sent again: the source of {} has {of}{since}", asked.flow)))?;
        return Ok(Exit::Done);
    }
    to.line(&format!("{} will be sent again by {}", plural(n, "record"), asked.flow))?;
    Ok(Exit::Done)
}
