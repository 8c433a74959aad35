//! A payment story on the terminal: its outcome, amounts, stations and rows; not here: telling it.

use serde_json::Value;

use crate::api::Level;
use crate::api::resources::reconciliations::StoriesView;
use crate::cli::args::Global;
use crate::cli::client::shaped;
use crate::cli::entry::Exit;
use crate::cli::error::CliError;
use crate::cli::output::{Surroundings, Table, clean, clean_lines};
use crate::finance::story::{OutcomeState, PaymentStory, Share, Station, StationSide, StoryRow, Verdict};
use crate::recon::report::Amount;

pub(super) fn list(answer: &Value, global: &Global, to: &mut Surroundings) -> Result<Exit, CliError> {
    let view: StoriesView = shaped(answer)?;
    let exit = if view.problem.is_some() { Exit::NotWell } else { Exit::Done };
    if global.json {
        to.json(answer)?;
        return Ok(exit);
    }
    if view.stories.is_empty() && view.problem.is_none() {
        to.line("No story is defined. docs/reconciliation.md has an example for reconciliations/stories/NAME.yaml.")?;
        return Ok(exit);
    }
    let mut table = Table::new(&["STORY", "TITLE", "LEGS", "ASKED BY"]);
    for story in &view.stories {
        let joined = |texts: &[String]| clean(&texts.join(", "));
        table.row(vec![clean(&story.name), clean(&story.title), joined(&story.legs), joined(&story.asked_by)]);
    }
    table.print(to)?;
    if let Some(problem) = &view.problem {
        to.line("")?;
        let mark = to.mark(Level::Bad, "stories with mistakes");
        to.line(&mark)?;
        for line in clean_lines(problem) {
            to.line(&line)?;
        }
    }
    Ok(exit)
}

pub(super) fn show(answer: &Value, global: &Global, to: &mut Surroundings) -> Result<Exit, CliError> {
    let story: PaymentStory = shaped(answer)?;
    let (level, exit) = match story.outcome.state {
        OutcomeState::Complete => (Level::Good, Exit::Done),
        OutcomeState::UnderWay => (Level::Info, Exit::Done),
        OutcomeState::Unknown => (Level::Warn, Exit::NotWell),
        OutcomeState::Broken => (Level::Bad, Exit::NotWell),
    };
    if global.json {
        to.json(answer)?;
        return Ok(exit);
    }
    let title = to.bold(&story.title);
    to.line(&format!("{title}  {} {}", clean(&story.asked_as), clean(&story.key)))?;
    let mark = to.mark(level, &story.outcome.told);
    to.line(&mark)?;
    amounts(&story, to)?;
    to.line("")?;
    stations(&story.stations, to)?;
    to.line("")?;
    rows(&story.stations, to)?;
    for side in story.stations.iter().flat_map(|station| &station.sides) {
        beside(side, to)?;
    }
    for item in story.stations.iter().flat_map(|station| &station.breaks) {
        to.line(&format!("break {}: {}. Next: {}", clean(&item.id), clean(&item.meaning), clean(&item.next_step)))?;
    }
    for note in &story.notes {
        let mark = to.mark(Level::Warn, note);
        to.line(&mark)?;
    }
    Ok(exit)
}

fn level(verdict: Verdict) -> Level {
    match verdict {
        Verdict::Matched | Verdict::Decided => Level::Good,
        Verdict::MatchedWithRemark | Verdict::UnderWay => Level::Info,
        Verdict::NotNeeded | Verdict::SetAside | Verdict::NotReached => Level::Muted,
        Verdict::NotCompared | Verdict::Nothing | Verdict::Unknown => Level::Warn,
        Verdict::Broken => Level::Bad,
    }
}

fn told(amounts: &[Amount]) -> String {
    let told: Vec<String> = amounts.iter().map(|sum| clean(&format!("{} {}", sum.decimal, sum.unit))).collect();
    if told.is_empty() { "-".to_owned() } else { told.join(", ") }
}

fn amounts(story: &PaymentStory, to: &mut Surroundings) -> Result<(), CliError> {
    let amounts = &story.amounts;
    let all = [
        ("worth", &amounts.worth),
        ("captured", &amounts.captured),
        ("fees", &amounts.fees),
        ("net", &amounts.net),
        ("reached the bank", &amounts.reached),
    ];
    let said: Vec<String> =
        all.into_iter().filter_map(|(name, sum)| Some(format!("{name} {}", told(sum.as_ref()?)))).collect();
    if !said.is_empty() {
        to.line(&said.join("; "))?;
    }
    if amounts.shares.is_empty() {
        return Ok(());
    }
    to.line("")?;
    let mut table = Table::new(&["PAYOUT", ">OF THIS MONEY", ">WHOLE PAYOUT", "VERDICT", "BREAK"]);
    for Share { payout, net, whole, verdict, item } in &amounts.shares {
        table.row(vec![
            payout.as_deref().map_or_else(|| "(not paid out)".to_owned(), clean),
            told(net),
            told(whole),
            to.mark(level(*verdict), verdict.word()),
            item.as_deref().map(clean).unwrap_or_default(),
        ]);
    }
    table.print(to)?;
    if amounts.more_shares > 0 {
        to.line(&format!("and {} more payouts", amounts.more_shares))?;
    }
    Ok(())
}

fn stations(stations: &[Station], to: &mut Surroundings) -> Result<(), CliError> {
    let mut table = Table::new(&["STATION", "VERDICT", ">RUN", "TOLD"]);
    for station in stations {
        table.row(vec![
            clean(&station.title),
            to.mark(level(station.verdict), station.verdict.word()),
            station.run.as_ref().map_or_else(|| "-".to_owned(), |run| run.id.to_string()),
            clean(&station.told),
        ]);
    }
    Ok(table.print(to)?)
}

fn rows(stations: &[Station], to: &mut Surroundings) -> Result<(), CliError> {
    let mut table =
        Table::new(&["LEG", "SIDE", "PLACE", "DATE", ">AMOUNT", "UNIT", "WHAT", "KEYS", "VERDICT", "BREAK"]);
    for station in stations {
        for side in &station.sides {
            for row in &side.rows {
                table.row(one(&station.leg, side, row, to));
            }
        }
    }
    Ok(table.print(to)?)
}

fn one(leg: &str, side: &StationSide, row: &StoryRow, to: &Surroundings) -> Vec<String> {
    let what = [row.category.as_deref(), row.status.as_deref()].into_iter().flatten().collect::<Vec<_>>();
    vec![
        clean(leg),
        clean(&side.title),
        clean(&row.place),
        row.date.clone().unwrap_or_else(|| "-".to_owned()),
        clean(&row.amount.decimal),
        clean(&row.amount.unit),
        clean(&what.join(", ")),
        clean(&row.keys.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")),
        to.mark(level(row.verdict), row.verdict.word()),
        row.item.as_deref().map(clean).unwrap_or_default(),
    ]
}

/// What stands beside the rows that are listed.
fn beside(side: &StationSide, to: &mut Surroundings) -> Result<(), CliError> {
    let title = clean(&side.title);
    if side.more > 0 {
        to.line(&format!("{title}: and {} more rows; together {}", side.more, told(&side.sums)))?;
    }
    if side.others > 0 {
        to.line(&format!("{title}: {} rows beside them are other money: {}", side.others, told(&side.others_sums)))?;
    }
    Ok(())
}
