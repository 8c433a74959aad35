//! Watching long work: a bar on a terminal, a line per step otherwise; not here: the work.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::client::{Client, shaped};
use super::error::CliError;
use super::output::{Surroundings, clean};
use crate::api::{Work, WorkState};

const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Looks until the work is done; its failure is the command's.
pub(super) async fn watch(
    client: &Client,
    mut work: Work,
    title: &str,
    quiet: bool,
    to: &mut Surroundings,
) -> Result<Work, CliError> {
    let bar = (to.terminal && !quiet).then(|| bar(title));
    let mut told = String::new();
    loop {
        match &bar {
            Some(bar) => {
                bar.set_length(work.total);
                bar.set_position(work.done);
                bar.set_message(clean(&work.step));
            }
            None if !quiet && work.step != told && work.state == WorkState::Running => {
                told.clone_from(&work.step);
                match work.total {
                    0 => writeln!(to.err, "{title}: {}", clean(&work.step))?,
                    total => writeln!(to.err, "{title}: {} ({} of {total})", clean(&work.step), work.done)?,
                }
            }
            None => {}
        }
        match work.state {
            WorkState::Running => {}
            WorkState::Done | WorkState::Failed => break,
        }
        tokio::time::sleep(LOOK_EVERY).await;
        work = shaped(&client.get(&format!("/api/v1/work/{}", work.id)).await?)?;
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    match work.error.clone() {
        Some(error) => Err(error.into()),
        None => Ok(work),
    }
}

pub(super) fn bar(title: &str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    let template = format!("{title} {{bar:30}} {{pos}}/{{len}} {{msg}} {{elapsed}}");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(LOOK_EVERY);
    bar
}
