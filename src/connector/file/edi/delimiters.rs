//! The characters that separate: read from ISA or UNA, never guessed.
//!
//! Not here: splitting (`read::edi_scan`).

use super::cause::EdiCause;

/// All are single ASCII characters that are neither letters nor digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delimiters {
    pub element: u8,
    pub component: u8,
    pub repetition: Option<u8>,
    /// Makes the next character data; X12 has none.
    pub release: Option<u8>,
    pub terminator: u8,
    pub decimal_mark: u8,
}

impl Delimiters {
    pub const X12: Self =
        Self { element: b'*', component: b'>', repetition: None, release: None, terminator: b'~', decimal_mark: b'.' };

    /// The default set, which counts where there is no UNA.
    pub const EDIFACT: Self = Self {
        element: b'+',
        component: b':',
        repetition: None,
        release: Some(b'?'),
        terminator: b'\'',
        decimal_mark: b'.',
    };

    /// The six characters after `UNA`: component, element, decimal mark, release, reserved or repetition, terminator.
    pub fn from_una(service: &[u8]) -> Result<Self, EdiCause> {
        let &[component, element, decimal_mark, release, repetition, terminator] = service else {
            return Err(EdiCause::Cut { inside: "the UNA segment" });
        };
        let used = |byte: u8| (byte != b' ').then_some(byte);
        let delimiters =
            Self { element, component, repetition: used(repetition), release: used(release), terminator, decimal_mark };
        if !matches!(decimal_mark, b'.' | b',') {
            return Err(EdiCause::Delimiter { what: "decimal mark", found: shown(decimal_mark) });
        }
        delimiters.checked()
    }

    /// Refuses delimiters that could be data or that are the same.
    pub fn checked(self) -> Result<Self, EdiCause> {
        let all = [
            ("element separator", Some(self.element)),
            ("component separator", Some(self.component)),
            ("repetition separator", self.repetition),
            ("release character", self.release),
            ("segment terminator", Some(self.terminator)),
        ];
        for (index, (what, byte)) in all.iter().enumerate() {
            let Some(byte) = *byte else { continue };
            let twice = all[..index].iter().any(|(_, other)| *other == Some(byte));
            if twice || !byte.is_ascii() || byte.is_ascii_alphanumeric() || matches!(byte, b' ' | 0) {
                return Err(EdiCause::Delimiter { what, found: shown(byte) });
            }
        }
        Ok(self)
    }

    pub fn is_delimiter(&self, byte: u8) -> bool {
        let optional = |other: Option<u8>| other == Some(byte);
        byte == self.element
            || byte == self.component
            || byte == self.terminator
            || optional(self.repetition)
            || optional(self.release)
    }
}

fn shown(byte: u8) -> char {
    if byte.is_ascii() { char::from(byte) } else { char::REPLACEMENT_CHARACTER }
}
