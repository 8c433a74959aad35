//! The crosswalks of a scaffold: the vendor's listed words with the canonical ones that they seem to mean.
//!
//! Not here: which words mean what (`names`).

use super::cells::crosswalk;
use super::fields::{Form, Pair};
use super::names::status_of;
use crate::model::FieldType;
use crate::scaffold::note::Notes;
use crate::scaffold::text::{one_line, quoted, scalar};

#[derive(Default)]
pub(super) struct Crosswalks(Vec<Crosswalk>);

struct Crosswalk {
    name: String,
    canonical: &'static [&'static str],
    /// Vendor's word, canonical word, whether the names are the same.
    words: Vec<(String, Option<(&'static str, bool)>)>,
    /// The document lists no words; the canonical ones stand in.
    unlisted: bool,
}

/// More words than these are no vocabulary.
const MAX_WORDS: usize = 100;

impl Crosswalks {
    pub(super) fn add(&mut self, entity: &str, pairs: &[Pair<'_>], notes: &mut Notes) {
        for pair in pairs {
            match (&pair.form, &pair.field.ty) {
                (Form::Status, FieldType::Status(set)) => {
                    self.listed(crosswalk(entity, pair.field.name), set.values, &pair.property.words, notes);
                }
                (Form::Unlisted, FieldType::Status(set)) if pair.field.required => {
                    let name = crosswalk(entity, pair.field.name);
                    if self.0.iter().any(|known| known.name == name) {
                        continue;
                    }
                    notes.choose(
                        "values.yaml",
                        format!("{name}: the document does not list the vendor's words; the canonical ones stand in"),
                    );
                    let words = set.values.iter().map(|value| ((*value).to_owned(), Some((*value, true)))).collect();
                    self.0.push(Crosswalk { name, canonical: set.values, words, unlisted: true });
                }
                (Form::Object(inner) | Form::List(inner), _) => self.add(entity, inner, notes),
                (
                    Form::Status
                    | Form::Unlisted
                    | Form::Plain
                    | Form::Unix
                    | Form::Money
                    | Form::Minor
                    | Form::MoneyObject { .. },
                    _,
                ) => {}
            }
        }
    }

    fn listed(&mut self, name: String, canonical: &'static [&'static str], words: &[String], notes: &mut Notes) {
        let at = self.0.iter().position(|known| known.name == name).unwrap_or_else(|| {
            self.0.push(Crosswalk { name: name.clone(), canonical, words: Vec::new(), unlisted: false });
            self.0.len() - 1
        });
        let table = &mut self.0[at];
        for word in words.iter().take(MAX_WORDS) {
            if table.words.iter().any(|(known, _)| known == word) {
                continue;
            }
            let meant = status_of(word, canonical);
            match meant {
                Some((_, true)) => {}
                Some((value, false)) => {
                    notes.guess("values.yaml", format!("{name}: `{}` means {value}", one_line(word, 40)))
                }
                None => notes.choose(
                    "values.yaml",
                    format!(
                        "{name}: nothing tells what `{}` means; records with it stop until it is listed",
                        one_line(word, 40)
                    ),
                ),
            }
            table.words.push((word.clone(), meant));
        }
    }

    /// A word that is listed and has a meaning: for samples.
    pub(super) fn known_word(&self, name: &str) -> Option<(&str, &'static str)> {
        let table = self.0.iter().find(|table| table.name == name)?;
        table.words.iter().find_map(|(word, meant)| Some((word.as_str(), (*meant)?.0)))
    }

    /// `None` where there are none.
    pub(super) fn file(&self, connector: &str) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let mut text = format!(
            "# yaml-language-server: $schema=../../.schemas/values.json\n# The vendor's word left, the canonical one right. A word that is not listed stops its record.\nvalues: {connector}\ncrosswalks:\n"
        );
        for table in &self.0 {
            table.write(&mut text);
        }
        Some(text)
    }
}

impl Crosswalk {
    fn write(&self, text: &mut String) {
        text.push_str(&format!("  # one of: {}\n", self.canonical.join(", ")));
        if self.unlisted {
            text.push_str("  # choose: the document does not list the vendor's words; these are the canonical ones\n");
        }
        text.push_str(&format!("  {}:\n", self.name));
        let mut taken: Vec<&str> = Vec::new();
        let mut written = false;
        for (word, meant) in &self.words {
            let shown = scalar(word);
            match meant {
                None => text.push_str(&format!("    # choose: {shown}: ?\n")),
                Some((value, sure)) => {
                    let comment = if *sure { "" } else { "   # guess: by its name" };
                    let cell = if taken.contains(value) {
                        format!("{{ to: {value}, reverse: false }}")
                    } else {
                        (*value).to_owned()
                    };
                    text.push_str(&format!("    {shown}: {cell}{comment}\n"));
                    taken.push(value);
                    written = true;
                }
            }
        }
        if !written {
            // A table has a line; this one is a word that nobody sends.
            let value = self.canonical.first().copied().unwrap_or_default();
            text.push_str(&format!(
                "    {}: {value}   # choose: replace it by the vendor's words\n",
                quoted(&format!("{value} (nobody's word)"))
            ));
        }
    }
}
