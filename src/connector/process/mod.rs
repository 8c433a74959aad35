//! Programs as connectors: started, talked to over standard input and output, held to limits, ended; docs/plugins.md is the
//! protocol. What such a program does wrong is an error of its own call, nothing else stops.
//!
//! Not here: when a stream is read or written (intake, deliver), what the records mean.

mod child;
mod command;
mod failure;
mod lines;
mod log;
mod message;
mod pages;
mod program;
mod reader;
mod run_folder;
mod session;
mod singer;
mod sink;

pub use command::missing as missing_command;
pub use program::{Program, ProgramError, ProgramFolders};
pub use reader::ProcessReader;
pub use sink::ProcessSink;
