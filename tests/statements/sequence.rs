//! Statements that follow each other: within a file and from file to file.

use syncline::connector::file::FileSummary;
use syncline::connector::file::error::Disposition;
use syncline::connector::file::format::{Numbering, StatementSyntax};

use super::support::{mt940, read_after, read_all, refused, statement};

/// One statement without entries; day `YYMMDD`.
fn quiet(account: &str, number: &str, day: &str, balance: &str) -> String {
    format!(":20:X\n:25:{account}\n:28C:{number}\n:60F:C{day}EUR{balance}\n:62F:C{day}EUR{balance}\n-\n")
}

#[test]
fn numbers_are_without_gaps_per_account_and_start_again_with_the_year() {
    let good = [
        quiet("A", "365/1", "261231", "1,"),
        quiet("B", "9/1", "261231", "7,"),
        quiet("A", "1/1", "270104", "1,"),
        quiet("A", "2/1", "270105", "1,"),
        quiet("B", "10/1", "270105", "7,"),
    ];
    assert!(read_all(&mt940(), good.concat().as_bytes()).is_ok());
    let gap = quiet("A", "1/1", "261230", "1,") + quiet("A", "3/1", "261231", "1,").as_str();
    refused(&mt940(), gap.as_bytes(), "after statement 2026-1 of A comes 2026-3: there is a gap");
    let again = quiet("A", "1/1", "261230", "1,") + quiet("A", "1/1", "261231", "1,").as_str();
    refused(&mt940(), again.as_bytes(), "statement 2026-1 of A is in the file twice");
    let other = quiet("A", "1/1", "261230", "1,") + quiet("A", "2/1", "261231", "2,").as_str();
    refused(&mt940(), other.as_bytes(), "opens with 2, the one before closed with 1, difference 1");
    refused(&mt940(), quiet("A", "1/2", "261230", "1,").as_bytes(), "page 1 was due");
}

#[test]
fn banks_that_do_not_number_are_told_apart_by_day() {
    let spec = statement(StatementSyntax::Mt940 { terminated: true }, Numbering::None);
    let days = quiet("A", "0/0", "261230", "1,") + quiet("A", "0/0", "261231", "1,").as_str();
    assert!(read_all(&spec, days.as_bytes()).is_ok());
    let same = quiet("A", "0/0", "261230", "1,").repeat(2);
    refused(&spec, same.as_bytes(), "statement 2026-12-30 of A is in the file twice");
}

#[test]
fn numbered_files_follow_each_other() {
    let spec = statement(StatementSyntax::Mt940 { terminated: true }, Numbering::Files);
    assert!(spec.numbers_files());
    let after = |text: &str, previous: Option<u64>| {
        read_after(&spec, text.as_bytes(), previous).map(|(_, summary): (_, FileSummary)| summary.sequence)
    };
    let file = quiet("A", "7/1", "261230", "1,") + quiet("A", "8/1", "261231", "1,").as_str();
    assert_eq!(after(&file, None).unwrap(), Some(2_026_000_008));
    assert_eq!(after(&file, Some(2_026_000_006)).unwrap(), Some(2_026_000_008));
    for previous in [2_026_000_005, 2_026_000_007, 2_026_000_008, 2_025_000_005] {
        let error = after(&file, Some(previous)).unwrap_err();
        assert!(error.to_string().contains("expected sequence number"), "{error}");
        assert_eq!(error.disposition(), Disposition::Hold);
    }
    let first = quiet("A", "1/1", "270104", "1,");
    assert_eq!(after(&first, Some(2_026_000_253)).unwrap(), Some(2_027_000_001));
    let mixed = quiet("A", "1/1", "270104", "1,") + quiet("B", "1/1", "270104", "1,").as_str();
    refused(&spec, mixed.as_bytes(), "the file holds statements of A and B");
}

#[test]
fn a_last_statement_without_its_end_is_cut_unless_the_bank_leaves_it_out() {
    let text = quiet("A", "1/1", "261230", "1,");
    let open = text.strip_suffix("-\n").unwrap();
    refused(&mt940(), open.as_bytes(), "the file ends before `-` (the statement's end)");
    let spec = statement(StatementSyntax::Mt940 { terminated: false }, Numbering::Statements);
    assert!(read_all(&spec, open.as_bytes()).is_ok());
}
