//! One kind of table for all pages: sorted and filtered by the address, the same rows as CSV; pure. Not here: what the
//! rows are.

use askama::Template;
use serde::Deserialize;

use super::href::encode;
use super::layout::When;
use super::mark::Mark;
use crate::telemetry::moment;

/// What the address says about a table.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct TableQuery {
    pub sort: Option<String>,
    pub dir: Option<String>,
    pub filter: Option<String>,
    pub format: Option<String>,
}

#[derive(Clone, Copy)]
pub(super) struct Column {
    pub id: &'static str,
    pub label: &'static str,
    pub numeric: bool,
}

pub(super) const fn text(id: &'static str, label: &'static str) -> Column {
    Column { id, label, numeric: false }
}

pub(super) const fn number(id: &'static str, label: &'static str) -> Column {
    Column { id, label, numeric: true }
}

#[derive(Clone)]
pub(super) enum Cell {
    Text(String),
    Link {
        text: String,
        href: String,
    },
    Mark(Mark),
    Number(i64),
    /// Microseconds, shown as a duration.
    Duration(Option<i64>),
    /// Tenths of a percent.
    PerMille(Option<i64>),
    Time(Option<i64>),
}

impl Cell {
    pub(super) fn link(text: impl Into<String>, href: impl Into<String>) -> Cell {
        Cell::Link { text: text.into(), href: href.into() }
    }

    pub(super) fn text(text: impl Into<String>) -> Cell {
        Cell::Text(text.into())
    }

    /// As people read it.
    pub(super) fn shown(&self) -> String {
        match self {
            Cell::Text(text) | Cell::Link { text, .. } => text.clone(),
            Cell::Mark(mark) => mark.word.clone(),
            Cell::Number(n) => moment::grouped(*n),
            Cell::Duration(us) => us.map_or_else(|| "–".to_owned(), moment::duration),
            Cell::PerMille(n) => n.map_or_else(|| "–".to_owned(), |n| format!("{}.{} %", n / 10, n % 10)),
            Cell::Time(at) => at.map_or_else(|| "–".to_owned(), moment::absolute),
        }
    }

    /// As a spreadsheet reads it.
    fn exported(&self) -> String {
        match self {
            Cell::Text(text) | Cell::Link { text, .. } => neutral(text),
            Cell::Mark(mark) => neutral(&mark.word),
            Cell::Number(n) => n.to_string(),
            Cell::Duration(us) => us.map(|us| (us / 1000).to_string()).unwrap_or_default(),
            Cell::PerMille(n) => n.map(|n| format!("{}.{}", n / 10, n % 10)).unwrap_or_default(),
            Cell::Time(at) => at.map(moment::rfc3339).unwrap_or_default(),
        }
    }

    /// Numbers by size, everything else by its text.
    fn order(&self) -> (Option<i64>, String) {
        match self {
            Cell::Number(n) => (Some(*n), String::new()),
            Cell::Duration(n) | Cell::PerMille(n) | Cell::Time(n) => (*n, String::new()),
            Cell::Text(_) | Cell::Link { .. } | Cell::Mark(_) => (None, self.shown().to_lowercase()),
        }
    }
}

/// A text that a spreadsheet would take for a formula begins with an apostrophe (OWASP ASVS 1.2.10).
fn neutral(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\0']) { format!("'{text}") } else { text.to_owned() }
}

pub(super) struct Heading {
    pub label: &'static str,
    pub numeric: bool,
    pub href: String,
    /// "ascending", "descending" or "none", as screen readers want it.
    pub sorted: &'static str,
}

#[derive(Template)]
#[template(path = "table.html")]
pub(super) struct Table {
    pub caption: String,
    pub headings: Vec<Heading>,
    pub rows: Vec<Vec<Cell>>,
    pub now: i64,
    pub filter: Option<String>,
    pub total: usize,
    pub csv_href: String,
    pub path: String,
    pub kept: Vec<(String, String)>,
    pub empty: String,
}

/// For the template.
impl Table {
    fn when(&self, at: &i64) -> When {
        When { at: *at, now: self.now }
    }

    /// What a narrow screen puts beside a value, where a row is a card.
    fn label(&self, column: &usize) -> &str {
        self.headings.get(*column).map_or("", |heading| heading.label)
    }
}

/// What a page gives to have its rows shown.
pub(super) struct Rows {
    pub caption: &'static str,
    pub columns: &'static [Column],
    pub rows: Vec<Vec<Cell>>,
    /// What to do when there is nothing.
    pub empty: &'static str,
    pub path: String,
    /// Other parts of the address that stay.
    pub kept: Vec<(String, String)>,
    pub now: i64,
}

impl Rows {
    /// Filtered and sorted as asked.
    fn arranged(mut self, query: &TableQuery) -> Rows {
        if let Some(filter) = query.filter.as_deref().map(str::trim).filter(|filter| !filter.is_empty()) {
            let filter = filter.to_lowercase();
            self.rows.retain(|row| row.iter().any(|cell| cell.shown().to_lowercase().contains(&filter)));
        }
        if let Some(index) = self.sorted_by(query) {
            self.rows.sort_by_cached_key(|row| row.get(index).map(Cell::order));
            if descending(query) {
                self.rows.reverse();
            }
        }
        self
    }

    fn sorted_by(&self, query: &TableQuery) -> Option<usize> {
        let sort = query.sort.as_deref()?;
        self.columns.iter().position(|column| column.id == sort)
    }

    pub(super) fn csv(self, query: &TableQuery) -> Result<String, csv::Error> {
        let rows = self.arranged(query);
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        writer.write_record(rows.columns.iter().map(|column| column.label))?;
        for row in &rows.rows {
            writer.write_record(row.iter().map(Cell::exported))?;
        }
        let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(super) fn table(self, query: &TableQuery) -> Table {
        let total = self.rows.len();
        let sorted = self.sorted_by(query);
        let rows = self.arranged(query);
        let filter = query.filter.clone().unwrap_or_default();
        let headings = rows.columns.iter().enumerate().map(|(index, column)| {
            let here = sorted == Some(index);
            let turn = here && !descending(query);
            let mut parts = rows.kept.clone();
            parts.push(("sort".to_owned(), column.id.to_owned()));
            parts.push(("dir".to_owned(), if turn { "desc" } else { "asc" }.to_owned()));
            parts.push(("filter".to_owned(), filter.clone()));
            Heading {
                label: column.label,
                numeric: column.numeric,
                href: address(&rows.path, &parts),
                sorted: match (here, descending(query)) {
                    (true, true) => "descending",
                    (true, false) => "ascending",
                    (false, _) => "none",
                },
            }
        });
        let headings: Vec<Heading> = headings.collect();
        let mut kept = rows.kept;
        for (name, value) in [("sort", &query.sort), ("dir", &query.dir)] {
            kept.extend(value.clone().map(|value| (name.to_owned(), value)));
        }
        let mut csv = kept.clone();
        csv.push(("filter".to_owned(), filter));
        csv.push(("format".to_owned(), "csv".to_owned()));
        Table {
            caption: rows.caption.to_owned(),
            headings,
            rows: rows.rows,
            now: rows.now,
            filter: query.filter.clone().filter(|filter| !filter.is_empty()),
            total,
            csv_href: address(&rows.path, &csv),
            path: rows.path,
            kept,
            empty: rows.empty.to_owned(),
        }
    }
}

fn descending(query: &TableQuery) -> bool {
    query.dir.as_deref() == Some("desc")
}

fn address(path: &str, parts: &[(String, String)]) -> String {
    let filled = parts.iter().filter(|(_, value)| !value.is_empty());
    let query: Vec<String> = filled.map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[text("name", "Name"), number("n", "Count")];

    fn rows() -> Rows {
        let row = |name: &str, n| vec![Cell::text(name), Cell::Number(n)];
        Rows {
            caption: "things",
            columns: COLUMNS,
            rows: vec![row("b", 10), row("=A1", -2), row("C, d", 9)],
            empty: "",
            path: "/things".to_owned(),
            kept: vec![],
            now: 0,
        }
    }

    fn query(sort: &str, dir: &str, filter: &str) -> TableQuery {
        let some = |text: &str| Some(text.to_owned());
        TableQuery { sort: some(sort), dir: some(dir), filter: some(filter), format: None }
    }

    #[track_caller]
    fn check(query: &TableQuery, expected: &str) {
        assert_eq!(rows().csv(query).unwrap(), expected);
    }

    #[test]
    fn numbers_sort_as_numbers_and_csv_is_harmless() {
        check(&query("n", "asc", ""), "Name,Count\r\n'=A1,-2\r\n\"C, d\",9\r\nb,10\r\n");
        check(&query("n", "desc", "c"), "Name,Count\r\n\"C, d\",9\r\n");
        check(&query("nope", "", ""), "Name,Count\r\nb,10\r\n'=A1,-2\r\n\"C, d\",9\r\n");
    }

    #[test]
    fn a_heading_turns_its_own_order() {
        let table = rows().table(&query("n", "asc", "x&y"));
        assert_eq!(table.headings[1].href, "/things?sort=n&dir=desc&filter=x%26y");
        assert_eq!((table.headings[1].sorted, table.headings[0].sorted), ("ascending", "none"));
        assert_eq!(table.csv_href, "/things?sort=n&dir=asc&filter=x%26y&format=csv");
    }
}
