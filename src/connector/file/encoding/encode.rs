//! Text to bytes, with an explicit answer for characters the encoding does not have.
//!
//! Not here: quoting and padding (write).

use std::borrow::Cow;

use super::{ByteOrder, Encoding, Form};
use crate::connector::file::error::FileCause;

/// What to do with a character that the target encoding lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unmappable {
    /// Refuse the record, naming character and encoding.
    #[default]
    Fail,
    /// Write this character instead.
    Replace(char),
    /// Write the usual plain spelling (`€` as `EUR`, `–` as `-`, `ł` as `l`), refuse where there is none.
    Transliterate,
}

/// Prepares and encodes text for one encoding and policy.
///
/// Two steps, because fixed-width padding must count the characters that are really written.
#[derive(Debug, Clone, Copy)]
pub struct Encoder {
    pub encoding: Encoding,
    pub unmappable: Unmappable,
}

impl Encoder {
    /// The text as it will be written: every character exists in the encoding.
    pub fn prepare<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, FileCause> {
        if text.chars().all(|character| self.has(character)) {
            return Ok(Cow::Borrowed(text));
        }
        let mut prepared = String::with_capacity(text.len());
        for character in text.chars() {
            if self.has(character) {
                prepared.push(character);
                continue;
            }
            match self.unmappable {
                Unmappable::Replace(replacement) if self.has(replacement) => prepared.push(replacement),
                Unmappable::Transliterate => match plain_spelling(character) {
                    Some(plain) if plain.chars().all(|c| self.has(c)) => prepared.push_str(plain),
                    Some(_) | None => return Err(self.refuse(character)),
                },
                Unmappable::Fail | Unmappable::Replace(_) => return Err(self.refuse(character)),
            }
        }
        Ok(Cow::Owned(prepared))
    }

    /// Appends `text`, applying the policy on the way.
    pub fn encode(&self, text: &str, out: &mut Vec<u8>) -> Result<(), FileCause> {
        let text = self.prepare(text)?;
        match self.encoding.form() {
            Form::SingleByte(page) => {
                for character in text.chars() {
                    out.push(page.byte(character).ok_or_else(|| self.refuse(character))?);
                }
            }
            Form::Utf16(ByteOrder::ByMark | ByteOrder::LittleEndian) => {
                out.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
            }
            Form::Utf16(ByteOrder::BigEndian) => out.extend(text.encode_utf16().flat_map(u16::to_be_bytes)),
            Form::Utf8 => out.extend_from_slice(text.as_bytes()),
        }
        Ok(())
    }

    fn has(&self, character: char) -> bool {
        // NUL is unmappable everywhere: no reader of ours or theirs survives it.
        match self.encoding.form() {
            Form::SingleByte(page) => character != '\0' && page.byte(character).is_some(),
            Form::Utf8 | Form::Utf16(_) => character != '\0',
        }
    }

    fn refuse(&self, character: char) -> FileCause {
        FileCause::Unmappable { character, encoding: self.encoding.name() }
    }
}

/// Minimal on purpose: typography, currency signs and the letters of neighbouring countries.
fn plain_spelling(character: char) -> Option<&'static str> {
    Some(match character {
        '€' => "EUR",
        '£' => "GBP",
        '¥' => "JPY",
        '‘' | '’' | '‚' | '′' | '‹' | '›' => "'",
        '“' | '”' | '„' | '″' | '«' | '»' => "\"",
        '‐' | '‑' | '‒' | '–' | '—' | '−' => "-",
        '…' => "...",
        '•' => "*",
        '\u{a0}' | '\u{2007}' | '\u{2009}' | '\u{202f}' => " ",
        '™' => "(TM)",
        'ä' => "ae",
        'ö' => "oe",
        'ü' => "ue",
        'Ä' => "Ae",
        'Ö' => "Oe",
        'Ü' => "Ue",
        'ß' => "ss",
        'ẞ' => "SS",
        'Œ' => "OE",
        'œ' => "oe",
        'Æ' => "AE",
        'æ' => "ae",
        'Ø' => "O",
        'ø' => "o",
        'à' | 'á' | 'â' | 'ã' | 'å' | 'ă' | 'ą' => "a",
        'À' | 'Á' | 'Â' | 'Ã' | 'Å' | 'Ă' | 'Ą' => "A",
        'ç' | 'ć' | 'č' => "c",
        'Ç' | 'Ć' | 'Č' => "C",
        'ď' | 'đ' => "d",
        'Ď' | 'Đ' => "D",
        'è' | 'é' | 'ê' | 'ë' | 'ę' | 'ě' => "e",
        'È' | 'É' | 'Ê' | 'Ë' | 'Ę' | 'Ě' => "E",
        'ğ' => "g",
        'Ğ' => "G",
        'ì' | 'í' | 'î' | 'ï' | 'ı' => "i",
        'Ì' | 'Í' | 'Î' | 'Ï' | 'İ' => "I",
        'ł' | 'ľ' | 'ĺ' => "l",
        'Ł' | 'Ľ' | 'Ĺ' => "L",
        'ñ' | 'ń' | 'ň' => "n",
        'Ñ' | 'Ń' | 'Ň' => "N",
        'ò' | 'ó' | 'ô' | 'õ' | 'ő' => "o",
        'Ò' | 'Ó' | 'Ô' | 'Õ' | 'Ő' => "O",
        'ř' | 'ŕ' => "r",
        'Ř' | 'Ŕ' => "R",
        'ś' | 'š' | 'ş' | 'ș' => "s",
        'Ś' | 'Š' | 'Ş' | 'Ș' => "S",
        'ť' | 'ţ' | 'ț' => "t",
        'Ť' | 'Ţ' | 'Ț' => "T",
        'ù' | 'ú' | 'û' | 'ů' | 'ű' => "u",
        'Ù' | 'Ú' | 'Û' | 'Ů' | 'Ű' => "U",
        'ý' | 'ÿ' => "y",
        'Ý' | 'Ÿ' => "Y",
        'ź' | 'ż' | 'ž' => "z",
        'Ź' | 'Ż' | 'Ž' => "Z",
        _ => return None,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn encode(encoding: Encoding, unmappable: Unmappable, text: &str) -> Result<Vec<u8>, FileCause> {
        let mut out = Vec::new();
        Encoder { encoding, unmappable }.encode(text, &mut out).map(|()| out)
    }

    #[test]
    fn unmappable_characters_follow_the_policy() {
        assert_eq!(encode(Encoding::Windows1252, Unmappable::Fail, "5 €").unwrap(), b"5 \x80");
        assert_eq!(encode(Encoding::Iso8859_1, Unmappable::Replace('?'), "5 €").unwrap(), b"5 ?");
        assert_eq!(encode(Encoding::Iso8859_1, Unmappable::Transliterate, "5 €").unwrap(), b"5 EUR");
        let refused = encode(Encoding::Iso8859_1, Unmappable::Fail, "5 €").unwrap_err();
        assert_eq!(refused.to_string(), "character '€' does not exist in iso-8859-1");
        assert!(encode(Encoding::Iso8859_1, Unmappable::Transliterate, "中").is_err());
        assert!(encode(Encoding::Utf8, Unmappable::Fail, "a\0b").is_err());
    }

    #[test]
    fn unicode_forms_write_their_byte_order() {
        assert_eq!(encode(Encoding::Utf16Le, Unmappable::Fail, "aü").unwrap(), [0x61, 0, 0xFC, 0]);
        assert_eq!(encode(Encoding::Utf16Be, Unmappable::Fail, "😀").unwrap(), [0xD8, 0x3D, 0xDE, 0]);
    }
}
