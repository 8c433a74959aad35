//! The HTTP surface: the server itself, health, metrics and the REST API; not here: pages (see `web`), webhooks (see `intake`).
//!
//! Each file under `resources/` is one resource: what it looks like from outside, how it is read, what may be done to it.
//! The pages and the commands use the same functions; nothing can be done there that cannot be done here.

mod backup_name;
mod costly;
mod document;
mod error;
mod extract;
mod fields;
mod guard;
mod health;
mod live;
mod percent;
mod prometheus;
pub mod resources;
mod router;
pub mod server;
mod state;
mod story;
mod time;
mod work;

pub use error::{ApiError, Code};
pub use extract::{ApiForm, ApiJson, ApiPath, ApiQuery};
pub use fields::{FieldRow, side_by_side};
pub(crate) use guard::KEPT;
pub use guard::{ACTOR_HEADER, guarded};
pub use percent::{decode, encode};
pub use router::{ROUTES, Route, router};
pub use state::{
    About, ActionError, AppState, ConnectionInfo, Deliver, FlowInfo, FlowMode, HubView, Owner, Readiness,
    ReloadRefusal, StreamInfo, StreamRef, Untold,
};
pub use story::{Expectation, Hop, HopKind, Level, Payload, Stage, StageState, Story, SystemValue, Told, tell};
pub use time::Time;
pub use work::{Work, WorkBoard, WorkKind, WorkState};
