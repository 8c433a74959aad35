//! The embedded typeface: Latin, Greek, Cyrillic; digits of one width. What it lacks is shown as U+FFFD.
//!
//! Lengths are integers, in hundredths of a point. Not here: lines and pages.

use std::borrow::Cow;

use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};
use unicode_normalization::UnicodeNormalization;

const REGULAR: &[u8] = include_bytes!("fonts/NotoSans-Regular-subset.ttf");
const BOLD: &[u8] = include_bytes!("fonts/NotoSans-Bold-subset.ttf");
const REPLACEMENT: char = '\u{fffd}';
/// Of this typeface's em.
const UNITS_PER_EM: i32 = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

/// The typeface in one weight.
pub(super) struct Face {
    data: FontRef<'static>,
    pub(super) font: Font,
}

/// Both weights.
pub(super) struct Faces {
    regular: Face,
    bold: Face,
}

impl Faces {
    /// Nothing if the embedded files are damaged.
    pub(super) fn load() -> Option<Faces> {
        Some(Faces { regular: Face::load(REGULAR)?, bold: Face::load(BOLD)? })
    }

    pub(super) fn of(&self, weight: Weight) -> &Face {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        }
    }
}

impl Face {
    fn load(bytes: &'static [u8]) -> Option<Face> {
        Some(Face { data: FontRef::new(bytes).ok()?, font: Font::new(bytes.to_vec().into(), 0)? })
    }

    /// The text as it can be shown: composed, on one line, nothing in it that has no glyph.
    pub(super) fn shown<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Cow::Borrowed(text);
        }
        let map = self.data.charmap();
        let show = |character: char| match character {
            character if character.is_control() => ' ',
            character if map.map(character).is_some() => character,
            _ => REPLACEMENT,
        };
        Cow::Owned(text.nfc().map(show).collect())
    }

    fn advance(&self, character: char) -> (u32, i32) {
        let glyph = self.data.charmap().map(character).unwrap_or_default();
        let metrics = self.data.glyph_metrics(Size::unscaled(), LocationRef::default());
        (glyph.to_u32(), metrics.advance_width(glyph).unwrap_or_default() as i32)
    }

    /// How wide a text is at this size.
    pub(super) fn width(&self, text: &str, size: i32) -> i32 {
        let units: i32 = self.shown(text).chars().map(|character| self.advance(character).1).sum();
        units.saturating_mul(size) / UNITS_PER_EM
    }

    /// The glyphs of a text that is `shown`.
    pub(super) fn glyphs(&self, text: &str) -> Vec<KrillaGlyph> {
        let glyph = |(at, character): (usize, char)| {
            let (glyph, advance) = self.advance(character);
            let range = at..at + character.len_utf8();
            KrillaGlyph::new(GlyphId::new(glyph), float(advance, UNITS_PER_EM), 0.0, 0.0, 0.0, range, None)
        };
        text.char_indices().map(glyph).collect()
    }
}

/// Pages are measured in floating point; all of our arithmetic is done before, in integers.
#[allow(clippy::float_arithmetic)] // lengths on paper, never amounts
pub(super) fn float(value: i32, parts: i32) -> f32 {
    value as f32 / parts as f32
}
