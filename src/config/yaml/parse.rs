//! Text to tree, over `saphyr-parser` events: what the subset leaves out is refused here, with limits on size, depth and node count.
//!
//! Not here: recovery after a syntax error; the first one ends the file, because what follows would be guesses.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span as EventSpan};

use super::diagnostics::Diagnostic;
use super::node::{Entry, Kind, Node, Scalar};
use super::source::{Place, Source, Span};

/// Configuration is written by people: files beyond these are mistakes or attacks.
pub const MAX_BYTES: usize = 1 << 20;
pub const MAX_DEPTH: usize = 32;
pub const MAX_NODES: usize = 100_000;

/// How large a document may be; ours are smaller than what vendors publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pub bytes: usize,
    pub depth: usize,
    pub nodes: usize,
}

impl Bounds {
    const OURS: Bounds = Bounds { bytes: MAX_BYTES, depth: MAX_DEPTH, nodes: MAX_NODES };
}

/// Parses one document. An empty file is an empty scalar.
pub fn parse(source: &Arc<Source>) -> Result<Node, Vec<Diagnostic>> {
    parse_within(source, Bounds::OURS)
}

/// As [`parse`], for documents of other people.
pub fn parse_within(source: &Arc<Source>, bounds: Bounds) -> Result<Node, Vec<Diagnostic>> {
    check_text(source, bounds).map_err(|problem| vec![problem])?;
    let (stack, duplicates) = (Vec::new(), Vec::new());
    let mut builder = Builder { source, bounds, stack, root: None, documents: 0, nodes: 0, duplicates };
    let text = source.text().strip_prefix('\u{feff}').unwrap_or(source.text());
    for event in Parser::new_from_str(text) {
        let outcome = match event {
            Ok((event, span)) => builder.accept(event, convert(span)),
            Err(error) => Err(syntax_error(source, &error)),
        };
        if let Err(problem) = outcome {
            builder.duplicates.push(problem);
            return Err(builder.duplicates);
        }
    }
    if !builder.duplicates.is_empty() {
        return Err(builder.duplicates);
    }
    Ok(builder.root.unwrap_or_else(|| empty(Span::START)))
}

fn check_text(source: &Arc<Source>, bounds: Bounds) -> Result<(), Diagnostic> {
    let text = source.text();
    if text.len() > bounds.bytes {
        return Err(at(source, Span::START, format!("file of {} bytes is larger than {}", text.len(), bounds.bytes))
            .help("split it, or check that the right file is meant"));
    }
    for (line, content) in (1u32..).zip(text.lines()) {
        let indent = content.len() - content.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = content[..indent].find('\t') {
            let column = u32::try_from(tab).unwrap_or(0) + 1;
            return Err(at(source, Span { line, column, length: 1 }, "a tab in the indentation".into())
                .help("indent with spaces"));
        }
    }
    Ok(())
}

fn at(source: &Arc<Source>, span: Span, message: String) -> Diagnostic {
    Diagnostic::new(&Place { source: Arc::clone(source), span }, message)
}

fn empty(span: Span) -> Node {
    Node { span, kind: Kind::Scalar(Scalar { text: String::new(), plain: true, reference: None }) }
}

fn convert(span: EventSpan) -> Span {
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    let length = if span.start.line() == span.end.line() { span.len().max(1) } else { 1 };
    Span { line: number(span.start.line()).max(1), column: number(span.start.col() + 1), length: number(length) }
}

fn syntax_error(source: &Arc<Source>, error: &ScanError) -> Diagnostic {
    let mark = *error.marker();
    let mut span = convert(EventSpan::empty(mark));
    // What is missing at the end is told at the last place that there is.
    let lines = source.text().lines().count();
    if usize::try_from(span.line).is_ok_and(|line| line > lines) {
        let last = source.text().lines().last().map_or(0, |line| line.trim_end().chars().count());
        let number = |value: usize| u32::try_from(value.max(1)).unwrap_or(u32::MAX);
        span = Span { line: number(lines), column: number(last), length: 1 };
    }
    at(source, span, format!("not readable as YAML: {}", error.info()))
        .help("check indentation, quotes and brackets at and just before this place; nothing after it was read")
}

enum Open {
    Seq { span: Span, items: Vec<Node> },
    Map { span: Span, entries: Vec<Entry>, seen: HashMap<String, u32>, key: Option<(String, Span)> },
}

struct Builder<'s> {
    source: &'s Arc<Source>,
    bounds: Bounds,
    stack: Vec<Open>,
    root: Option<Node>,
    documents: usize,
    nodes: usize,
    duplicates: Vec<Diagnostic>,
}

impl Builder<'_> {
    fn accept(&mut self, event: Event<'_>, span: Span) -> Result<(), Diagnostic> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(self.refuse(
                        span,
                        "a second document (`---`)",
                        "one file holds one document: use two files",
                    ));
                }
                Ok(())
            }
            Event::Alias(_) => Err(self.refuse(span, "an alias (`*name`)", "write the value out")),
            Event::Scalar(text, style, anchor, tag) => {
                self.plain_only(span, anchor, tag.is_some())?;
                let plain = style == ScalarStyle::Plain;
                // The parser places an absent value at the next token: point at the key instead.
                let span = if plain && text.is_empty() { self.key_span().unwrap_or(span) } else { span };
                let scalar = Scalar { text: text.into_owned(), plain, reference: None };
                self.add(Node { span, kind: Kind::Scalar(scalar) })
            }
            Event::SequenceStart(anchor, tag) => {
                self.plain_only(span, anchor, tag.is_some())?;
                self.open(Open::Seq { span: one(span), items: Vec::new() }, span)
            }
            Event::MappingStart(anchor, tag) => {
                self.plain_only(span, anchor, tag.is_some())?;
                self.open(Open::Map { span: one(span), entries: Vec::new(), seen: HashMap::new(), key: None }, span)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.stack.pop() {
                Some(Open::Seq { span, items }) => self.add(Node { span, kind: Kind::Seq(items) }),
                Some(Open::Map { span, entries, .. }) => self.add(Node { span, kind: Kind::Map(entries) }),
                None => Err(self.refuse(span, "an end without a start", "check the brackets before this place")),
            },
        }
    }

    fn refuse(&self, span: Span, what: &str, help: &str) -> Diagnostic {
        at(self.source, span, format!("{what} is not allowed here")).help(help)
    }

    fn plain_only(&self, span: Span, anchor: usize, tagged: bool) -> Result<(), Diagnostic> {
        if anchor != 0 {
            return Err(self.refuse(span, "an anchor (`&name`)", "write the value out where it is needed"));
        }
        if tagged {
            return Err(self.refuse(span, "a tag (`!name`)", "leave it out; types come from the key's description"));
        }
        Ok(())
    }

    fn key_span(&self) -> Option<Span> {
        match self.stack.last() {
            Some(Open::Map { key: Some((_, span)), .. }) => Some(*span),
            Some(Open::Map { key: None, .. } | Open::Seq { .. }) | None => None,
        }
    }

    fn open(&mut self, open: Open, span: Span) -> Result<(), Diagnostic> {
        if self.stack.len() >= self.bounds.depth {
            return Err(at(self.source, span, format!("nested deeper than {} levels", self.bounds.depth))
                .help("flatten it; no key of any file needs this depth"));
        }
        if matches!(self.stack.last(), Some(Open::Map { key: None, .. })) {
            return Err(self.refuse(
                span,
                "a list or map as a key",
                "keys are text; quote it if brackets are part of it",
            ));
        }
        self.stack.push(open);
        Ok(())
    }

    fn add(&mut self, node: Node) -> Result<(), Diagnostic> {
        self.nodes += 1;
        if self.nodes > self.bounds.nodes {
            return Err(at(self.source, node.span, format!("more than {} values in one file", self.bounds.nodes))
                .help("split the file, or check that the right file is meant"));
        }
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Open::Seq { items, .. }) => items.push(node),
            Some(Open::Map { entries, seen, key, .. }) => match key.take() {
                Some((name, key_span)) => entries.push(Entry { key: name, key_span, value: node }),
                None => {
                    let Kind::Scalar(scalar) = node.kind else { return Ok(()) };
                    if let Some(first) = seen.get(&scalar.text) {
                        let message = format!("key `{}` is written twice", scalar.shown());
                        let help = format!("the first is in line {first}; keep one of them");
                        self.duplicates.push(at(self.source, node.span, message).help(help));
                    }
                    seen.entry(scalar.text.clone()).or_insert(node.span.line);
                    *key = Some((scalar.text, node.span));
                }
            },
        }
        Ok(())
    }
}

/// Collections are marked at their first character only.
fn one(span: Span) -> Span {
    Span { length: 1, ..span }
}
