//! Who writes to whom: ids that an EDI envelope must state, or is given.
//!
//! Not here: envelopes (`connector::file::read`, `connector::file::write`).

use serde_json::{Map, Value};

use crate::config::yaml::{Context, Decode, Node, Spanned};
use crate::connector::file::format::ExpectedPartner;
use crate::mapping::expr::{Scope, Template, TemplateError};

/// All see `settings`. What is absent, or comes out empty, is not checked when reading.
#[derive(Debug, Clone, Default)]
pub struct Partner {
    pub sender: Option<Spanned<Template>>,
    pub sender_qualifier: Option<Spanned<Template>>,
    pub receiver: Option<Spanned<Template>>,
    pub receiver_qualifier: Option<Spanned<Template>>,
    /// `P` or `T`.
    pub usage: Option<Spanned<Template>>,
}

impl Partner {
    pub fn templates(&self) -> impl Iterator<Item = &Spanned<Template>> {
        self.named().into_iter().filter_map(|(_, template)| template)
    }

    fn named(&self) -> [(&'static str, Option<&Spanned<Template>>); 5] {
        [
            ("sender", self.sender.as_ref()),
            ("sender_qualifier", self.sender_qualifier.as_ref()),
            ("receiver", self.receiver.as_ref()),
            ("receiver_qualifier", self.receiver_qualifier.as_ref()),
            ("usage", self.usage.as_ref()),
        ]
    }

    /// What a reader checks.
    pub fn expected(&self, settings: &Value) -> Result<ExpectedPartner, TemplateError> {
        let text = |template: &Option<Spanned<Template>>| {
            let scope = Scope::new().with("settings", settings);
            let rendered = template.as_ref().map(|template| template.value.render(&scope)).transpose()?;
            Ok(rendered.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
        };
        Ok(ExpectedPartner { sender: text(&self.sender)?, receiver: text(&self.receiver)?, usage: text(&self.usage)? })
    }

    /// What a writer states; joins what it is given for each batch.
    pub fn given(&self, settings: &Value) -> Result<Map<String, Value>, TemplateError> {
        let mut given = Map::new();
        for (name, template) in self.named() {
            let Some(template) = template else { continue };
            let scope = Scope::new().with("settings", settings);
            given.insert(name.to_owned(), Value::String(template.value.render(&scope)?.trim().to_owned()));
        }
        Ok(given)
    }
}

impl Decode for Partner {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "partner")?;
        let partner = Self {
            sender: map.optional("sender"),
            sender_qualifier: map.optional("sender_qualifier"),
            receiver: map.optional("receiver"),
            receiver_qualifier: map.optional("receiver_qualifier"),
            usage: map.optional("usage"),
        };
        map.finish();
        Some(partner)
    }
}
