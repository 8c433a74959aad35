//! What is wrong, where, and what to do: collected, sorted by place, rendered for a terminal or as JSON.
//!
//! Not here: who finds it.

use std::fmt;

use serde::Serialize;

use super::source::Place;

/// Beyond this many a reader is not helped by more; the rest is counted.
const MAX_SHOWN: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    pub file: String,
    pub line: u32,
    pub column: u32,
    /// What is wrong, in the words of the file.
    pub message: String,
    /// What was expected and what to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    #[serde(skip)]
    length: u32,
    #[serde(skip)]
    source_line: Option<String>,
}

impl Diagnostic {
    pub fn new(place: &Place, message: impl Into<String>) -> Self {
        Self {
            file: place.source.name().to_owned(),
            line: place.span.line,
            column: place.span.column,
            message: message.into(),
            help: None,
            length: place.span.length,
            source_line: place.source.line(place.span.line).map(str::to_owned),
        }
    }

    /// About a file as a whole (missing, unreadable): no line to show.
    pub fn file(name: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            file: name.into(),
            line: 1,
            column: 1,
            message: message.into(),
            help: None,
            length: 1,
            source_line: None,
        }
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        if let Some(text) = &self.source_line {
            let (text, lead) = excerpt(text, self.column as usize - 1);
            let gutter = self.line.to_string();
            let blank = " ".repeat(gutter.len());
            let room = text.chars().count().saturating_sub(lead).max(1);
            let carets = "^".repeat((self.length as usize).clamp(1, room));
            write!(f, "\n {blank} |\n {gutter} | {text}\n {blank} | {}{carets}", " ".repeat(lead))?;
        }
        if let Some(help) = &self.help {
            for (index, line) in help.lines().enumerate() {
                write!(f, "\n   {} {line}", if index == 0 { "=" } else { " " })?;
            }
        }
        Ok(())
    }
}

/// The part of a long line around the column; control characters become spaces so that columns stay right.
fn excerpt(line: &str, column: usize) -> (String, usize) {
    const WIDTH: usize = 120;
    let characters: Vec<char> = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if characters.len() <= WIDTH {
        return (characters.into_iter().collect(), column);
    }
    let start = column.saturating_sub(WIDTH / 2).min(characters.len());
    let end = (start + WIDTH).min(characters.len());
    let lead = if start > 0 { "…" } else { "" };
    let tail = if end < characters.len() { "…" } else { "" };
    let shown: String = characters[start..end].iter().collect();
    (format!("{lead}{shown}{tail}"), column - start + usize::from(start > 0))
}

/// Every problem of one run. As an error it is never empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Diagnostics {
    items: Vec<Diagnostic>,
}

impl Diagnostics {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.items.push(diagnostic);
    }

    pub fn extend(&mut self, more: impl IntoIterator<Item = Diagnostic>) {
        self.items.extend(more);
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.items.iter()
    }

    /// By file, line and column; the same problem is kept once.
    pub fn sort(&mut self) {
        let key = |d: &Diagnostic| (d.file.clone(), d.line, d.column, d.message.clone());
        self.items.sort_by_key(key);
        self.items.dedup();
    }

    /// `Err` with everything that was found, else the value. A `None` without a problem cannot be a success either.
    pub fn into_result<T>(mut self, value: Option<T>) -> Result<T, Diagnostics> {
        match value {
            Some(value) if self.is_empty() => Ok(value),
            Some(_) | None => {
                if self.is_empty() {
                    self.push(Diagnostic::file(
                        "(unknown)",
                        "refused without a stated reason; please report this as a defect",
                    ));
                }
                self.sort();
                Err(self)
            }
        }
    }

    /// Leaves out what is said at the very places that `others` are about.
    #[must_use]
    pub fn without_places_of(mut self, others: &Diagnostics) -> Self {
        let same = |a: &Diagnostic, b: &Diagnostic| (a.line, a.column) == (b.line, b.column) && a.file == b.file;
        self.items.retain(|item| !others.items.iter().any(|other| same(item, other)));
        self
    }

    /// Replaces each of `secrets` wherever a source line would show it.
    pub fn redact<'s>(&mut self, secrets: impl IntoIterator<Item = &'s str>) {
        for secret in secrets.into_iter().filter(|secret| secret.chars().count() >= 3) {
            for item in &mut self.items {
                let shown = [Some(&mut item.message), item.help.as_mut(), item.source_line.as_mut()];
                for text in shown.into_iter().flatten().filter(|text| text.contains(secret)) {
                    // Same width, so that the caret stays under its place.
                    *text = text.replace(secret, &"*".repeat(secret.chars().count()));
                }
            }
        }
    }

    /// `[{"file","line","column","message","help"}]`
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!(self)
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl From<Vec<Diagnostic>> for Diagnostics {
    fn from(items: Vec<Diagnostic>) -> Self {
        Self { items }
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for item in self.items.iter().take(MAX_SHOWN) {
            writeln!(f, "{item}\n")?;
        }
        if self.items.len() > MAX_SHOWN {
            writeln!(f, "and {} more\n", self.items.len() - MAX_SHOWN)?;
        }
        match self.items.len() {
            1 => write!(f, "1 problem"),
            count => write!(f, "{count} problems"),
        }
    }
}

impl std::error::Error for Diagnostics {}

/// The same findings where they keep nothing from running.
pub struct Warnings<'a>(pub &'a Diagnostics);

impl fmt::Display for Warnings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for item in self.0.items.iter().take(MAX_SHOWN) {
            writeln!(f, "warning: {item}\n")?;
        }
        match self.0.items.len() {
            1 => writeln!(f, "1 warning; the configuration can run"),
            count => writeln!(f, "{count} warnings; the configuration can run"),
        }
    }
}
