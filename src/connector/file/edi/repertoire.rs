//! Character repertoires of EDIFACT interchanges (ISO 9735, syntax identifier in UNB 0001).
//!
//! Not here: decoding bytes (`text`).

use crate::connector::file::encoding::Encoding;

/// What a syntax identifier allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repertoire {
    /// UNOA: capital letters, digits and some signs.
    Capitals,
    /// UNOB: ASCII without the national characters.
    Ascii,
    /// A character set that the encoding holds exactly.
    Encoded,
}

impl Repertoire {
    /// `None` if the identifier is unknown or does not fit the encoding that the bytes are read or written in.
    pub fn of(syntax: &str, encoding: Encoding) -> Option<Self> {
        match (syntax, encoding) {
            ("UNOA", _) => Some(Self::Capitals),
            ("UNOB", _) => Some(Self::Ascii),
            // Windows code page 1252 has the same characters in the same places, and more.
            ("UNOC", Encoding::Iso8859_1 | Encoding::Windows1252)
            | ("UNOD", Encoding::Iso8859_2)
            | ("UNOL", Encoding::Iso8859_15)
            // UNOW is UTF-8 and UNOY is all of ISO 10646, which is sent as UTF-8.
            | ("UNOW" | "UNOY", Encoding::Utf8) => Some(Self::Encoded),
            (_, _) => None,
        }
    }

    pub fn has(self, character: char, any_case: bool) -> bool {
        let sign = |c: char| " .,-()/='+:?!\"%&*;<>".contains(c);
        match self {
            Self::Capitals => {
                character.is_ascii_uppercase()
                    || character.is_ascii_digit()
                    || sign(character)
                    || (any_case && character.is_ascii_lowercase())
            }
            Self::Ascii => character.is_ascii_alphanumeric() || sign(character),
            Self::Encoded => true,
        }
    }
}
