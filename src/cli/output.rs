//! How commands speak: aligned tables, marks, colours, JSON, errors; not here: what is said.
//!
//! Text of records is shown, never obeyed: control characters are escaped before they reach the terminal.

use std::io::{self, Write};

use serde::Serialize;

use super::error::CliError;
use crate::api::Level;
use crate::model::clock::Clock;
use crate::telemetry::moment;

/// Where a command runs: given, so that tests can give others.
pub struct Surroundings {
    pub out: Box<dyn Write + Send>,
    pub err: Box<dyn Write + Send>,
    pub input: Box<dyn io::Read + Send>,
    pub clock: Clock,
    /// Standard error is a terminal: progress may move there.
    pub terminal: bool,
    pub colour: bool,
    /// Who is asking, if the command line does not say.
    pub user: String,
}

impl Surroundings {
    pub fn now(&self) -> i64 {
        self.clock.now_us()
    }

    pub(super) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    pub(super) fn json(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(value).map_err(CliError::internal)?;
        Ok(writeln!(self.out, "{text}")?)
    }

    /// "■ stale": a shape and a word, and a colour where colours are shown.
    pub(super) fn mark(&self, level: Level, word: &str) -> String {
        let (shape, code) = match level {
            Level::Good => ("●", "32"),
            Level::Info => ("◆", "34"),
            Level::Warn => ("▲", "33"),
            Level::Bad => ("■", "31"),
            Level::Muted => ("○", "2"),
        };
        let text = format!("{shape} {}", clean(word));
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text }
    }

    pub(super) fn bold(&self, text: &str) -> String {
        let text = clean(text);
        if self.colour { format!("\x1b[1m{text}\x1b[0m") } else { text }
    }

    pub(super) fn ago(&self, at: crate::api::Time) -> String {
        moment::relative(at.0, self.now())
    }

    /// "error: what / where / next step"
    pub fn complain(&mut self, error: &CliError) -> io::Result<()> {
        let head = if self.colour { "\x1b[1;31merror:\x1b[0m" } else { "error:" };
        writeln!(self.err, "{head} {}", clean(&error.what))?;
        if !error.place.is_empty() {
            writeln!(self.err, "  where: {}", clean(&error.place))?;
        }
        writeln!(self.err, "  next step: {}", clean(&error.next_step))
    }
}

/// One line without control characters.
pub(super) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => cleaned.push('⏎'),
            hidden if hidden.is_control() || matches!(hidden, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
                cleaned.extend(hidden.escape_unicode());
            }
            shown => cleaned.push(shown),
        }
    }
    cleaned
}

/// Several lines, each of them clean.
pub(super) fn clean_lines(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(|line| clean(&line.replace('\t', "  ")))
}

/// Columns aligned by what is seen: colours take no room. The first column that begins with `>` in its heading is
/// aligned right, as numbers are.
pub(super) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(headings: &[&'static str]) -> Table {
        Table { headings: headings.to_vec(), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    pub(super) fn print(&self, to: &mut Surroundings) -> io::Result<()> {
        let titles: Vec<&str> = self.headings.iter().map(|heading| heading.trim_start_matches('>')).collect();
        let width = |index: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(index)).map(|cell| seen_width(cell));
            cells.chain([titles[index].chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..titles.len()).map(width).collect();
        let heads: Vec<String> = titles.iter().map(|title| to.bold(title)).collect();
        to.line(&self.aligned(&heads, &widths))?;
        for row in &self.rows {
            let line = self.aligned(row, &widths);
            to.line(&line)?;
        }
        Ok(())
    }

    fn aligned(&self, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
            let padding = " ".repeat(width.saturating_sub(seen_width(cell)));
            if index > 0 {
                line.push_str("  ");
            }
            if self.headings[index].starts_with('>') {
                line.push_str(&padding);
                line.push_str(cell);
            } else {
                line.push_str(cell);
                line.push_str(&padding);
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// Characters on the screen: our own colour codes are not.
fn seen_width(cell: &str) -> usize {
    let (mut width, mut in_code) = (0, false);
    for character in cell.chars() {
        match (in_code, character) {
            (false, '\x1b') => in_code = true,
            (false, _) => width += 1,
            (true, 'm') => in_code = false,
            (true, _) => {}
        }
    }
    width
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_do_not_drive_the_terminal() {
        assert_eq!(clean("a\x1b[2Jb\nc\u{202e}"), "a\\u{1b}[2Jb⏎c\\u{202e}");
        assert_eq!(clean_lines("a\tb\r\nc\x07").collect::<Vec<_>>(), ["a  b", "c\\u{7}"]);
    }

    #[test]
    fn colours_take_no_room() {
        assert_eq!(seen_width("\x1b[31m■ stale\x1b[0m"), 7);
        let table = Table::new(&["A", ">N"]);
        assert_eq!(table.aligned(&["\x1b[1mx\x1b[0m".to_owned(), "7".to_owned()], &[3, 4]), "\x1b[1mx\x1b[0m       7");
    }
}
