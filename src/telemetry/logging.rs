//! Where log lines go and how they look; not here: what is logged. Lines carry names and numbers, never payloads.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::TryInitError;

use super::log_text::EscapedStderr;

/// The variable that overrides the filter: `SYNCLINE_LOG=info,syncline::deliver=debug`.
pub const FILTER_VARIABLE: &str = "SYNCLINE_LOG";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people at a terminal.
    #[default]
    Human,
    /// One JSON object a line, for machines.
    Json,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    #[error(
        "the log filter {filter:?} cannot be read: {cause}; write levels such as `info` or `info,syncline::deliver=debug`"
    )]
    Filter { filter: String, cause: String },
    #[error("the log is set up already: {0}")]
    Twice(#[from] TryInitErrorText),
}

/// The subscriber's own error is not `Clone` nor comparable; its text is all that matters.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TryInitErrorText(String);

impl From<TryInitError> for TryInitErrorText {
    fn from(error: TryInitError) -> Self {
        TryInitErrorText(error.to_string())
    }
}

/// The level that `-q`, nothing, `-v` and `-vv` stand for.
pub fn level(verbosity: i8) -> &'static str {
    match verbosity {
        i8::MIN..=-1 => "error",
        0 => "info",
        1 => "debug",
        2..=i8::MAX => "trace",
    }
}

/// Sets the log of this process up, on standard error; once. `level` holds unless the variable says otherwise.
pub fn install(format: LogFormat, level: &str) -> Result<(), LoggingError> {
    let filter = std::env::var(FILTER_VARIABLE).unwrap_or_else(|_| quiet_libraries(level));
    let parsed = EnvFilter::try_new(&filter)
        .map_err(|cause| LoggingError::Filter { filter: filter.clone(), cause: cause.to_string() })?;
    let terminal = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let builder = tracing_subscriber::fmt().with_env_filter(parsed);
    let installed = match format {
        LogFormat::Human => builder
            .with_ansi(terminal)
            .with_target(false)
            .with_writer(EscapedStderr { colour: terminal })
            .finish()
            .try_init_text(),
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .with_ansi(false)
            .with_writer(EscapedStderr { colour: false })
            .finish()
            .try_init_text(),
    };
    Ok(installed?)
}

/// Libraries speak up only when something is wrong, unless a person asks for them by the variable.
fn quiet_libraries(level: &str) -> String {
    format!("warn,syncline={level}")
}

trait TryInitText {
    fn try_init_text(self) -> Result<(), TryInitErrorText>;
}

impl<S: Into<tracing::Dispatch>> TryInitText for S {
    fn try_init_text(self) -> Result<(), TryInitErrorText> {
        use tracing_subscriber::util::SubscriberInitExt as _;
        Ok(self.try_init()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbosity_is_a_level() {
        assert_eq!([-2, -1, 0, 1, 2, 9].map(level), ["error", "error", "info", "debug", "trace", "trace"]);
    }

    #[test]
    fn every_level_makes_a_filter() {
        for verbosity in [-1, 0, 1, 2] {
            let filter = quiet_libraries(level(verbosity));
            assert!(EnvFilter::try_new(&filter).is_ok(), "{filter}");
        }
    }
}
