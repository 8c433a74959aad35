//! States, buckets, periods and decisions of reconciliations in the words of the pages; pure. Not here: what they mean to the engine.

use super::mark::Mark;
use crate::api::Level;
use crate::api::resources::reconciliations::{AgreementView, RunView};
use crate::finance::workflow::State;
use crate::recon::code::Code;
use crate::recon::report::RunStatus;

pub(super) fn status(status: RunStatus) -> Mark {
    match status {
        RunStatus::Complete => Mark::new("complete", Level::Good),
        RunStatus::NotReconciled => Mark::new("not reconciled", Level::Bad),
        RunStatus::Failed => Mark::new("failed", Level::Bad),
    }
}

/// Two mirrors that are compared all the time.
pub(super) fn agreement(view: &AgreementView) -> Mark {
    Mark::new(view.told.clone(), if view.differ == 0 { Level::Good } else { Level::Warn })
}

pub(super) fn state(state: State) -> Mark {
    let (word, level) = match state {
        State::Open => ("open", Level::Warn),
        State::Assigned => ("assigned", Level::Info),
        State::Investigating => ("being investigated", Level::Info),
        State::Proposed => ("proposed", Level::Info),
        State::Resolved => ("resolved", Level::Good),
        State::Healed => ("healed", Level::Good),
        State::WrittenOff => ("written off", Level::Good),
        State::AcceptedTiming => ("accepted as timing", Level::Muted),
        State::Closed => ("closed", Level::Muted),
        State::Reopened => ("reopened", Level::Warn),
    };
    Mark::new(word, level)
}

/// Of a run's signatures.
pub(super) fn signed(run: &RunView) -> Mark {
    match (&run.preparer, &run.approver) {
        (Some(preparer), Some(approver)) => {
            Mark::new(format!("signed by {} and {}", preparer.actor, approver.actor), Level::Good)
        }
        (Some(preparer), None) => Mark::new(format!("prepared by {}, to be approved", preparer.actor), Level::Info),
        (None, _) if run.reopened.is_some() => Mark::new("signatures taken back", Level::Warn),
        (None, _) => Mark::new("not signed", Level::Muted),
    }
}

/// `BREAK(MISSING_IN_B)` as a sentence's beginning; what is not known stays as it is.
pub(super) fn bucket(label: &str) -> String {
    let (word, inner) = match label.split_once('(') {
        Some((word, rest)) => (word, rest.strip_suffix(')').unwrap_or(rest)),
        None => (label, ""),
    };
    match word {
        "total" => "Read".to_owned(),
        "REJECTED" => "Rejected: could not be read".to_owned(),
        "EXCLUDED" => format!("Excluded: {inner}"),
        "MATCHED_EXACT" => "Matched exactly".to_owned(),
        "MATCHED_TOLERANCE" => "Matched within tolerance".to_owned(),
        "MATCHED_GROUP" => "Matched as groups".to_owned(),
        "MATCHED_MANUAL" => "Matched by hand".to_owned(),
        "MATCHED_FORCED" => "Matched by force".to_owned(),
        "IN_FLIGHT" => "In flight".to_owned(),
        "TIMING" => "A matter of time".to_owned(),
        "BREAK" => format!("Break: {}", meaning(inner)),
        _ => label.to_owned(),
    }
}

/// What a code means; the code itself, if it is of another version.
pub(super) fn meaning(code: &str) -> String {
    Code::parse(code).map_or_else(|| code.to_owned(), |code| code.meaning().to_owned())
}

/// As the beginning of a sentence.
pub(super) fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

/// `October 2026`, `2026-10-05`, `2026-10-01 to 2026-10-15`, `all that the statements hold`.
pub(super) fn period(period: &[String; 2]) -> String {
    let [from, to] = period;
    if to.is_empty() {
        return "all that the statements hold".to_owned();
    }
    let days = from.parse::<jiff::civil::Date>().ok().zip(to.parse::<jiff::civil::Date>().ok());
    match days {
        Some((first, last)) if first == first.first_of_month() && last == first.last_of_month() => {
            first.strftime("%B %Y").to_string()
        }
        Some((first, last)) if first == last => from.clone(),
        Some(_) | None => format!("{from} to {to}"),
    }
}

/// Parts per million as a percentage, cut off behind two decimals: 99.99 % is not all.
pub(super) fn per_cent(ppm: u64) -> String {
    format!("{}.{:02} %", ppm / 10_000, ppm % 10_000 / 100)
}

/// What was done, for the page that was redirected to.
pub(super) fn done(word: &str) -> Option<&'static str> {
    Some(match word {
        "recon-run" => "The run is kept: this is its report.",
        "recon-running" => "The run goes on. This page looks again by itself until it is done.",
        "recon-verify" => "The run is made again and compared.",
        "recon-sign" => "Signed; the signature is under the document’s hash.",
        "recon-reopen-run" => "The run is open again; its signatures are void and stay on record.",
        "recon-assign" => "The break has an owner.",
        "recon-investigate" => "The break is being investigated.",
        "recon-propose" => "The proposal is on record.",
        "recon-comment" => "The comment is on record.",
        "recon-attach" => "The document is noted by its name and hash.",
        "recon-resolve" => "The break is resolved.",
        "recon-write-off" => "The break is written off; the journal line is proposed.",
        "recon-write-off-asked" => "The write-off is asked for: another person asks for the same to approve it.",
        "recon-accept-timing" => "Accepted as a matter of time: it stays open until it heals.",
        "recon-reopen" => "The break is open again.",
        "recon-match" => "Matched; the next run shows it.",
        "recon-unmatch" => "The match is taken back; its breaks are open again.",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_told_as_people_say_them() {
        let told = |from: &str, to: &str| period(&[from.to_owned(), to.to_owned()]);
        assert_eq!(told("2026-10-01", "2026-10-31"), "October 2026");
        assert_eq!(told("2026-10-05", "2026-10-05"), "2026-10-05");
        assert_eq!(told("2026-10-01", "2026-10-15"), "2026-10-01 to 2026-10-15");
        assert_eq!(told("", ""), "all that the statements hold");
    }

    #[test]
    fn buckets_have_words() {
        assert_eq!(bucket("BREAK(MISSING_IN_B)"), "Break: on side A only");
        assert_eq!(bucket("EXCLUDED(outside the period)"), "Excluded: outside the period");
        assert_eq!(bucket("SOMETHING_NEW"), "SOMETHING_NEW");
        assert_eq!(per_cent(999_999), "99.99 %");
    }
}
