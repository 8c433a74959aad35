//! From the command line to an exit code; not here: any one command.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;

use super::args::{Cli, ColorChoice, Command, Global, MappingCommand, SandboxCommand};
use super::client::Client;
use super::error::CliError;
use super::installation::Installation;
use super::output::Surroundings;
use super::{
    backup, check, connector, connectors, demo, discover, explain, init, issues, mapping, migrate_store, recon,
    rehearse, reload, replay, restore, run, sandbox, schema, status, verify,
};
use crate::config::{self, Log};
use crate::model::clock::Clock;
use crate::telemetry::logging::{self, LogFormat};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done,
    Failed,
    Usage,
    /// Done, and what it shows is not all well.
    NotWell,
    /// Whoever read the output has had enough.
    Unread,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::NotWell => 3,
            // As of a program that SIGPIPE ended.
            Exit::Unread => 141,
        }
    }
}

/// The program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut surroundings = surroundings(&cli.global);
    let (format, level) = log(&cli.global, configured_log(&cli));
    let level = if redraws(&cli, &surroundings) { logging::level(-1) } else { level };
    if let Err(error) = logging::install(format, level) {
        eprintln!("error: {error}");
        return ExitCode::from(Exit::Usage.code());
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no runtime: {error}\n  next step: check the limits on threads and open files");
            return ExitCode::from(Exit::Failed.code());
        }
    };
    ExitCode::from(runtime.block_on(execute(cli, &mut surroundings)).code())
}

/// The demonstration redraws one screen: warnings of its vendors' mischief would tear it, and it counts them anyway.
fn redraws(cli: &Cli, to: &Surroundings) -> bool {
    matches!(cli.command, Command::Demo(_)) && to.terminal && cli.global.verbose == 0
}

/// What the hub's configuration says about the log, for the command that is the hub. One that cannot be read is told by
/// the command itself.
fn configured_log(cli: &Cli) -> Option<Log> {
    match cli.command {
        Command::Run => crate::config::load(&cli.global.config).ok().map(|config| config.hub.log),
        Command::Demo(_)
        | Command::Init
        | Command::Check { .. }
        | Command::Discover(_)
        | Command::Connectors { .. }
        | Command::Schema { .. }
        | Command::Connector { .. }
        | Command::Mapping { .. }
        | Command::Status
        | Command::Explain { .. }
        | Command::Issues { .. }
        | Command::Recon { .. }
        | Command::Replay { .. }
        | Command::Rehearse(_)
        | Command::Sandbox { .. }
        | Command::Reload
        | Command::Verify
        | Command::Backup { .. }
        | Command::Restore { .. }
        | Command::MigrateStore { .. } => None,
    }
}

/// Flags win over the configuration; over both wins SYNCLINE_LOG (see `logging`).
fn log(global: &Global, configured: Option<Log>) -> (LogFormat, &'static str) {
    let format = global.log.unwrap_or(match configured.map(|log| log.format) {
        Some(config::LogFormat::Json) => LogFormat::Json,
        Some(config::LogFormat::Text) | None => LogFormat::Human,
    });
    let level = match (global.quiet, i8::try_from(global.verbose).unwrap_or(i8::MAX)) {
        (true, _) => logging::level(-1),
        // Commands say what they do themselves; their log is for those who ask for it.
        (false, 0) => configured.map_or("warn", |log| log.level.as_str()),
        (false, verbosity) => logging::level(verbosity),
    };
    (format, level)
}

fn surroundings(global: &Global) -> Surroundings {
    let colour = match global.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    };
    let user = ["SYNCLINE_ACTOR", "USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
    Surroundings {
        out: Box::new(std::io::stdout()),
        err: Box::new(std::io::stderr()),
        input: Box::new(std::io::stdin()),
        clock: Clock::System,
        terminal: std::io::stderr().is_terminal(),
        colour,
        user: user.filter(|user| !user.is_empty()).unwrap_or_else(|| "command line".to_owned()),
    }
}

/// Runs one command to its end; errors are told on `err`.
pub async fn execute(cli: Cli, to: &mut Surroundings) -> Exit {
    match dispatch(&cli, to).await {
        Ok(exit) => exit,
        Err(error) if error.unread => Exit::Unread,
        Err(error) => {
            // Where not even standard error takes a line, the exit code has to do.
            let _nowhere_left = to.complain(&error);
            if error.usage { Exit::Usage } else { Exit::Failed }
        }
    }
}

async fn dispatch(cli: &Cli, to: &mut Surroundings) -> Result<Exit, CliError> {
    let global = &cli.global;
    match &cli.command {
        Command::Demo(args) => return demo::demo(global, args, to).await,
        Command::Init => return init::init(global, to),
        Command::Check { connection, live } => return check::check(global, connection.as_deref(), *live, to).await,
        Command::Discover(args) => return discover::discover(global, args, to).await,
        Command::Run => return run::run(global, to).await,
        Command::Rehearse(args) => return rehearse::rehearse(global, args, to).await,
        Command::Sandbox { command: SandboxCommand::Month(args) } => return sandbox::month(global, args, to),
        Command::Connector { command } => return connector::connector(global, command, to).await,
        Command::Connectors { name, markdown } => {
            return connectors::connectors(global, name.as_deref(), *markdown, to);
        }
        Command::Schema { name, write } => return schema::schema(global, name.as_deref(), write.as_deref(), to),
        Command::Mapping { command: MappingCommand::Test { only } } => {
            return mapping::test(global, only.as_deref(), to);
        }
        Command::Status
        | Command::Explain { .. }
        | Command::Issues { .. }
        | Command::Recon { .. }
        | Command::Replay { .. }
        | Command::Reload
        | Command::Verify
        | Command::Backup { .. }
        | Command::Restore { .. }
        | Command::MigrateStore { .. } => {}
    }
    let installation = Installation::read(&global.config)?;
    // The commands that must not find the store open.
    if let Command::Restore { from, replace } = &cli.command {
        return restore::restore(&installation, from, *replace, cli.global.json, to).await;
    }
    if let Command::MigrateStore { to: target } = &cli.command {
        return migrate_store::migrate_store(&installation, target, cli.global.json, to).await;
    }
    let client = Client::open(&installation, &to.clock, matches!(cli.command, Command::Recon { .. })).await?;
    let ended = with_client(cli, &client, to).await;
    client.close().await;
    ended
}

async fn with_client(cli: &Cli, client: &Client, to: &mut Surroundings) -> Result<Exit, CliError> {
    let global = &cli.global;
    match &cli.command {
        Command::Status => status::status(client, global, to).await,
        Command::Explain { record, payloads } => explain::explain(client, global, record, *payloads, to).await,
        Command::Issues { command } => issues::issues(client, global, command, to).await,
        Command::Recon { command } => Box::pin(recon::recon(client, global, command, to)).await,
        Command::Replay { flow, key, since, force } => {
            let asked = replay::Asked { flow, key: key.as_deref(), since: since.as_deref(), force: *force };
            replay::replay(client, global, &asked, to).await
        }
        Command::Reload => reload::reload(client, global, to).await,
        Command::Verify => verify::verify(client, global, to).await,
        Command::Backup { to: target } => backup::backup(client, global, target.as_deref(), to).await,
        Command::Restore { .. }
        | Command::MigrateStore { .. }
        | Command::Demo(_)
        | Command::Init
        | Command::Check { .. }
        | Command::Discover(_)
        | Command::Run
        | Command::Rehearse(_)
        | Command::Sandbox { .. }
        | Command::Connectors { .. }
        | Command::Schema { .. }
        | Command::Connector { .. }
        | Command::Mapping { .. } => Err(CliError::internal("this command needs no open store")),
    }
}

/// The name that goes into the audit trail.
pub(super) fn actor(global: &Global, to: &Surroundings) -> String {
    global.actor.clone().unwrap_or_else(|| to.user.clone())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::LogLevel;

    #[track_caller]
    fn check(flags: &[&str], configured: Option<Log>, expected: (LogFormat, &str)) {
        let line = ["syncline"].iter().chain(flags).chain(&["run"]);
        let cli = Cli::try_parse_from(line).unwrap();
        assert_eq!(log(&cli.global, configured), expected, "{flags:?}");
    }

    #[test]
    fn flags_win_over_the_configuration() {
        let json = Some(Log { level: LogLevel::Debug, format: config::LogFormat::Json });
        check(&[], None, (LogFormat::Human, "warn"));
        check(&[], json, (LogFormat::Json, "debug"));
        check(&[], Some(Log::default()), (LogFormat::Human, "info"));
        check(&["--log", "human"], json, (LogFormat::Human, "debug"));
        check(&["-q"], json, (LogFormat::Json, "error"));
        check(&["-vv"], json, (LogFormat::Json, "trace"));
        check(&["-v"], Some(Log { level: LogLevel::Error, ..Log::default() }), (LogFormat::Human, "debug"));
    }
}
