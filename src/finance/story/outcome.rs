//! What all stations come to: complete, under way, broken, or not to be told; pure. Not here: single stations.

use super::told::{Outcome, OutcomeState, Station, Verdict};

/// What keeps a story from being complete at a station, if anything.
fn state(verdict: Verdict) -> Option<OutcomeState> {
    match verdict {
        Verdict::NotNeeded | Verdict::SetAside | Verdict::Matched | Verdict::Decided | Verdict::MatchedWithRemark => {
            None
        }
        Verdict::NotReached | Verdict::Nothing | Verdict::UnderWay => Some(OutcomeState::UnderWay),
        Verdict::NotCompared | Verdict::Unknown => Some(OutcomeState::Unknown),
        Verdict::Broken => Some(OutcomeState::Broken),
    }
}

fn has_rows(station: &Station) -> bool {
    station.sides.iter().any(|side| !side.rows.is_empty())
}

/// The first break, wherever it is; then a gap that later stations show; then whatever comes first.
pub fn outcome(stations: &[Station]) -> Outcome {
    if let Some(station) = stations.iter().find(|station| station.verdict == Verdict::Broken) {
        let item = station.breaks.first().map(|found| found.id.clone());
        return at(OutcomeState::Broken, station, item, format!("broken at {}: {}", station.title, station.told));
    }
    let gap = stations
        .iter()
        .enumerate()
        .find(|(index, station)| station.verdict == Verdict::Nothing && stations[index + 1..].iter().any(has_rows));
    if let Some((_, station)) = gap {
        let told = format!("broken at {}: nothing of it is here, although what follows has it", station.title);
        return at(OutcomeState::Broken, station, None, told);
    }
    let first = stations.iter().find_map(|station| Some((station, state(station.verdict)?)));
    match first {
        None => {
            let told = "complete: each station has it, and nothing is open".to_owned();
            Outcome { state: OutcomeState::Complete, leg: None, item: None, told }
        }
        Some((station, state @ OutcomeState::UnderWay)) => {
            at(state, station, None, format!("under way at {}: {}", station.title, station.told))
        }
        Some((station, state)) => at(state, station, None, format!("not told at {}: {}", station.title, station.told)),
    }
}

fn at(state: OutcomeState, station: &Station, item: Option<String>, told: String) -> Outcome {
    Outcome { state, leg: Some(station.leg.clone()), item, told }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::finance::story::told::{StationSide, StoryBreak, StoryRow};
    use crate::recon::report::Amount;

    fn row() -> StoryRow {
        StoryRow {
            place: "x.csv:2".to_owned(),
            date: None,
            amount: Amount { unit: "EUR".to_owned(), amount_minor: "100".to_owned(), decimal: "1.00".to_owned() },
            keys: Vec::new(),
            status: None,
            category: None,
            verdict: Verdict::Matched,
            bucket: "MATCHED_EXACT".to_owned(),
            item: None,
        }
    }

    fn station(leg: usize, verdict: Verdict) -> Station {
        let is_there = !matches!(verdict, Verdict::NotReached | Verdict::Nothing | Verdict::NotNeeded);
        let side = StationSide {
            side: "A".to_owned(),
            title: "A".to_owned(),
            rows: if is_there { vec![row()] } else { Vec::new() },
            more: 0,
            sums: Vec::new(),
            whole: false,
            others: 0,
            others_sums: Vec::new(),
            set_aside: Vec::new(),
            unread: Vec::new(),
        };
        let broken = StoryBreak {
            id: format!("b{leg}"),
            code: "MISSING_IN_B".to_owned(),
            meaning: String::new(),
            next_step: String::new(),
            state: None,
            owner: None,
            variance: Vec::new(),
        };
        Station {
            leg: leg.to_string(),
            title: leg.to_string(),
            verdict,
            told: String::new(),
            run: None,
            found_by: None,
            sides: vec![side],
            breaks: if verdict == Verdict::Broken { vec![broken] } else { Vec::new() },
        }
    }

    #[track_caller]
    fn check(verdicts: &[Verdict], state: OutcomeState, leg: Option<usize>) {
        let stations: Vec<Station> = verdicts.iter().enumerate().map(|(at, verdict)| station(at, *verdict)).collect();
        let found = outcome(&stations);
        assert_eq!((found.state, found.leg), (state, leg.map(|leg| leg.to_string())), "{verdicts:?}");
        let of_break = (state == OutcomeState::Broken && !verdicts.contains(&Verdict::Nothing)).then(|| leg.unwrap());
        assert_eq!(found.item, of_break.map(|leg| format!("b{leg}")), "{verdicts:?}");
    }

    #[test]
    fn the_gravest_is_told_and_where_it_is() {
        use Verdict::*;
        check(&[Matched, MatchedWithRemark, NotNeeded, SetAside, Decided], OutcomeState::Complete, None);
        check(&[Matched, UnderWay, NotReached], OutcomeState::UnderWay, Some(1));
        check(&[Matched, UnderWay, Broken, Broken], OutcomeState::Broken, Some(2));
        check(&[Unknown, UnderWay], OutcomeState::Unknown, Some(0));
        check(&[UnderWay, Unknown], OutcomeState::UnderWay, Some(0));
        check(&[NotCompared, Matched], OutcomeState::Unknown, Some(0));
        check(&[Matched, Nothing, NotReached], OutcomeState::UnderWay, Some(1));
        check(&[Nothing, Matched], OutcomeState::Broken, Some(0));
        check(&[], OutcomeState::Complete, None);
    }
}
