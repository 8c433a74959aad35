//! From a vendor's answer to an error class: ordered rules, the first that matches decides.
//!
//! Not here: the default table for answers that no rule matches, and what a class causes.

use crate::config::yaml::{Context, Decode, MapReader, Node, Place, Spanned};

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
    pub class: RuleClass,
    /// Seconds to wait, over the same values, for vendors that say it in the body.
    pub retry_after: Option<Spanned<Template>>,
    /// Over `status`, `headers`, `body`; the vendor's own words for the person who reads the issue. What comes out as a list or
    /// object is shown as JSON; if it cannot be evaluated, the beginning of the body stands in.
    pub message: Option<Spanned<Template>>,
    pub place: Place,
}

#[derive(Debug, Clone)]
pub enum RuleClass {
    Fixed(ErrorClass),
    /// The vendor's own code decides; a code that is not listed leaves the answer to the next rule.
    ByCode {
        /// Over `status`, `headers`, `body`.
        code: Spanned<Template>,
        classes: Vec<(String, ErrorClass)>,
    },
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
        let (message, retry_after) = (map.optional("message"), map.optional("retry_after"));
        let class = rule_class(&map);
        let conditional = ["status", "header", "when", "code"].into_iter().any(|key| map.has(key));
        let place = cx.place(map.span());
        map.finish();
        if !conditional {
            cx.error(
                node.span,
                "error rule without a condition",
                "add `status`, `header`, `when` or `code`; this rule would hide all others",
            );
        }
        Some(Self { status, header, when, class: class?, retry_after, message, place })
    }
}

/// `class: data`, or `code: "{body.error.code}"` with `classes: { "100": auth, "200": transient }`.
pub(super) fn rule_class(map: &MapReader<'_>) -> Option<RuleClass> {
    if !map.has("code") && !map.has("classes") {
        return map.required("class").map(RuleClass::Fixed);
    }
    if map.has("class") {
        map.error("class", "`class` and `code` exclude each other", "keep `class`, or `code` with `classes`");
    }
    let code = map.required("code");
    let classes: Vec<(String, ErrorClass)> =
        map.named("classes").into_iter().map(|(code, class)| (code.value, class)).collect();
    if classes.is_empty() {
        map.error("code", "no code is given a class", "add `classes: { \"100\": auth }`");
    }
    Some(RuleClass::ByCode { code: code?, classes })
}

impl Decode for HeaderCondition {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let map = cx.map(node, "header condition")?;
        let (name, equals) = (map.required("name"), map.optional("equals"));
        map.finish();
        Some(Self { name: name?, equals })
    }
}
