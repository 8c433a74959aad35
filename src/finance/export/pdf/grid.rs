//! Tables that run over pages: a header on each, amounts to the right and never broken, texts wrapped.
//!
//! Not here: what stands in them.

use super::flow::{Flow, INNER, Ink, LEFT, Mark, wrap};
use super::typeface::Weight;

const PADDING: i32 = 400;
/// Sizes that are tried, until amounts fit beside texts.
const SIZES: [i32; 5] = [800, 700, 600, 500, 400];
/// The least that a column of texts needs.
const NARROWEST: i32 = 4800;
/// A text that needs more lines is shortened: the whole of it is in the other formats.
const MOST_LINES: usize = 6;

pub(super) struct Column {
    pub(super) heading: String,
    /// Share of the width that amounts leave; 0 is a column of amounts.
    pub(super) share: i32,
}

pub(super) fn words(heading: &str, share: i32) -> Column {
    Column { heading: heading.to_owned(), share }
}

pub(super) fn amounts(heading: &str) -> Column {
    Column { heading: heading.to_owned(), share: 0 }
}

#[derive(Debug, Clone)]
pub(super) struct Row {
    /// In a column of amounts, lines are divided by `\n`.
    pub(super) cells: Vec<String>,
    pub(super) strong: bool,
}

impl Row {
    pub(super) fn plain(cells: Vec<String>) -> Row {
        Row { cells, strong: false }
    }

    pub(super) fn strong(cells: Vec<String>) -> Row {
        Row { cells, strong: true }
    }
}

struct Layout {
    widths: Vec<i32>,
    size: i32,
}

/// Draws a table; one without rows says so.
pub(super) fn grid(flow: &mut Flow<'_>, columns: &[Column], rows: &[Row]) {
    if rows.is_empty() {
        flow.paragraph("None.", 800, Weight::Regular, Ink::Grey);
        return;
    }
    let layout = layout(flow, columns, rows);
    let header = Row::strong(columns.iter().map(|column| column.heading.clone()).collect());
    let header = lines(flow, columns, &header, &layout);
    draw(flow, columns, &header, &layout, Look::Header);
    for (at, row) in rows.iter().enumerate() {
        let broken = lines(flow, columns, row, &layout);
        // A total is not left alone on the next page.
        let total = rows.get(at + 1).filter(|next| next.strong && !row.strong);
        let after = total.map_or(0, |next| height(&lines(flow, columns, next, &layout), &layout));
        if !flow.fits(height(&broken, &layout) + after) {
            flow.next_page();
            draw(flow, columns, &header, &layout, Look::Header);
        }
        draw(flow, columns, &broken, &layout, if row.strong { Look::Strong } else { Look::Plain });
    }
}

/// Columns of amounts as wide as their widest, texts share the rest.
fn layout(flow: &Flow<'_>, columns: &[Column], rows: &[Row]) -> Layout {
    let natural = |at: usize, size: i32| {
        let face = flow.faces.of(Weight::Bold);
        let cells = rows.iter().filter_map(|row| row.cells.get(at)).flat_map(|cell| cell.lines());
        let heading = columns.get(at).map(|column| column.heading.as_str());
        cells.chain(heading).map(|line| face.width(line, size)).max().unwrap_or(0) + 2 * PADDING
    };
    let mut best = Layout { widths: Vec::new(), size: SIZES[0] };
    for size in SIZES {
        let fixed: Vec<i32> =
            columns.iter().enumerate().map(|(at, c)| if c.share == 0 { natural(at, size) } else { 0 }).collect();
        let rest = INNER - fixed.iter().sum::<i32>();
        let shares = columns.iter().map(|column| column.share).sum::<i32>().max(1);
        let texts = columns.iter().filter(|column| column.share > 0).count() as i32;
        let widths = columns
            .iter()
            .zip(fixed)
            .map(|(column, width)| if column.share == 0 { width } else { rest * column.share / shares });
        best = Layout { widths: widths.collect(), size };
        if rest >= texts * NARROWEST {
            break;
        }
    }
    best
}

fn lines(flow: &Flow<'_>, columns: &[Column], row: &Row, layout: &Layout) -> Vec<Vec<String>> {
    let weight = if row.strong { Weight::Bold } else { Weight::Regular };
    let cell = |((cell, column), width): ((&String, &Column), &i32)| {
        if column.share == 0 {
            return cell.lines().map(|line| flow.faces.of(weight).shown(line).into_owned()).collect();
        }
        let mut lines = wrap(flow.faces, cell, weight, layout.size, (width - 2 * PADDING).max(1));
        if lines.len() > MOST_LINES {
            lines.truncate(MOST_LINES);
            if let Some(last) = lines.last_mut() {
                last.pop();
                last.push('…');
            }
        }
        lines
    };
    row.cells.iter().zip(columns).zip(&layout.widths).map(cell).collect()
}

fn height(lines: &[Vec<String>], layout: &Layout) -> i32 {
    let most = lines.iter().map(Vec::len).max().unwrap_or(1).max(1) as i32;
    most * layout.size * 5 / 4 + PADDING
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Header,
    Plain,
    Strong,
}

fn draw(flow: &mut Flow<'_>, columns: &[Column], cells: &[Vec<String>], layout: &Layout, look: Look) {
    let (height, top) = (height(cells, layout), flow.y);
    match look {
        Look::Header => flow.mark(Mark::Area { x: LEFT, y: top, width: INNER, height, ink: Ink::Shade }),
        Look::Strong => flow.mark(Mark::Area { x: LEFT, y: top, width: INNER, height: 75, ink: Ink::Black }),
        Look::Plain => {}
    }
    let weight = if look == Look::Plain { Weight::Regular } else { Weight::Bold };
    let mut x = LEFT;
    for ((lines, column), width) in cells.iter().zip(columns).zip(&layout.widths) {
        for (number, line) in lines.iter().enumerate() {
            let y = top + PADDING / 2 + layout.size + number as i32 * layout.size * 5 / 4;
            let indent = match column.share {
                0 => width - PADDING - flow.faces.of(weight).width(line, layout.size),
                _ => PADDING,
            };
            flow.mark(Mark::Text { x: x + indent, y, size: layout.size, weight, ink: Ink::Black, text: line.clone() });
        }
        x += width;
    }
    flow.y += height;
    flow.mark(Mark::Area { x: LEFT, y: flow.y, width: INNER, height: 30, ink: Ink::Line });
}
