//! Reconciliations: definitions, runs, breaks and what people decide about them; not here: the rules of deciding
//! (`finance::workflow`), comparing (`recon`).

mod acts;
mod export;
mod history;
mod one_break;
mod reading;
mod schedule;
mod standing;
mod stories;
mod views;
mod watch;

pub use acts::{
    ActBody, Decided, HealBody, MatchBody, ReasonBody, RunBody, SignBody, act_on, begin_rederive, begin_run,
    match_breaks, reopen_run, sign_run, undo_match,
};
pub(in crate::api) use acts::{act, decide, heal, rederive, reopen, sign, start, undo};
pub(in crate::api) use export::export;
pub use history::HappenedView;
pub use one_break::{
    BreakDetail, BreakOfKey, Candidate, RunBreaks, SideLines, WriteOffTerms, load_break, load_breaks_of,
    load_run_breaks,
};
pub(in crate::api) use one_break::{one_break, run_breaks};
pub use reading::{BreakQuery, load_breaks, load_journal, load_list, load_one, load_run};
pub(in crate::api) use reading::{breaks, events, journal, list, run, show};
pub use schedule::{keep_schedule, look};
pub use standing::{AgeCount, OpenSum, Standing};
pub use stories::{StoriesView, StoryLink, StoryQuery, StoryView, load_stories, load_story, load_story_named};
pub(in crate::api) use stories::{stories, story};
pub use views::{
    AgreementView, AmountView, BreakView, ReconciliationDetail, ReconciliationView, RemarkView, RunDetail, RunView,
    SignatureView,
};
pub use watch::{Watching, keep_watch};
