//! The PDF, as another program reads it. Not here: how it looks; that is for eyes.

use std::ffi::OsStr;

use syncline::finance::export::{Format, fingerprint};
use syncline::recon::report::Report;

use crate::made::{export, long, usual};
use crate::programs::{program, run};

/// The pages' texts.
fn pages(report: &Report) -> Option<Vec<String>> {
    let reader = program("pdftotext", "poppler-utils")?;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.pdf");
    std::fs::write(&file, export(report, Format::Pdf)).unwrap();
    // For eyes: SYNCLINE_EXPORTS names a folder for samples.
    if let Some(samples) = std::env::var_os("SYNCLINE_EXPORTS").map(std::path::PathBuf::from) {
        for (ending, format) in [("pdf", Format::Pdf), ("xlsx", Format::Xlsx)] {
            let name = format!("{}-breaks.{ending}", report.breaks.len());
            std::fs::write(samples.join(name), export(report, format)).unwrap();
        }
    }
    let arguments = [OsStr::new("-layout"), file.as_os_str(), OsStr::new("-")];
    let text = String::from_utf8(run(&reader, &arguments, folder.path())).unwrap();
    let mut pages: Vec<String> = text.split('\u{c}').map(str::to_owned).collect();
    assert_eq!(pages.pop().as_deref(), Some(""));
    Some(pages)
}

/// The line's words after these.
fn after<'t>(text: &'t str, start: &[&str]) -> Vec<Vec<&'t str>> {
    let words = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    words.filter(|words| words.starts_with(start)).map(|words| words[start.len()..].to_vec()).collect()
}

#[test]
fn printed_totals_are_the_engines() {
    let report = usual();
    let Some(pages) = pages(&report) else { return };
    let text = pages.concat();
    let plain = |amount: &str| amount.replace(',', "");
    let totals = after(&text, &["total"]);
    for bridge in &report.tie_out {
        let total = &bridge.lines[0];
        let printed = [
            total.count_a.to_string(),
            total.amount_a.decimal.clone(),
            total.count_b.to_string(),
            total.amount_b.decimal.clone(),
            total.difference.decimal.clone(),
        ];
        assert!(
            totals.iter().any(|words| words.iter().map(|w| plain(w)).eq(printed.clone())),
            "{printed:?} in {totals:?}"
        );
    }
    for residual in after(&text, &["residual", "(must", "be", "0)"]) {
        assert!(residual.iter().all(|word| word.bytes().all(|byte| b"0.".contains(&byte))), "{residual:?}");
    }
    assert_eq!(after(&text, &["residual"]).len(), 3 + 1);
    // Greek, Cyrillic, Latin with marks; what the typeface lacks has a sign of its own.
    assert!(text.contains("Ωμέγα Жук") && text.contains("\u{fffd}\u{fffd}") && text.contains("Жанна"), "{text}");
}

#[test]
fn every_page_has_the_hash_the_signers_its_number_and_the_tables_header() {
    let report = long();
    let Some(pages) = pages(&report) else { return };
    let hash = fingerprint(&report).unwrap();
    assert!(pages.len() >= 5, "{} pages", pages.len());
    for (at, page) in pages.iter().enumerate() {
        assert!(page.contains(&hash) && page.contains("preparer maria") && page.contains("approver Жанна"), "{page}");
        assert!(page.contains(&format!("page {} of {}", at + 1, pages.len())), "{page}");
        if page.contains("order-") {
            assert!(page.contains("side A") && page.contains("variance"), "{page}");
        }
    }
    let listed = report.breaks.iter().all(|item| pages.iter().any(|page| page.contains(item.key.as_deref().unwrap())));
    assert!(listed, "every break is printed");
}
