//! Segments as text: delimiters, release characters, nothing empty at the end.
//!
//! Not here: which segments (`edi_segments`).

use crate::connector::file::edi::{Delimiters, EdiCause, Repertoire, Segment};
use crate::connector::file::encoding::{Encoder, Unmappable};
use crate::connector::file::error::FileCause;
use crate::connector::file::format::EdiSyntax;

/// How data becomes text.
#[derive(Debug, Clone, Copy)]
pub(super) struct EdiText<'a> {
    pub syntax: EdiSyntax,
    pub delimiters: Delimiters,
    /// UNB 0001, for EDIFACT.
    pub charset: &'a str,
    pub encoder: Encoder,
}

impl EdiText<'_> {
    /// The error names the element.
    pub(super) fn render(&self, segment: &Segment) -> Result<String, (String, FileCause)> {
        let mut text = segment.tag.clone();
        let used = segment.elements.iter().rposition(|element| !element.is_empty()).map_or(0, |last| last + 1);
        for (index, element) in segment.elements.iter().take(used).enumerate() {
            text.push(char::from(self.delimiters.element));
            for (number, components) in element.repetitions.iter().enumerate() {
                if let Some(separator) = self.delimiters.repetition.filter(|_| number > 0) {
                    text.push(char::from(separator));
                }
                let used = components.iter().rposition(|part| !part.is_empty()).map_or(0, |last| last + 1);
                for (number, part) in components.iter().take(used).enumerate() {
                    if number > 0 {
                        text.push(char::from(self.delimiters.component));
                    }
                    self.data(part, &mut text).map_err(|cause| (format!("{}.{:02}", segment.tag, index + 1), cause))?;
                }
            }
        }
        text.push(char::from(self.delimiters.terminator));
        Ok(text)
    }

    fn data(&self, part: &str, text: &mut String) -> Result<(), FileCause> {
        let part = self.encoder.prepare(part)?;
        for character in part.chars() {
            if character.is_control() {
                return Err(FileCause::ControlCharacter { code: u32::from(character) });
            }
            let separates = u8::try_from(character).is_ok_and(|byte| self.delimiters.is_delimiter(byte));
            match (separates, self.delimiters.release, self.encoder.unmappable) {
                (false, _, _) => text.push(self.allowed(character)?),
                (true, Some(release), _) => {
                    text.push(char::from(release));
                    text.push(character);
                }
                (true, None, Unmappable::Replace(replacement))
                    if !u8::try_from(replacement).is_ok_and(|byte| self.delimiters.is_delimiter(byte)) =>
                {
                    text.push(self.allowed(replacement)?);
                }
                (true, None, Unmappable::Fail | Unmappable::Transliterate | Unmappable::Replace(_)) => {
                    return Err(EdiCause::Unescapable { character, syntax: self.syntax.name() }.into());
                }
            }
        }
        Ok(())
    }

    fn allowed(&self, character: char) -> Result<char, FileCause> {
        let repertoire = match self.syntax {
            EdiSyntax::X12 => return Ok(character),
            EdiSyntax::Edifact => Repertoire::of(self.charset, self.encoder.encoding),
        };
        match repertoire {
            Some(repertoire) if repertoire.has(character, false) => Ok(character),
            Some(_) => Err(EdiCause::Repertoire { syntax: self.charset.to_owned(), character }.into()),
            None => {
                let encoding = self.encoder.encoding.name();
                Err(EdiCause::Charset { syntax: self.charset.to_owned(), encoding }.into())
            }
        }
    }
}
