//! Pick-up: completeness signals, order, claims, crashes between steps, litter.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use syncline::connector::file::drop::{
    Claim, Completeness, DropError, DropFolder, DropSpec, MarkerName, NamePattern, Offer, Scan,
};
use syncline::connector::file::totals::{ControlTotals, ControlValue, TotalCheck};
use syncline::connector::file::{Disposition, FileLimits, FileSpec, ReadContext, read};

use crate::support::csv;

struct Place {
    root: tempfile::TempDir,
    spec: DropSpec,
    start: Instant,
}

const SETTLE: Duration = Duration::from_secs(60);

fn by_marker() -> Completeness {
    Completeness::Marker { name: MarkerName::Appended(".done".to_owned()), settle: SETTLE }
}

impl Place {
    fn new(pattern: &str, completeness: Completeness) -> (Self, DropFolder) {
        let root = tempfile::tempdir().unwrap();
        let spec = DropSpec::below(root.path(), NamePattern::parse(pattern, true).unwrap(), completeness);
        let folder = DropFolder::open(spec.clone()).unwrap();
        (Self { root, spec, start: Instant::now() }, folder)
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.spec.inbox.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn scan(&self, folder: &mut DropFolder, after_s: u64) -> Scan {
        folder.scan(self.start + Duration::from_secs(after_s)).unwrap()
    }

    /// Every file below the root, by relative path.
    fn files(&self) -> Vec<String> {
        fn walk(directory: &Path, root: &Path, found: &mut Vec<String>) {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, root, found);
                } else {
                    found.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        let mut found = Vec::new();
        walk(self.root.path(), self.root.path(), &mut found);
        found.sort();
        found
    }
}

fn offered(scan: &Scan) -> Vec<&str> {
    scan.ready.iter().map(|offer| offer.name.as_str()).collect()
}

fn waiting(scan: &Scan) -> Vec<(&str, &str)> {
    scan.waiting.iter().map(|waiting| (waiting.name.as_str(), waiting.reason)).collect()
}

fn now() -> Timestamp {
    "2026-11-20T06:15:00Z".parse().unwrap()
}

fn set_modified(path: &Path, seconds: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds);
    fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

fn claim(folder: &DropFolder, offer: &Offer) -> Claim {
    folder.claim(offer).unwrap().unwrap()
}

#[test]
fn a_file_is_taken_when_its_marker_is_there_and_archived_with_it() {
    let (place, mut folder) = Place::new("*.csv", by_marker());
    set_modified(&place.put("stock.CSV", "a\n1\n"), 0);
    let scan = place.scan(&mut folder, 0);
    assert_eq!(offered(&scan), Vec::<&str>::new());
    assert_eq!(waiting(&scan), [("stock.CSV", "its marker is not there yet")]);
    place.put("stock.CSV.done", "");
    let scan = place.scan(&mut folder, 1);
    assert_eq!(offered(&scan), ["stock.CSV"]);
    let claim = claim(&folder, &scan.ready[0]);
    assert_eq!(place.files(), ["work/stock.CSV", "work/stock.CSV.done"]);
    assert_eq!(claim.size_bytes, 4);
    assert!(folder.claim(&scan.ready[0]).unwrap().is_none(), "gone for everyone else");
    folder.archive(claim, now()).unwrap();
    assert_eq!(
        place.files(),
        ["archive/2026/11/stock.CSV.20261120T061500Z", "archive/2026/11/stock.CSV.done.20261120T061500Z"]
    );
}

#[test]
fn markers_without_data_and_early_markers_wait_visibly() {
    let (place, mut folder) = Place::new("*.csv", by_marker());
    let marker = place.put("a.csv.done", "");
    set_modified(&marker, 0);
    assert_eq!(waiting(&place.scan(&mut folder, 0)), [("a.csv.done", "a marker without its data file")]);
    let data = place.put("a.csv", "a\n");
    set_modified(&data, 5);
    assert_eq!(waiting(&place.scan(&mut folder, 10)), [("a.csv", "its marker is older than the file")]);
    fs::write(&data, "a\n1\n").unwrap();
    set_modified(&data, 6);
    assert_eq!(offered(&place.scan(&mut folder, 80)), Vec::<&str>::new(), "it grew, so the wait starts again");
    assert_eq!(offered(&place.scan(&mut folder, 139)), Vec::<&str>::new());
    assert_eq!(offered(&place.scan(&mut folder, 140)), ["a.csv"]);
}

#[test]
fn a_renaming_partner_is_done_when_the_name_is_right() {
    let (place, mut folder) = Place::new("*", Completeness::Rename);
    for name in ["a.csv.tmp", "b.csv.PART", "c.csv.filepart", "d.csv"] {
        place.put(name, "x");
    }
    assert_eq!(offered(&place.scan(&mut folder, 0)), ["d.csv"]);
    fs::rename(place.spec.inbox.join("a.csv.tmp"), place.spec.inbox.join("a.csv")).unwrap();
    assert_eq!(offered(&place.scan(&mut folder, 1)), ["a.csv", "d.csv"]);
}

#[test]
fn a_growing_file_is_taken_once_it_stands_still() {
    let (place, mut folder) = Place::new("*.csv", Completeness::Stable(Duration::from_secs(10)));
    place.put("a.csv", "1");
    assert_eq!(waiting(&place.scan(&mut folder, 0)), [("a.csv", "it may still be growing")]);
    place.put("a.csv", "12");
    assert_eq!(offered(&place.scan(&mut folder, 10)), Vec::<&str>::new());
    assert_eq!(offered(&place.scan(&mut folder, 19)), Vec::<&str>::new());
    assert_eq!(offered(&place.scan(&mut folder, 20)), ["a.csv"]);
}

#[test]
fn files_are_offered_in_the_order_of_their_numbers() {
    let (place, mut folder) = Place::new("ART_{seq}_{seq}.csv", Completeness::Rename);
    for name in ["ART_20261121_0001.csv", "ART_20261120_10.csv", "ART_20261120_0009.csv", "other_1_2.csv"] {
        place.put(name, name);
    }
    let scan = place.scan(&mut folder, 0);
    assert_eq!(offered(&scan), ["ART_20261120_0009.csv", "ART_20261120_10.csv", "ART_20261121_0001.csv"]);
    assert_eq!(scan.ready[1].numbers, [20_261_120, 10]);
}

#[test]
fn litter_directories_and_links_are_left_alone() {
    let (place, mut folder) = Place::new("*", Completeness::Rename);
    for name in ["Thumbs.db", ".DS_Store", "~$stock.xlsx", "desktop.ini"] {
        place.put(name, "x");
    }
    fs::create_dir(place.spec.inbox.join("folder.csv")).unwrap();
    let secret = place.root.path().join("secret");
    fs::write(&secret, "s").unwrap();
    std::os::unix::fs::symlink(&secret, place.spec.inbox.join("link.csv")).unwrap();
    place.put("new\nline.csv", "x");
    rustix::fs::mkfifoat(rustix::fs::CWD, place.spec.inbox.join("pipe.csv"), rustix::fs::Mode::RUSR).unwrap();
    let scan = place.scan(&mut folder, 0);
    assert_eq!(offered(&scan), Vec::<&str>::new());
    let mut kinds: Vec<_> = scan
        .refused
        .iter()
        .map(|error| match error {
            DropError::NotAFile { kind, .. } => *kind,
            DropError::Name { reason, .. } => *reason,
            other => panic!("{other}"),
        })
        .collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["it contains control characters", "special file", "symbolic link"]);
}

#[test]
fn a_file_swapped_for_a_link_after_the_scan_is_not_followed() {
    let (place, mut folder) = Place::new("*.csv", Completeness::Rename);
    let path = place.put("a.csv", "1");
    let scan = place.scan(&mut folder, 0);
    let secret = place.root.path().join("secret");
    fs::write(&secret, "s").unwrap();
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink(&secret, &path).unwrap();
    assert!(matches!(folder.claim(&scan.ready[0]).unwrap_err(), DropError::NotAFile { kind: "symbolic link", .. }));
    fs::write(place.spec.work.join("renamed.txt"), "x").unwrap();
    let recovery = folder.recover().unwrap();
    assert_eq!((recovery.claims.len(), recovery.refused.len()), (0, 2), "left for a person, not held up by");
}

#[test]
fn a_refused_file_keeps_its_reason_beside_it() {
    let (place, mut folder) = Place::new("*.csv", Completeness::Rename);
    for _ in 0..2 {
        place.put("a.csv", "1");
        let scan = place.scan(&mut folder, 0);
        folder.refuse(claim(&folder, &scan.ready[0]), "row 2: \u{1b}[2J wrong\nsecond line", now()).unwrap();
    }
    let stamped = "error/a.csv.20261120T061500Z";
    assert_eq!(
        place.files(),
        [
            stamped.to_owned(),
            format!("{stamped}-1"),
            format!("{stamped}-1.reason.txt"),
            format!("{stamped}.reason.txt")
        ]
    );
    let reason = fs::read_to_string(place.root.path().join(format!("{stamped}.reason.txt"))).unwrap();
    assert_eq!(reason, "row 2: \\u{1b}[2J wrong\nsecond line\n");
}

#[test]
fn a_released_file_is_offered_again() {
    let (place, mut folder) = Place::new("*.csv", by_marker());
    set_modified(&place.put("a.csv", "1"), 0);
    place.put("a.csv.done", "");
    let scan = place.scan(&mut folder, 0);
    folder.release(claim(&folder, &scan.ready[0])).unwrap();
    assert_eq!(offered(&place.scan(&mut folder, 1)), ["a.csv"]);
}

#[test]
fn a_file_written_to_after_its_claim_is_noticed_before_commit() {
    let (place, mut folder) = Place::new("*.csv", Completeness::Rename);
    place.put("a.csv", "1");
    let scan = place.scan(&mut folder, 0);
    let claim = claim(&folder, &scan.ready[0]);
    claim.check_unchanged().unwrap();
    fs::write(&claim.path, "12").unwrap();
    assert!(matches!(claim.check_unchanged(), Err(DropError::Changed { .. })));
    assert!(matches!(claim.open(), Err(DropError::Changed { .. })));
}

/// What intake does with a drop folder, with a set in place of the database.
struct Intake {
    applied: HashSet<[u8; 32]>,
    rows: Vec<String>,
}

impl Intake {
    fn work(&mut self, folder: &DropFolder, claims: Vec<Claim>, crash_before_archive: bool) {
        for claim in claims {
            if !self.applied.contains(&claim.sha256) {
                let limits = FileLimits::default();
                let mut staged = Vec::new();
                read(&csv(';', |_| {}), ReadContext::new(&claim.name, &limits), claim.open().unwrap(), &mut |row| {
                    staged.push(row.value["a"].as_str().unwrap().to_owned());
                    Ok(())
                })
                .unwrap();
                claim.check_unchanged().unwrap();
                self.rows.append(&mut staged);
                self.applied.insert(claim.sha256);
            }
            if crash_before_archive {
                return;
            }
            folder.archive(claim, now()).unwrap();
        }
    }
}

#[test]
fn a_crash_between_commit_and_archive_and_the_same_file_twice_apply_once() {
    let (place, mut folder) = Place::new("*.csv", by_marker());
    let mut intake = Intake { applied: HashSet::new(), rows: Vec::new() };
    set_modified(&place.put("a.csv", "a\n1\n2\n"), 0);
    place.put("a.csv.done", "");
    let scan = place.scan(&mut folder, 0);
    intake.work(&folder, vec![claim(&folder, &scan.ready[0])], true);
    assert_eq!(place.files(), ["work/a.csv", "work/a.csv.done"]);

    let mut restarted = DropFolder::open(place.spec.clone()).unwrap();
    let recovery = restarted.recover().unwrap();
    intake.work(&restarted, recovery.claims, false);
    assert_eq!(intake.rows, ["1", "2"]);
    assert!(restarted.recover().unwrap().claims.is_empty());

    set_modified(&place.put("a_again.csv", "a\n1\n2\n"), 0);
    place.put("a_again.csv.done", "");
    let scan = place.scan(&mut restarted, 5);
    intake.work(&restarted, vec![claim(&restarted, &scan.ready[0])], false);
    assert_eq!(intake.rows, ["1", "2"], "the same content under another name");
    assert_eq!(place.files().iter().filter(|path| path.starts_with("archive/")).count(), 4);
}

#[test]
fn a_crash_between_the_two_moves_of_a_claim_keeps_the_pair_together() {
    let (place, folder) = Place::new("*.csv", by_marker());
    let move_to_work = |name: &str| fs::rename(place.spec.inbox.join(name), place.spec.work.join(name)).unwrap();
    place.put("a.csv", "old");
    place.put("a.csv.done", "");
    move_to_work("a.csv");
    let recovery = folder.recover().unwrap();
    assert_eq!(recovery.claims[0].marker.as_deref(), Some("a.csv.done"));
    assert_eq!(place.files(), ["work/a.csv", "work/a.csv.done"]);
    folder.archive(folder.recover().unwrap().claims.remove(0), now()).unwrap();

    place.put("a.csv", "old");
    move_to_work("a.csv");
    place.put("a.csv", "new");
    place.put("a.csv.done", "");
    let recovery = folder.recover().unwrap();
    assert_eq!(recovery.claims[0].marker, None, "this marker is the new file's");
    assert!(place.files().contains(&"in/a.csv.done".to_owned()));
}

#[test]
fn a_control_file_as_marker_refuses_a_short_file() {
    let marker = MarkerName::ReplacesExtension(".ctl".to_owned());
    let (place, mut folder) = Place::new("*.csv", Completeness::Marker { name: marker, settle: SETTLE });
    set_modified(&place.put("stock.csv", "a\n1\n"), 0);
    place.put("stock.ctl", "FILE=stock.csv;ROWS=2");
    let scan = place.scan(&mut folder, 0);
    let claim = claim(&folder, &scan.ready[0]);
    let control = claim.control_file().unwrap().unwrap();
    let limits = FileLimits::default();
    let context = ReadContext { control_file: Some(&control), ..ReadContext::new(&claim.name, &limits) };
    let totals = ControlTotals {
        checks: vec![TotalCheck::Count { stated: ControlValue::ControlFile("ROWS".to_owned()), record_type: None }],
        control_file_name: Some("FILE".to_owned()),
    };
    let spec = FileSpec { totals, ..csv(';', |_| {}) };
    let error = read(&spec, context, claim.open().unwrap(), &mut |_| Ok(())).unwrap_err();
    assert_eq!(error.disposition(), Disposition::Refuse);
    folder.refuse(claim, &error.to_string(), now()).unwrap();
    assert_eq!(place.files().iter().filter(|path| path.starts_with("error/")).count(), 3);
}

#[test]
fn a_name_still_in_work_is_not_overwritten() {
    let (place, mut folder) = Place::new("*.csv", Completeness::Rename);
    place.put("a.csv", "1");
    let scan = place.scan(&mut folder, 0);
    let first = claim(&folder, &scan.ready[0]);
    place.put("a.csv", "2");
    let scan = place.scan(&mut folder, 1);
    assert!(matches!(folder.claim(&scan.ready[0]), Err(DropError::Unclaimed { .. })));
    assert_eq!(fs::read_to_string(&first.path).unwrap(), "1");
    assert_eq!(place.files(), ["in/a.csv", "work/a.csv"]);
}
