//! `let`: cells that are named once and used several times, put in place before anything else looks at the file.
//!
//! Not here: what a cell means (see `spec`), names inside expressions (there are none).

use crate::config::yaml::{Context, Entry, Kind, Node, suggest};

/// Named cells of one file, in its order; a later one may use an earlier one.
#[derive(Debug, Default)]
pub(super) struct Snippets(Vec<(String, Node)>);

pub(super) fn read(node: &Node, cx: &Context) -> Snippets {
    let mut snippets = Snippets::default();
    let Some(entries) = node.entries() else {
        cx.expected(node, "a map of named cells");
        return snippets;
    };
    for entry in entries {
        let cell = snippets.cell(&entry.value, cx);
        snippets.0.push((entry.key.clone(), cell));
    }
    snippets
}

impl Snippets {
    /// A table of fields with every `use` in it replaced.
    pub(super) fn expand(&self, table: &Node, cx: &Context) -> Node {
        let Kind::Map(fields) = &table.kind else { return table.clone() };
        let put = |field: &Entry| Entry { value: self.cell(&field.value, cx), ..field.clone() };
        Node { span: table.span, kind: Kind::Map(fields.iter().map(put).collect()) }
    }

    /// The keys of the snippet and then the cell's own, which win. A cell's own source replaces the snippet's.
    fn cell(&self, cell: &Node, cx: &Context) -> Node {
        let Kind::Map(own) = &cell.kind else { return cell.clone() };
        let mut entries = Vec::with_capacity(own.len());
        for entry in own {
            let value = match entry.key.as_str() {
                "fields" => self.expand(&entry.value, cx),
                "currency" => self.cell(&entry.value, cx),
                _ => entry.value.clone(),
            };
            entries.push(Entry { value, ..entry.clone() });
        }
        if let Some(at) = entries.iter().position(|entry| entry.key == "use") {
            let named = entries.remove(at);
            let has_source = entries.iter().any(|entry| is_source(&entry.key));
            for inherited in self.entries_of(&named.value, cx) {
                let replaced = entries.iter().any(|entry| entry.key == inherited.key);
                if !(replaced || has_source && is_source(&inherited.key)) {
                    entries.push(inherited);
                }
            }
        }
        Node { span: cell.span, kind: Kind::Map(entries) }
    }

    fn entries_of(&self, name: &Node, cx: &Context) -> Vec<Entry> {
        let wanted = name.as_str().unwrap_or_default();
        match self.0.iter().find(|(known, _)| known == wanted).map(|(_, node)| node) {
            Some(Node { kind: Kind::Map(entries), .. }) => entries.clone(),
            Some(path) => vec![from(path)],
            None => {
                let known: Vec<&str> = self.0.iter().map(|(known, _)| known.as_str()).collect();
                cx.error(name.span, format!("there is no cell `{wanted}` under `let`"), suggest(wanted, &known));
                // A source of some kind, so that only this is reported.
                vec![from(name)]
            }
        }
    }
}

fn from(path: &Node) -> Entry {
    Entry { key: "from".to_owned(), key_span: path.span, value: path.clone() }
}

fn is_source(key: &str) -> bool {
    matches!(key, "from" | "each" | "money" | "minor" | "expr" | "const" | "ref")
}
