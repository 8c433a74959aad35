//! Templates, conditions and paths as manifests write them.
//!
//! Placeholder: replaced by the expression types of `mapping`.

use crate::config::yaml::{Context, Decode, Node};

/// Text with `{expression}` parts; `{{` and `}}` are literal braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pub text: String,
}

/// An expression that yields a value or a truth value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    pub text: String,
}

/// A path into a body or record: `data.items`; empty is the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    pub text: String,
}

/// `root` or `root.member`, as used in an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    pub root: String,
    pub member: Option<String>,
}

impl Template {
    pub fn parse(text: &str) -> Result<Self, String> {
        expressions_in(text).map(|_| Self { text: text.to_owned() })
    }

    /// What the expressions in it read.
    pub fn references(&self) -> Vec<Reference> {
        expressions_in(&self.text).unwrap_or_default().iter().flat_map(|e| references_in(e)).collect()
    }
}

impl Expression {
    pub fn references(&self) -> Vec<Reference> {
        references_in(&self.text)
    }
}

fn expressions_in(text: &str) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let tail = &rest[at..];
        if tail.starts_with("{{") || tail.starts_with("}}") {
            rest = &tail[2..];
        } else if let Some(inner) = tail.strip_prefix('{') {
            let end =
                inner.find('}').ok_or_else(|| "`{` is never closed; a literal brace is written `{{`".to_owned())?;
            found.push(inner[..end].to_owned());
            rest = &inner[end + 1..];
        } else {
            return Err("`}` without `{`; a literal brace is written `}}`".to_owned());
        }
    }
    Ok(found)
}

fn references_in(expression: &str) -> Vec<Reference> {
    let mut found = Vec::new();
    let mut rest = expression;
    let mut after_dot = false;
    while let Some(first) = rest.chars().next() {
        if first == '"' || first == '\'' {
            let end = rest[1..].find(first).map_or(rest.len(), |end| end + 2);
            rest = &rest[end..];
            after_dot = false;
        } else if first.is_ascii_alphabetic() || first == '_' {
            let (word, tail) = identifier(rest);
            let member = tail.strip_prefix('.').map(|tail| identifier(tail).0).filter(|member| !member.is_empty());
            if !after_dot && !tail.starts_with('(') && !matches!(word, "true" | "false" | "in") {
                found.push(Reference { root: word.to_owned(), member: member.map(str::to_owned) });
            }
            rest = tail;
            after_dot = false;
        } else {
            after_dot = first == '.';
            rest = &rest[first.len_utf8()..];
        }
    }
    found
}

fn identifier(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    text.split_at(end)
}

impl Decode for Template {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let text = String::decode(node, cx)?;
        Self::parse(&text)
            .map_err(|problem| cx.error(node.span, problem, "templates read `text {expression} text`"))
            .ok()
    }
}

impl Decode for Expression {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        String::decode(node, cx).map(|text| Self { text })
    }
}

impl Decode for Path {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        String::decode(node, cx).map(|text| Self { text })
    }
}

crate::choice! {
    /// Placeholder for `model::Entity`.
    pub enum Entity ("entity") {
        Order = "order", Payment = "payment", Refund = "refund", InventoryLevel = "inventory_level", Product = "product",
        Price = "price", Customer = "customer", Fulfilment = "fulfilment", Dispute = "dispute", Payout = "payout",
        BalanceTransaction = "balance_transaction", Invoice = "invoice", BankLine = "bank_line",
    }
}

crate::choice! {
    /// Placeholder for `model::ErrorClass`.
    pub enum ErrorClass ("error class") {
        Transient = "transient", RateLimited = "rate_limited", Auth = "auth", Data = "data", Permission = "permission",
        NotFound = "not_found", Conflict = "conflict", UnknownOutcome = "unknown_outcome",
    }
}
