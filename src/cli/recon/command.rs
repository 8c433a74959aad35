//! Each subcommand as requests of the API and what is told of the answers; not here: reports (`report`), breaks (`breaks`).

use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::args::ReconCommand;
use super::{breaks, export, report, story};
use crate::api::resources::reconciliations::{Decided, ReconciliationDetail, ReconciliationView, RunDetail, RunView};
use crate::api::{Level, Work, encode};
use crate::cli::args::Global;
use crate::cli::client::{Client, shaped};
use crate::cli::entry::{Exit, actor};
use crate::cli::error::CliError;
use crate::cli::output::{Surroundings, Table, clean, clean_lines};
use crate::cli::progress::watch;

const ROOT: &str = "/api/v1/reconciliations";

pub(in crate::cli) async fn recon(
    client: &Client,
    global: &Global,
    command: &ReconCommand,
    to: &mut Surroundings,
) -> Result<Exit, CliError> {
    let who = actor(global, to);
    let act = |name: &str, item: &str, act: &str| format!("{ROOT}/{}/breaks/{}/{act}", encode(name), encode(item));
    let said = |text: &str| json!({ "actor": who, "text": text });
    let (path, body, told) = match command {
        ReconCommand::List { name: None } => return list(client, global, to).await,
        ReconCommand::List { name: Some(name) } => return runs(client, global, name, to).await,
        ReconCommand::Run { name, period, as_of, input_dir } => {
            let input_dir = input_dir.as_deref().map(absolute).transpose()?;
            let body = json!({ "actor": who, "period": period, "as_of": as_of, "input_dir": input_dir });
            return run(client, global, name, body, to).await;
        }
        ReconCommand::Show { run, section } => {
            let answer = client.get(&format!("{ROOT}/runs/{run}")).await?;
            return report::show(&answer, global, *section, to);
        }
        ReconCommand::Export { run, format, section, bom, semicolon, out } => {
            let mut path = format!("{ROOT}/runs/{run}/export?format={}&bom={bom}&semicolon={semicolon}", format.word());
            if let Some(section) = section {
                path.push_str(&format!("&section={}", encode(section)));
            }
            return export::export(client, global, &path, out.as_deref(), to).await;
        }
        ReconCommand::Breaks { name, code, state, owner, all } => {
            let asked = [("code", code), ("state", state), ("owner", owner)];
            let mut query = format!("all={all}");
            for (key, value) in asked {
                if let Some(value) = value {
                    query.push_str(&format!("&{key}={}", encode(value)));
                }
            }
            let answer = client.get(&format!("{ROOT}/{}/breaks?{query}", encode(name))).await?;
            return breaks::list(&answer, global, to);
        }
        ReconCommand::Story { name: Some(name), key: Some(key), by } => {
            let by = by.iter().map(|by| format!("&by={}", encode(by))).collect::<String>();
            let answer = client.get(&format!("{ROOT}/stories/{}?key={}{by}", encode(name), encode(key))).await?;
            return story::show(&answer, global, to);
        }
        ReconCommand::Story { .. } => {
            let answer = client.get(&format!("{ROOT}/stories")).await?;
            return story::list(&answer, global, to);
        }
        ReconCommand::Heal { name, dry_run } => {
            let body = json!({ "actor": who, "dry_run": dry_run });
            let answer = client.post(&format!("{ROOT}/{}/heal", encode(name)), body).await?;
            return breaks::healed(&answer, global, to);
        }
        ReconCommand::Verify { run } => return verify(client, global, *run, &who, to).await,
        ReconCommand::Journal { name } => {
            let answer = client.get(&format!("{ROOT}/{}/journal", encode(name))).await?;
            return breaks::journal(&answer, global, to);
        }
        ReconCommand::Assign { name, item, to: owner } => {
            let owner = owner.as_ref().unwrap_or(&who);
            let told = format!("break {item} belongs to {owner}");
            (act(name, item, "assign"), json!({ "actor": who, "owner": owner }), told)
        }
        ReconCommand::Comment { name, item, text } => (act(name, item, "comment"), said(text), "noted".to_owned()),
        ReconCommand::Attach { name, item, file } => {
            let (document, sha256) = hashed(file)?;
            let told = format!("{document} noted by its SHA-256 {sha256}");
            (act(name, item, "attach"), json!({ "actor": who, "name": document, "sha256": sha256 }), told)
        }
        ReconCommand::Investigate { name, item, note } => {
            (act(name, item, "investigate"), said(note), format!("break {item} is being investigated"))
        }
        ReconCommand::Propose { name, item, note } => {
            (act(name, item, "propose"), said(note), format!("proposal for break {item} noted"))
        }
        ReconCommand::Resolve { name, item, reason } => {
            (act(name, item, "resolve"), said(reason), format!("break {item} is resolved"))
        }
        ReconCommand::WriteOff { name, item, code, reason } => {
            let body = json!({ "actor": who, "text": reason, "code": code });
            return write_off(client, global, name, item, act(name, item, "write-off"), body, to).await;
        }
        ReconCommand::AcceptTiming { name, item, reason } => {
            (act(name, item, "accept-timing"), said(reason), format!("break {item} stays open until it heals"))
        }
        ReconCommand::Match { name, items, force, reason } => {
            let body = json!({ "actor": who, "breaks": items, "force": force, "reason": reason });
            (format!("{ROOT}/{}/matches", encode(name)), body, "matched; the next run shows it".to_owned())
        }
        ReconCommand::Unmatch { name, event, reason } => {
            let body = json!({ "actor": who, "reason": reason });
            let path = format!("{ROOT}/{}/matches/{event}/undo", encode(name));
            (path, body, "taken back; its breaks are open again".to_owned())
        }
        ReconCommand::Sign { run, role, note } => {
            let body = json!({ "actor": who, "as": role.word(), "note": note });
            (format!("{ROOT}/runs/{run}/sign"), body, format!("run {run} signed by {who} as its {}", role.word()))
        }
        ReconCommand::Reopen { run, item: None, reason } => {
            let body = json!({ "actor": who, "reason": reason });
            (format!("{ROOT}/runs/{run}/reopen"), body, format!("run {run} is open again, its signatures are void"))
        }
        ReconCommand::Reopen { run, item: Some(item), reason } => {
            let detail: RunDetail = shaped(&client.get(&format!("{ROOT}/runs/{run}")).await?)?;
            (act(&detail.run.reconciliation, item, "reopen"), said(reason), format!("break {item} is open again"))
        }
    };
    let answer = client.post(&path, body).await?;
    decided(&answer, global, &told, to)
}

fn decided(answer: &Value, global: &Global, told: &str, to: &mut Surroundings) -> Result<Exit, CliError> {
    if global.json {
        to.json(answer)?;
        return Ok(Exit::Done);
    }
    let Decided { event } = shaped(answer)?;
    to.line(&format!("{} (event {event})", clean(told)))?;
    Ok(Exit::Done)
}

/// One person's word, or a proposal that another one has to approve: the state tells.
async fn write_off(
    client: &Client,
    global: &Global,
    name: &str,
    item: &str,
    path: String,
    body: Value,
    to: &mut Surroundings,
) -> Result<Exit, CliError> {
    let answer = client.post(&path, body).await?;
    let all = client.get(&format!("{ROOT}/{}/breaks?all=true", encode(name))).await?;
    let waits = shaped::<Vec<crate::api::resources::reconciliations::BreakView>>(&all)?
        .into_iter()
        .any(|shown| shown.id == item && shown.write_off_by.is_some());
    let told = if waits {
        format!("break {item} is above the limit: proposed; another person asks for the same to approve it")
    } else {
        format!("break {item} is written off; `syncline recon journal {name}` shows the line to post")
    };
    decided(&answer, global, &told, to)
}

fn absolute(folder: &Path) -> Result<std::path::PathBuf, CliError> {
    std::path::absolute(folder).map_err(|cause| {
        CliError::new(cause.to_string(), folder.display().to_string(), "give a folder with the statements")
    })
}

fn hashed(file: &Path) -> Result<(String, String), CliError> {
    let bytes = std::fs::read(file).map_err(|cause| {
        CliError::new(cause.to_string(), file.display().to_string(), "name a file that can be read")
    })?;
    let name = file.file_name().map_or_else(|| file.display().to_string(), |name| name.to_string_lossy().into_owned());
    Ok((name, hex::encode(Sha256::digest(&bytes))))
}

async fn run(
    client: &Client,
    global: &Global,
    name: &str,
    body: Value,
    to: &mut Surroundings,
) -> Result<Exit, CliError> {
    let started: Work = shaped(&client.post(&format!("{ROOT}/{}/runs", encode(name)), body).await?)?;
    let work = watch(client, started, "reconciling", global.quiet, to).await?;
    let run = work.run.ok_or_else(|| CliError::internal("the run left no number"))?;
    let answer = client.get(&format!("{ROOT}/runs/{run}")).await?;
    report::show(&answer, global, None, to)
}

async fn verify(
    client: &Client,
    global: &Global,
    run: i64,
    who: &str,
    to: &mut Surroundings,
) -> Result<Exit, CliError> {
    let asked = client.post(&format!("{ROOT}/runs/{run}/verify"), json!({ "actor": who })).await?;
    let work = watch(client, shaped(&asked)?, "making it again", global.quiet, to).await?;
    let found = work.rederived.ok_or_else(|| CliError::internal("the verification left no result"))?;
    let exit = if found.holds() { Exit::Done } else { Exit::NotWell };
    if global.json {
        to.json(&found)?;
        return Ok(exit);
    }
    to.line(&format!("run {run} was kept as {}", found.sha256))?;
    for changed in &found.changed {
        let mark = to.mark(Level::Bad, changed);
        to.line(&mark)?;
    }
    let last = match &found.again {
        Some(again) if found.holds() => to.mark(Level::Good, &format!("made again, to the byte: {again}")),
        Some(again) => to.mark(Level::Bad, &format!("made again, it is another document: {again}")),
        None => to.mark(Level::Warn, "not made again: the inputs are not those that were read"),
    };
    to.line(&last)?;
    Ok(exit)
}

fn moment(at: crate::api::Time) -> String {
    jiff::Timestamp::from_microsecond(at.0).map_or_else(|_| "-".to_owned(), |at| at.to_string())
}

fn exit_of(open: u64) -> Exit {
    if open == 0 { Exit::Done } else { Exit::NotWell }
}

async fn list(client: &Client, global: &Global, to: &mut Surroundings) -> Result<Exit, CliError> {
    let answer = client.get(ROOT).await?;
    let views: Vec<ReconciliationView> = shaped(&answer)?;
    let broken = views.iter().any(|view| view.problem.is_some());
    let exit = if broken { Exit::NotWell } else { exit_of(views.iter().map(|view| view.open_breaks).sum()) };
    if global.json {
        to.json(&answer)?;
        return Ok(exit);
    }
    if views.is_empty() {
        to.line("No reconciliation is defined. docs/reconciliation.md has an example for reconciliations/NAME.yaml.")?;
        return Ok(exit);
    }
    let mut table =
        Table::new(&["NAME", "KIND", "TITLE", ">OPEN BREAKS", ">LAST RUN", "PERIOD", "AS OF", "SIGNED", "NEXT RUN"]);
    for view in views.iter().filter(|view| view.problem.is_none()) {
        let last = view.last_run.as_ref();
        let of_last = |shown: fn(&RunView) -> String| last.map_or_else(|| "-".to_owned(), shown);
        table.row(vec![
            clean(&view.name),
            clean(&view.kind),
            clean(&view.title),
            view.open_breaks.to_string(),
            of_last(|run| run.id.to_string()),
            of_last(report::period),
            of_last(|run| run.as_of.clone()),
            of_last(report::signed),
            view.next_run.map_or_else(|| "-".to_owned(), moment),
        ]);
    }
    table.print(to)?;
    for problem in views.iter().filter_map(|view| view.problem.as_deref()) {
        to.line("")?;
        let mark = to.mark(Level::Bad, "definitions with mistakes");
        to.line(&mark)?;
        for line in clean_lines(problem) {
            to.line(&line)?;
        }
    }
    Ok(exit)
}

async fn runs(client: &Client, global: &Global, name: &str, to: &mut Surroundings) -> Result<Exit, CliError> {
    let answer = client.get(&format!("{ROOT}/{}", encode(name))).await?;
    let detail: ReconciliationDetail = shaped(&answer)?;
    let exit = exit_of(detail.reconciliation.open_breaks);
    if global.json {
        to.json(&answer)?;
        return Ok(exit);
    }
    let title = to.bold(&detail.reconciliation.title);
    to.line(&format!("{title}  {} open breaks", detail.reconciliation.open_breaks))?;
    if let Some(agreement) = &detail.reconciliation.agreement {
        let level = if agreement.differ == 0 { Level::Good } else { Level::Bad };
        let line = to.mark(level, &format!("{} as of {}", agreement.told, moment(agreement.as_of)));
        to.line(&line)?;
    }
    let mut table = Table::new(&[">RUN", "PERIOD", "AS OF", "STATUS", "RULES", "RUN BY", "WHEN", "SIGNED", "SHA-256"]);
    for run in &detail.runs {
        table.row(vec![
            run.id.to_string(),
            report::period(run),
            clean(&run.as_of),
            report::status(run.status).to_owned(),
            clean(&run.rules),
            clean(&run.actor),
            to.ago(run.ended_at),
            report::signed(run),
            run.sha256.chars().take(12).collect(),
        ]);
    }
    table.print(to)?;
    Ok(exit)
}
