//! `syncline sandbox month`: a shop's month as files, with planted differences and the truth about them; not here: the month.

use super::args::{Global, MonthArgs};
use super::entry::Exit;
use super::error::CliError;
use super::output::Surroundings;
use crate::sandbox::ledger::{MonthOptions, write_month};

pub(super) fn month(global: &Global, args: &MonthArgs, to: &mut Surroundings) -> Result<Exit, CliError> {
    let (year, month) = args.month;
    let options = MonthOptions { seed: args.seed, orders: args.orders, year, month };
    let files = write_month(options)
        .map_err(|error| CliError::new(error.to_string(), "", "name a month such as 2026-11, or report the seed"))?;
    let mut written = Vec::new();
    for file in files {
        let path = args.out.join(&file.path);
        let failed = |cause: std::io::Error| {
            CliError::new(
                format!("cannot be written: {cause}"),
                path.display().to_string(),
                "choose a folder you may write to",
            )
        };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        std::fs::write(&path, file.text).map_err(failed)?;
        if !global.json {
            to.line(&format!("written {}", path.display()))?;
        }
        written.push(path);
    }
    if global.json {
        to.json(&written)?;
    }
    Ok(Exit::Done)
}
