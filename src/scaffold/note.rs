//! What a person has to look at in a scaffold; not here: where it stands in the files, which say it again as comments.

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NoteKind {
    /// Likely, by its name or type; wrong where the vendor means something else.
    Guess,
    /// Something stands there so that the file is whole; a person has to decide.
    Choose,
    /// The document does not say it, or says something that this connector has no place for.
    Missing,
}

impl NoteKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guess => "guess",
            Self::Choose => "choose",
            Self::Missing => "not derived",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    pub kind: NoteKind,
    /// "stream `orders`", "auth", "mappings/acme/order.yaml"
    pub about: String,
    pub text: String,
}

/// Collected while files are composed, in their order.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<Note>);

impl Notes {
    pub(super) fn guess(&mut self, about: impl Into<String>, text: impl Into<String>) {
        self.add(NoteKind::Guess, about, text);
    }

    pub(super) fn choose(&mut self, about: impl Into<String>, text: impl Into<String>) {
        self.add(NoteKind::Choose, about, text);
    }

    pub(super) fn missing(&mut self, about: impl Into<String>, text: impl Into<String>) {
        self.add(NoteKind::Missing, about, text);
    }

    fn add(&mut self, kind: NoteKind, about: impl Into<String>, text: impl Into<String>) {
        let note = Note { kind, about: about.into(), text: text.into() };
        if !self.0.contains(&note) {
            self.0.push(note);
        }
    }

    pub(super) fn into_vec(self) -> Vec<Note> {
        self.0
    }
}
