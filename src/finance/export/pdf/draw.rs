//! From marks to the PDF's bytes.
//!
//! Not here: where marks stand.

use krilla::Document;
use krilla::SerializeSettings;
use krilla::color::rgb;
use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::surface::Surface;

use crate::model::Date;

use super::flow::{HEIGHT, Ink, Mark, WIDTH};
use super::typeface::{Faces, float};

/// Lengths are hundredths of a point.
const PARTS: i32 = 100;

/// What a PDF says of itself.
pub(super) struct About {
    pub(super) title: String,
    /// The report's hash: the document's identity, too.
    pub(super) sha256: String,
    pub(super) day: Option<Date>,
}

/// The bytes, or why the pages cannot be written.
pub(super) fn draw(faces: &Faces, pages: &[Vec<Mark>], about: About) -> Result<Vec<u8>, String> {
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A2_B)
        .finish()
        .map_err(|error| format!("{error:?}"))?;
    let mut document = Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
    let settings = PageSettings::from_wh(float(WIDTH, PARTS), float(HEIGHT, PARTS)).ok_or("no page size")?;
    for marks in pages {
        let mut page = document.start_page_with(settings.clone());
        let mut surface = page.surface();
        for mark in marks {
            stroke(&mut surface, faces, mark)?;
        }
        surface.finish();
        page.finish();
    }
    document.set_metadata(metadata(about));
    document.finish().map_err(|error| format!("{error:?}"))
}

fn metadata(about: About) -> Metadata {
    let metadata = Metadata::new()
        .title(about.title)
        .creator("Syncline".to_owned())
        .language("en".to_owned())
        .document_id(about.sha256);
    match about.day.map(Date::civil) {
        Some(day) => metadata.creation_date(
            DateTime::new(day.year().unsigned_abs())
                .month(day.month().unsigned_abs())
                .day(day.day().unsigned_abs())
                .hour(0)
                .minute(0)
                .second(0)
                .utc_offset_hour(0)
                .utc_offset_minute(0),
        ),
        None => metadata,
    }
}

fn colour(ink: Ink) -> rgb::Color {
    match ink {
        Ink::Black => rgb::Color::new(20, 24, 28),
        Ink::Grey => rgb::Color::new(95, 104, 112),
        Ink::Line => rgb::Color::new(208, 213, 218),
        Ink::Shade => rgb::Color::new(232, 237, 242),
        Ink::Alarm => rgb::Color::new(170, 20, 20),
    }
}

fn stroke(surface: &mut Surface<'_>, faces: &Faces, mark: &Mark) -> Result<(), String> {
    let fill = |ink| Some(Fill { paint: colour(ink).into(), ..Fill::default() });
    match mark {
        Mark::Text { x, y, size, weight, ink, text } => {
            let face = faces.of(*weight);
            let text = face.shown(text);
            surface.set_fill(fill(*ink));
            let start = Point::from_xy(float(*x, PARTS), float(*y, PARTS));
            surface.draw_glyphs(start, &face.glyphs(&text), face.font.clone(), &text, float(*size, PARTS), false);
        }
        Mark::Area { x, y, width, height, ink } => {
            let [x, y, width, height] = [x, y, width, height].map(|length| float(*length, PARTS));
            let mut path = PathBuilder::new();
            path.push_rect(Rect::from_xywh(x, y, width, height).ok_or("an area without size")?);
            surface.set_fill(fill(*ink));
            surface.draw_path(&path.finish().ok_or("an empty path")?);
        }
    }
    Ok(())
}
