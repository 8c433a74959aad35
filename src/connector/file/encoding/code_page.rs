//! Single-byte encodings as tables in both directions.
//!
//! Not here: which encodings exist (`Encoding`).

use std::collections::HashMap;
use std::sync::OnceLock;

use super::{ByteOrder, Encoding, Form, tables};

/// 256 characters, some of them undefined: an undefined byte is an error, not a control character.
#[derive(Debug)]
pub struct CodePage {
    characters: [Option<char>; 256],
    bytes: HashMap<char, u8>,
}

impl CodePage {
    pub fn character(&self, byte: u8) -> Option<char> {
        self.characters[usize::from(byte)]
    }

    pub fn byte(&self, character: char) -> Option<u8> {
        self.bytes.get(&character).copied()
    }

    fn new(character_of: impl Fn(u8) -> Option<char>) -> Self {
        let mut characters = [None; 256];
        let mut bytes = HashMap::with_capacity(256);
        for byte in 0..=u8::MAX {
            let character = character_of(byte);
            characters[usize::from(byte)] = character;
            if let Some(character) = character {
                // The first byte wins: NEL rather than LF in EBCDIC.
                bytes.entry(character).or_insert(byte);
            }
        }
        Self { characters, bytes }
    }

    /// The library follows the web's rule of passing undefined bytes through as C1 controls; a file that contains one
    /// is damaged or wrongly declared, so they are undefined here.
    fn from_library(encoding: &'static encoding_rs::Encoding) -> Self {
        Self::new(|byte| {
            let bytes = [byte];
            let text = encoding.decode_without_bom_handling_and_without_replacement(&bytes)?;
            text.chars().next().filter(|character| !is_c1(*character))
        })
    }

    fn from_upper_half(upper: &str) -> Self {
        let upper: Vec<char> = upper.chars().collect();
        Self::new(|byte| match byte.checked_sub(0x80) {
            None => Some(char::from(byte)),
            Some(index) => upper.get(usize::from(index)).copied(),
        })
    }

    fn from_all(all: &str) -> Self {
        let all: Vec<char> = all.chars().collect();
        Self::new(|byte| all.get(usize::from(byte)).copied().filter(|character| !is_c1(*character)))
    }
}

fn is_c1(character: char) -> bool {
    ('\u{80}'..='\u{9f}').contains(&character)
}

pub(super) fn form(encoding: Encoding) -> Form {
    macro_rules! page {
        ($build:expr) => {{
            static PAGE: OnceLock<CodePage> = OnceLock::new();
            Form::SingleByte(PAGE.get_or_init(|| $build))
        }};
    }
    match encoding {
        Encoding::Utf8 => Form::Utf8,
        Encoding::Utf16 => Form::Utf16(ByteOrder::ByMark),
        Encoding::Utf16Le => Form::Utf16(ByteOrder::LittleEndian),
        Encoding::Utf16Be => Form::Utf16(ByteOrder::BigEndian),
        Encoding::Windows1250 => page!(CodePage::from_library(encoding_rs::WINDOWS_1250)),
        Encoding::Windows1252 => page!(CodePage::from_library(encoding_rs::WINDOWS_1252)),
        // The library's latin-1 is windows-1252 in disguise, which would accept `€` where the standard has none.
        Encoding::Iso8859_1 => page!(CodePage::new(|byte| Some(char::from(byte)).filter(|c| !is_c1(*c)))),
        Encoding::Iso8859_2 => page!(CodePage::from_library(encoding_rs::ISO_8859_2)),
        Encoding::Iso8859_15 => page!(CodePage::from_library(encoding_rs::ISO_8859_15)),
        Encoding::Ibm850 => page!(CodePage::from_upper_half(tables::IBM850)),
        Encoding::Ibm437 => page!(CodePage::from_upper_half(tables::IBM437)),
        Encoding::Ibm037 => page!(CodePage::from_all(tables::IBM037)),
        Encoding::Ibm273 => page!(CodePage::from_all(tables::IBM273)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(encoding: Encoding, byte: u8, expected: Option<char>) {
        let Form::SingleByte(page) = form(encoding) else { panic!("{} is not a code page", encoding.name()) };
        assert_eq!(page.character(byte), expected, "{} 0x{byte:02X}", encoding.name());
    }

    #[test]
    fn known_characters_sit_where_their_standards_put_them() {
        check(Encoding::Windows1252, 0x80, Some('€'));
        check(Encoding::Windows1252, 0xFC, Some('ü'));
        check(Encoding::Windows1252, 0x81, None);
        check(Encoding::Iso8859_1, 0x80, None);
        check(Encoding::Iso8859_1, 0xA4, Some('¤'));
        check(Encoding::Iso8859_15, 0xA4, Some('€'));
        check(Encoding::Windows1250, 0xB9, Some('ą'));
        check(Encoding::Iso8859_2, 0xB1, Some('ą'));
        check(Encoding::Ibm850, 0x81, Some('ü'));
        check(Encoding::Ibm437, 0x81, Some('ü'));
        check(Encoding::Ibm850, 0xFF, Some('\u{a0}'));
        check(Encoding::Ibm037, 0xC1, Some('A'));
        check(Encoding::Ibm037, 0x40, Some(' '));
        check(Encoding::Ibm037, 0x15, Some('\n'));
        check(Encoding::Ibm273, 0xD0, Some('ü'));
        check(Encoding::Ibm273, 0xF9, Some('9'));
    }

    #[test]
    fn every_page_has_all_digits_and_letters_and_reverses() {
        for encoding in Encoding::ALL {
            let Form::SingleByte(page) = form(encoding) else { continue };
            for character in ('0'..='9').chain('A'..='Z').chain('a'..='z') {
                let byte = page.byte(character).unwrap();
                assert_eq!(page.character(byte), Some(character), "{}", encoding.name());
            }
        }
    }
}
