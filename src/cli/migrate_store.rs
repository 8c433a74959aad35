//! `syncline migrate-store`: the store moves to another database; the hub must be stopped. Not here: the configuration, which
//! people change themselves when they have seen the copy.

use serde_json::json;

use super::entry::Exit;
use super::error::CliError;
use super::installation::Installation;
use super::output::Surroundings;
use super::status::plural;
use crate::api::Level;
use crate::config::database_address;
use crate::hub::location;
use crate::store::transfer;

pub(super) async fn migrate_store(
    installation: &Installation,
    target: &str,
    json: bool,
    to: &mut Surroundings,
) -> Result<Exit, CliError> {
    let target = database_address(&installation.folder, target).map_err(|problems| {
        CliError::new(
            format!("the new database's address cannot be used: {problems}"),
            "--to",
            "write sqlite:PATH, postgres://user:password@host/name, or a reference such as '${NEW_DATABASE_URL}'",
        )
    })?;
    let moved = transfer(&installation.location()?, &location(&target)).await?;
    if json {
        to.json(&json!({ "tables": moved.tables, "rows": moved.rows, "received": moved.report.received }))?;
        return Ok(Exit::Done);
    }
    let rows = plural(i64::try_from(moved.rows).unwrap_or(i64::MAX), "row");
    to.line(&format!("{rows} of {} tables copied; the ledger is the same in both databases", moved.tables))?;
    let mark = to.mark(Level::Good, "all that must hold does");
    to.line(&mark)?;
    Ok(to.line("Now set hub.database to the new address and start the hub; the former store stays as it is.")?)
        .map(|()| Exit::Done)
}
