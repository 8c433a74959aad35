//! Reading one record by its key.
//!
//! Not here: lists (`walk`).

use serde_json::Value;

use super::render;
use super::walk::terms;
use crate::connector::call::{CallResult, Fetched};
use crate::connector::connection::Connection;
use crate::mapping::expr::{Scope, Step};
use crate::model::ErrorClass;

impl Connection {
    /// Reads one record as it is now; `None` if it does not exist.
    pub async fn get(&self, stream: &str, key: &str) -> CallResult<Option<Value>> {
        let what = format!("get {stream} {key}");
        let channel = self.channel(&what)?;
        let described = self.stream(&what, stream)?;
        let get =
            described.get.as_ref().ok_or_else(|| self.misuse(&what, format!("stream `{stream}` describes no get")))?;
        let key = Value::String(key.to_owned());
        let scope = Scope::new().with("settings", &self.settings).with("key", &key);
        let outgoing = render::render(&channel.base, &get.request, &scope, &[])
            .map_err(|error| channel.caller.not_built(&what, &error))?;
        let answer = match channel.caller.call(&outgoing, terms(&get.request)).await {
            Ok(answer) => answer,
            Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let found = match get.record.as_deref() {
            None => Some(answer.body).filter(|body| !body.is_null()),
            Some(path) => match path.first(&answer.body) {
                Some(Value::Null) => None,
                Some(record) => Some(record.clone()),
                // The place of one record in a list that has none.
                None if matches!(path.steps().last(), Some(Step::Index(_))) => None,
                None => {
                    let reason = format!("the answer has no record at `{}`", path.as_str());
                    return Err(channel.caller.misshapen(&outgoing, &answer, ErrorClass::Data, reason));
                }
            },
        };
        let Some(record) = found else { return Ok(None) };
        let mut records = [record];
        self.whole(channel, described, &mut records).await?;
        let [record] = records;
        Ok(Some(record))
    }

    /// The record as it is now, with the moment before which it was asked for.
    pub async fn fetch(&self, stream: &str, key: &str) -> CallResult<Fetched> {
        let asked_at = self.now();
        let record = self.get(stream, key).await?;
        Ok(Fetched { key: key.to_owned(), asked_at, record })
    }
}
