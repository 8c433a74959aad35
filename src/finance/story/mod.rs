//! Payment stories: one's money followed through reconciliations, leg by leg, from the order to the bank line.
//!
//! Each leg is a reconciliation of two sides with a newest complete run; a story reads the very statements that those runs had
//! read. Not here: comparing (`recon`), running (`run`), pages and commands.

mod ask;
mod definition;
mod figures;
mod folder;
mod keys;
mod outcome;
mod scan;
mod sides;
mod stations;
mod told;
mod verdicts;
mod walk;

pub use ask::Asked;
pub use definition::{Leg, Story, parse};
pub use folder::load_stories;
pub use told::{
    Outcome, OutcomeState, PaymentStory, Share, Station, StationRun, StationSide, StoryAmounts, StoryBreak, StoryRow,
    Verdict,
};
