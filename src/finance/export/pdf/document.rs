//! What the printed report holds: cover, tie-out, aging, breaks, what is open for now, roll-forward, signatures.
//!
//! Not here: line and page breaks.

use crate::model::Date;
use crate::recon::report::{OpenItem, Report, RunStatus};

use super::super::error::ExportError;
use super::super::section::Section;
use super::super::signature::Signature;
use super::super::table::{Cell, Table, Total, Value};
use super::super::tables::{per_cent, status};
use super::super::write::too_large;
use super::draw::{About, draw};
use super::flow::{BOTTOM, Flow, INNER, Ink, LEFT, Mark, WIDTH};
use super::grid::{Column, Row, amounts, grid, words};
use super::typeface::{Faces, Weight};

/// The PDF's bytes.
pub(in super::super) fn document(
    report: &Report,
    tables: &[Table],
    sha256: &str,
    signatures: &[Signature],
) -> Result<Vec<u8>, ExportError> {
    let layout = |cause: String| ExportError::Layout {
        reconciliation: report.cover.reconciliation.clone(),
        format: "PDF",
        cause,
    };
    let faces = Faces::load().ok_or_else(|| layout("the embedded typeface is damaged".to_owned()))?;
    let mut flow = Flow::new(&faces);
    cover(&mut flow, report, sha256, signatures);
    for table in tables {
        let totals = || table.sums().ok_or_else(|| too_large(report, "PDF"));
        match table.section {
            Section::TieOut => lines(&mut flow, "Tie-out", table, &totals()?),
            Section::Aging => aging(&mut flow, report, table, &totals()?),
            Section::Breaks => open(&mut flow, "Breaks", &report.breaks, &totals()?),
            Section::InFlight => open(&mut flow, "In flight", &report.in_flight, &totals()?),
            Section::Timing => open(&mut flow, "Timing", &report.timing, &totals()?),
            Section::RollForward => lines(&mut flow, "Roll-forward of open items", table, &totals()?),
            Section::Cover
            | Section::Inputs
            | Section::Findings
            | Section::Payouts
            | Section::Matches
            | Section::Heals
            | Section::Excluded
            | Section::Rejected
            | Section::Signatures => {}
        }
    }
    signed(&mut flow, signatures);
    feet(&mut flow, report, sha256, signatures);
    let about = About {
        title: report.cover.title.clone(),
        sha256: sha256.to_owned(),
        day: report.cover.as_of.get(..10).and_then(|day| Date::parse(day).ok()),
    };
    draw(&faces, &flow.pages, about).map_err(layout)
}

fn cover(flow: &mut Flow<'_>, report: &Report, sha256: &str, signatures: &[Signature]) {
    let (cover, figures) = (&report.cover, &report.figures);
    flow.paragraph(&cover.entity, 1000, Weight::Regular, Ink::Grey);
    flow.paragraph(&cover.title, 2000, Weight::Bold, Ink::Black);
    let [from, to] = &cover.period;
    let period = if from.is_empty() { "all that the files hold".to_owned() } else { format!("{from} to {to}") };
    flow.paragraph(&format!("{period} ({})", cover.zone), 1100, Weight::Regular, Ink::Black);
    let ink = if cover.status == RunStatus::Complete { Ink::Black } else { Ink::Alarm };
    flow.paragraph(&format!("Status: {}", status(cover.status)), 1100, Weight::Bold, ink);
    flow.y += 800;
    let signed = match signatures.len() {
        0 => "not signed".to_owned(),
        count => format!("{count}, on the last page"),
    };
    let tolerated: Vec<String> =
        figures.tolerated.iter().map(|amount| format!("{} {}", amount.decimal, amount.unit)).collect();
    let facts = [
        ("Reconciliation", format!("{} ({})", cover.reconciliation, cover.kind)),
        ("Side A", cover.sides[0].clone()),
        ("Side B", cover.sides[1].clone()),
        ("As of", format!("{}, known at {}", cover.as_of, cover.known_at)),
        ("Rules", cover.rules.clone()),
        ("Rows", format!("{} of side A, {} of side B", figures.rows[0], figures.rows[1])),
        ("Matched without a person", per_cent(figures.auto_matched_ppm)),
        ("Open breaks", report.breaks.len().to_string()),
        ("Matched late", figures.late.to_string()),
        ("Tolerated variances", if tolerated.is_empty() { "none".to_owned() } else { tolerated.join(", ") }),
        ("Signatures", signed),
        ("SHA-256 of the report", sha256.to_owned()),
    ];
    let rows: Vec<Row> = facts.into_iter().map(|(name, value)| Row::plain(vec![name.to_owned(), value])).collect();
    grid(flow, &[words("Report", 1), words("", 3)], &rows);
    if !cover.findings.is_empty() {
        flow.heading("Findings");
        let line = |finding: &crate::recon::report::RunFinding| {
            Row::plain(vec![finding.code.clone(), finding.text.clone(), finding.next.clone()])
        };
        let rows: Vec<Row> = cover.findings.iter().map(line).collect();
        grid(flow, &[words("Code", 2), words("What", 3), words("What to do", 3)], &rows);
    }
    flow.heading("Inputs");
    let line = |input: &crate::recon::report::Input| {
        let cells = [&input.side, &input.source, &input.controls.join("; "), &input.sha256].map(String::clone);
        let mut cells = cells.to_vec();
        cells.insert(2, input.rows.to_string());
        Row::plain(cells)
    };
    let rows: Vec<Row> = cover.inputs.iter().map(line).collect();
    grid(
        flow,
        &[amounts("Side"), words("Source", 3), amounts("Rows"), words("Controls", 3), words("SHA-256", 4)],
        &rows,
    );
}

/// As people read it, thousands apart: `1,250.00`.
fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) => text.clone(),
        Cell::Number(number) => grouped(&number.to_string()),
        Cell::Date(date) => date.to_string(),
        Cell::Amount(value) => money(*value),
    }
}

fn money(value: Value) -> String {
    grouped(&value.decimal())
}

/// Digits before the point in threes, with commas between.
fn grouped(decimal: &str) -> String {
    let (sign, unsigned) = decimal.strip_prefix('-').map_or(("", decimal), |unsigned| ("-", unsigned));
    let (whole, fraction) = unsigned.split_at(unsigned.find('.').unwrap_or(unsigned.len()));
    let mut out = sign.to_owned();
    for (at, digit) in whole.char_indices() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out + fraction
}

/// A table whose first column is the unit: one grid per unit, and its residual.
fn lines(flow: &mut Flow<'_>, title: &str, table: &Table, totals: &[Total]) {
    if totals.is_empty() {
        flow.heading(title);
        grid(flow, &[], &[]);
    }
    for total in totals {
        flow.heading(&format!("{title}, {}", total.unit));
        let unit = Cell::Text(total.unit.as_str().to_owned());
        let columns: Vec<Column> = table
            .columns
            .iter()
            .skip(1)
            .map(|column| {
                let heading = column.name.replace('_', " ");
                if column.summed { amounts(&heading) } else { words(&heading, 1) }
            })
            .collect();
        let cells = |row: &[Cell]| row.iter().skip(1).map(shown).collect();
        let mut rows: Vec<Row> =
            table.rows.iter().filter(|row| row.first() == Some(&unit)).map(|row| Row::plain(cells(row))).collect();
        rows.push(Row::strong(cells(&total.cells)));
        grid(flow, &columns, &rows);
    }
}

/// Amounts with their counts below.
fn aging(flow: &mut Flow<'_>, report: &Report, table: &Table, totals: &[Total]) {
    let mut first = 0;
    for aging in &report.aging {
        flow.heading(&format!("Aging by {}, in days", aging.from));
        let mut columns = vec![words("code", 2), words("unit", 1)];
        let names = table.columns.iter().skip(4).step_by(2);
        columns.extend(names.map(|column| amounts(column.name.trim_start_matches("amount_"))));
        let cells = |row: &[Cell]| {
            let mut cells: Vec<String> = row.iter().take(3).skip(1).map(shown).collect();
            let empty = |count: &Cell| matches!(count, Cell::Empty | Cell::Number(0));
            cells.extend(row[3.min(row.len())..].chunks(2).map(|pair| match pair {
                [count, amount] if !empty(count) => format!("{}\n{} ×", shown(amount), shown(count)),
                _ => String::new(),
            }));
            cells
        };
        let rows = table.rows.iter().skip(first).take(aging.rows.len());
        let mut rows: Vec<Row> = rows.map(|row| Row::plain(cells(row))).collect();
        first += aging.rows.len();
        rows.extend(totals.iter().map(|total| {
            let mut cells = cells(&total.cells);
            if let Some(label) = cells.first_mut() {
                *label = table.label().to_owned();
            }
            Row::strong(cells)
        }));
        grid(flow, &columns, &rows);
    }
}

fn open(flow: &mut Flow<'_>, title: &str, items: &[OpenItem], totals: &[Total]) {
    flow.heading(&format!("{title} ({})", items.len()));
    let columns = [
        words("what", 5),
        words("key", 4),
        words("since", 3),
        words("due", 3),
        amounts("days"),
        words("unit", 2),
        amounts("side A"),
        amounts("side B"),
        amounts("variance"),
    ];
    let mut rows = Vec::new();
    for item in items {
        let mut what = item.code.clone().unwrap_or_else(|| item.bucket.clone());
        for more in [&item.sub_cause, &item.carried_by].into_iter().flatten() {
            what = format!("{what}, {more}");
        }
        let start = [
            what,
            item.key.clone().unwrap_or_else(|| item.id.clone()),
            item.event_date.clone().unwrap_or_default(),
            item.due_date.clone().unwrap_or_default(),
            item.age_days.map(|days| days.to_string()).unwrap_or_default(),
        ];
        let none = [const { String::new() }; 4];
        for amounts in &item.amounts {
            let [a, b, variance] = [&amounts.a, &amounts.b, &amounts.variance].map(|amount| grouped(&amount.decimal));
            rows.push(Row::plain([start.to_vec(), vec![amounts.a.unit.clone(), a, b, variance]].concat()));
        }
        if item.amounts.is_empty() {
            rows.push(Row::plain([start.as_slice(), none.as_slice()].concat()));
        }
    }
    rows.extend(totals.iter().map(|total| {
        let mut cells: Vec<String> =
            vec!["total".to_owned(), String::new(), String::new(), String::new(), String::new()];
        cells.push(total.unit.as_str().to_owned());
        cells.extend(total.cells.iter().filter(|cell| matches!(cell, Cell::Amount(_))).map(shown));
        Row::strong(cells)
    }));
    grid(flow, &columns, &rows);
}

fn signed(flow: &mut Flow<'_>, signatures: &[Signature]) {
    flow.heading("Signatures");
    let line = |signature: &Signature| {
        let role = signature.role.as_str().to_owned();
        let rest = [&signature.actor, &signature.at, &signature.note, &signature.sha256].map(String::clone);
        Row::plain([vec![role], rest.to_vec()].concat())
    };
    let rows: Vec<Row> = signatures.iter().map(line).collect();
    let columns =
        [words("as", 2), words("who", 2), words("when", 4), words("what was checked", 5), words("SHA-256", 5)];
    grid(flow, &columns, &rows);
}

/// On every page: what it belongs to, who signed it, its number.
fn feet(flow: &mut Flow<'_>, report: &Report, sha256: &str, signatures: &[Signature]) {
    let total = flow.pages.len();
    let by = |signature: &Signature| format!("{} {} {}", signature.role.as_str(), signature.actor, signature.at);
    let signed = match signatures {
        [] => "not signed".to_owned(),
        some => format!("signed: {}", some.iter().map(by).collect::<Vec<_>>().join(" · ")),
    };
    let (regular, size) = (flow.faces.of(Weight::Regular), 700);
    let signed = shortened(signed, |text| regular.width(text, size) <= INNER);
    let title = format!("{} · {}", report.cover.title, report.cover.entity);
    let title = shortened(title, |text| regular.width(text, size) <= INNER - 8000);
    for (number, page) in flow.pages.iter_mut().enumerate() {
        let numbered = format!("page {} of {total}", number + 1);
        let mut text = |x: i32, y: i32, text: &str| {
            let text = text.to_owned();
            page.push(Mark::Text { x, y: BOTTOM + y, size, weight: Weight::Regular, ink: Ink::Grey, text });
        };
        text(LEFT, 2000, &title);
        text(WIDTH - LEFT - regular.width(&numbered, size), 2000, &numbered);
        text(LEFT, 3000, &format!("SHA-256 {sha256}"));
        text(LEFT, 4000, &signed);
        page.push(Mark::Area { x: LEFT, y: BOTTOM + 1000, width: INNER, height: 40, ink: Ink::Line });
    }
}

fn shortened(mut text: String, fits: impl Fn(&str) -> bool) -> String {
    if fits(&text) {
        return text;
    }
    while text.pop().is_some() {
        let shorter = format!("{text}…");
        if fits(&shorter) {
            return shorter;
        }
    }
    text
}
