//! Pages being filled from top to bottom with marks: texts, lines, shaded areas.
//!
//! Lengths are hundredths of a point from the top left corner. Not here: the PDF's syntax, tables.

use super::typeface::{Faces, Weight};

/// A4.
pub(super) const WIDTH: i32 = 59528;
pub(super) const HEIGHT: i32 = 84189;
pub(super) const LEFT: i32 = 4200;
pub(super) const INNER: i32 = WIDTH - 2 * LEFT;
const TOP: i32 = 6000;
/// The foot of a page (hash, signatures, number) begins here.
pub(super) const BOTTOM: i32 = HEIGHT - 6600;

/// How dark: parts of 255.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    Black,
    Grey,
    Line,
    Shade,
    Alarm,
}

#[derive(Debug, Clone)]
pub(super) enum Mark {
    /// `y` is the baseline.
    Text {
        x: i32,
        y: i32,
        size: i32,
        weight: Weight,
        ink: Ink,
        text: String,
    },
    Area {
        x: i32,
        y: i32,
        width: i32,
        height: i32,
        ink: Ink,
    },
}

/// Pages so far, the last one open.
pub(super) struct Flow<'f> {
    pub(super) faces: &'f Faces,
    pub(super) pages: Vec<Vec<Mark>>,
    /// Where the next thing begins.
    pub(super) y: i32,
}

impl<'f> Flow<'f> {
    pub(super) fn new(faces: &'f Faces) -> Flow<'f> {
        Flow { faces, pages: vec![Vec::new()], y: TOP }
    }

    pub(super) fn mark(&mut self, mark: Mark) {
        if let Some(page) = self.pages.last_mut() {
            page.push(mark);
        }
    }

    pub(super) fn fits(&self, height: i32) -> bool {
        self.y + height <= BOTTOM
    }

    pub(super) fn next_page(&mut self) {
        self.pages.push(Vec::new());
        self.y = TOP;
    }

    /// A new page unless this much is left of the present one.
    pub(super) fn need(&mut self, height: i32) {
        if !self.fits(height) {
            self.next_page();
        }
    }

    /// A heading that is not left alone at a page's end.
    pub(super) fn heading(&mut self, text: &str) {
        self.y += 1600;
        self.need(7000);
        let (x, y) = (LEFT, self.y + 1200);
        self.mark(Mark::Text { x, y, size: 1200, weight: Weight::Bold, ink: Ink::Black, text: text.to_owned() });
        self.y += 2000;
    }

    /// A paragraph over the page's width.
    pub(super) fn paragraph(&mut self, text: &str, size: i32, weight: Weight, ink: Ink) {
        for line in wrap(self.faces, text, weight, size, INNER) {
            self.need(size * 3 / 2);
            let y = self.y + size;
            self.mark(Mark::Text { x: LEFT, y, size, weight, ink, text: line });
            self.y += size * 7 / 5;
        }
    }
}

/// Lines that fit; a word that is wider than a line is broken.
pub(super) fn wrap(faces: &Faces, text: &str, weight: Weight, size: i32, width: i32) -> Vec<String> {
    let face = faces.of(weight);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in face.shown(text).split(' ') {
        let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if face.width(&longer, size) <= width {
            line = longer;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for character in word.chars() {
            line.push(character);
            if line.chars().count() > 1 && face.width(&line, size) > width {
                line.pop();
                lines.push(std::mem::replace(&mut line, character.to_string()));
            }
        }
    }
    lines.push(line);
    lines
}
