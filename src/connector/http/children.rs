//! Completing records with what belongs to them and is read by requests of its own, parent by parent.
//!
//! Not here: which records there are (`walk`), joins by ids in batches (`enrich`).

use serde_json::Value;

use super::whole_list::WholeList;
use crate::connector::call::CallResult;
use crate::connector::connection::{Channel, Connection};
use crate::connector::manifest::{Children, Stream};
use crate::mapping::expr::Scope;
use crate::model::ErrorClass;

impl Connection {
    /// Everything that the list leaves out: joined by ids, then read parent by parent.
    pub(super) async fn whole(&self, channel: &Channel, stream: &Stream, records: &mut [Value]) -> CallResult<()> {
        if let Some(enrich) = &stream.enrich {
            self.complete(channel, enrich, records).await?;
        }
        for children in &stream.children {
            for parent in records.iter_mut() {
                let found = self.children_of(channel, children, parent).await?;
                if let Value::Object(fields) = parent {
                    fields.insert(children.as_field.clone(), Value::Array(found));
                }
            }
        }
        Ok(())
    }

    async fn children_of(&self, channel: &Channel, children: &Children, parent: &Value) -> CallResult<Vec<Value>> {
        let what = format!("children `{}`", children.as_field);
        if let Some(when) = &children.when {
            let holds = when.eval_bool(&Scope::new().with("parent", parent));
            let holds = holds.map_err(|error| channel.caller.local(&what, ErrorClass::Data, error.to_string()))?;
            if !holds {
                return Ok(Vec::new());
            }
        }
        let list = WholeList {
            what: &what,
            request: &children.request,
            records: children.records.as_deref(),
            pages: &children.pages,
            about: &[("parent", parent)],
            // The parent has gone between its list and its children; its own absence is told elsewhere.
            absent_is_empty: true,
            second_look: false,
        };
        self.list_to_end(channel, &list).await
    }
}
