//! From a vendor's answer to an error class: ordered rules, the first that matches decides.
//!
//! Not here: the default table for answers that no rule matches, and what a class causes.

use crate::config::yaml::{Context, Decode, Node, Place, Spanned};

use super::status::StatusSet;
use crate::mapping::expr::{Expression, Template};
use crate::model::ErrorClass;

/// All conditions that are given must hold. A condition that cannot be evaluated (a member is missing) does not hold.
#[derive(Debug, Clone)]
pub struct ErrorRule {
    pub status: Option<StatusSet>,
    pub header: Option<HeaderCondition>,
    /// Over `status`, `headers`, `body`.
    pub when: Option<Spanned<Expression>>,
    pub class: ErrorClass,
    /// Over `status`, `headers`, `body`; the vendor's own words for the person who reads the issue. What comes out as a list or
    /// object is shown as JSON; if it cannot be evaluated, the beginning of the body stands in.
    pub message: Option<Spanned<Template>>,
    pub place: Place,
}

#[derive(Debug, Clone)]
pub struct HeaderCondition {
    pub name: String,
    /// `None`: present with any value.
    pub equals: Option<String>,
}

impl Decode for ErrorRule {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "error rule")?;
        let (status, header, when) = (map.optional("status"), map.optional("header"), map.optional("when"));
        let (class, message) = (map.required("class"), map.optional("message"));
        let conditional = map.has("status") || map.has("header") || map.has("when");
        let place = cx.place(map.span());
        map.finish();
        if !conditional {
            cx.error(
                node.span,
                "error rule without a condition",
                "add `status`, `header` or `when`; this rule would hide all others",
            );
        }
        Some(Self { status, header, when, class: class?, message, place })
    }
}

impl Decode for HeaderCondition {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "header condition")?;
        let (name, equals) = (map.required("name"), map.optional("equals"));
        map.finish();
        Some(Self { name: name?, equals })
    }
}
