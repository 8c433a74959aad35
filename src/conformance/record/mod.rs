//! Fixtures from a live connection: its safe reads, without secrets and people, played back before they are kept.
//!
//! Not here: writes, which are never made for a recording; judging a connector (`run`).

mod cells;
mod compose;
mod files;
mod listen;
mod live;
mod lookalike;
mod markup;
mod place;
mod replay;
mod run;
mod scrub;
mod secrets;
mod stage;

pub use crate::mapping::personal::Category;
pub use listen::Recorder;
pub use place::{default_folder, write};
pub use run::{LiveConnection, RecordError, RecordOptions, Recording, record};
