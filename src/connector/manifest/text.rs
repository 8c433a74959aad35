//! Reading the expression language's types, entities and error classes from a manifest.
//!
//! Not here: the language (`mapping::expr`), what an entity is (`model`).

use crate::config::yaml::{Context, Decode, Node, Span, suggest};
use crate::mapping::expr::{Expression, ExpressionError, Path, Template, TemplateError};
use crate::model::{Entity, ErrorClass};

impl Decode for Template {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let text = String::decode(node, cx)?;
        let problem = match Template::parse(&text) {
            Ok(template) => return Some(template),
            Err(problem) => problem,
        };
        let (reason, column) = match problem {
            TemplateError::Syntax { reason, column, .. } => (reason, Some(column)),
            TemplateError::Value { path, reason, .. } => (format!("{path} {reason}"), None),
            TemplateError::Expression { error, .. } => (error.to_string(), None),
        };
        cx.error(inside(node, column), reason, "a template reads `text {path or expression} text`");
        None
    }
}

impl Decode for Expression {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let text = String::decode(node, cx)?;
        let read = Expression::compile(&text);
        let report = |ExpressionError { reason, column, .. }| {
            let help = "an expression reads like `record.status in [\"paid\", \"authorized\"]`";
            cx.error(inside(node, column), format!("not an expression: {reason}"), help);
        };
        read.map_err(report).ok()
    }
}

impl Decode for Path {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let text = String::decode(node, cx)?;
        let report = |problem: crate::mapping::expr::PathSyntaxError| {
            let help =
                "a path reads like `data.items`, `lines[0].sku` or `headers['x-id']`; leave the key out for the whole";
            cx.error(inside(node, Some(problem.column)), format!("not a path: {}", problem.reason), help);
        };
        Path::parse(&text).map_err(report).ok()
    }
}

/// A character of a scalar's text, where the scalar is written on one line.
fn inside(node: &Node, column: Option<usize>) -> Span {
    let column = column.and_then(|column| u32::try_from(column).ok());
    match (node.scalar(), column) {
        (Some(scalar), Some(column)) if column >= 1 && column <= node.span.length => {
            let quote = u32::from(!scalar.plain);
            Span { column: node.span.column + quote + column - 1, length: 1, ..node.span }
        }
        (Some(_) | None, Some(_) | None) => node.span,
    }
}

impl Decode for Entity {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let known: Vec<&str> = Entity::ALL.iter().map(|entity| entity.as_str()).collect();
        let entity = node.as_str().and_then(Entity::parse);
        if entity.is_none() {
            let message = format!("{} is not a known entity", node.describe());
            cx.error(node.span, message, suggest(node.as_str().unwrap_or_default(), &known));
        }
        entity
    }
}

/// Whether a vendor's answer can mean this; the others are found by the hub itself.
fn told_by_vendors(class: ErrorClass) -> bool {
    match class {
        ErrorClass::Transient
        | ErrorClass::RateLimited
        | ErrorClass::Auth
        | ErrorClass::Data
        | ErrorClass::Permission
        | ErrorClass::NotFound
        | ErrorClass::Conflict
        | ErrorClass::UnknownOutcome => true,
        ErrorClass::UnmappedValue | ErrorClass::Bug => false,
    }
}

impl Decode for ErrorClass {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        let classes = || ErrorClass::ALL.iter().copied().filter(|class| told_by_vendors(*class));
        let class = node.as_str().and_then(|text| classes().find(|class| class.as_str() == text));
        if class.is_none() {
            let known: Vec<&str> = classes().map(ErrorClass::as_str).collect();
            let message = format!("{} is not a known error class", node.describe());
            cx.error(node.span, message, suggest(node.as_str().unwrap_or_default(), &known));
        }
        class
    }
}
