//! The durable queue as an apalis backend: order per key, lanes per destination, leases, wake-up; not here: what jobs mean.
//!
//! States of a job, who moves it on, and what happens if they die:
//!
//! | state | meaning | moved on by | if that one dies |
//! |---|---|---|---|
//! | `blocked` | an older job of its order key is open | the acknowledgement of that job | same transaction: cannot happen half-way |
//! | `ready` | may run from `run_at` on | a claim | nothing is held |
//! | `running` | claimed under a lease, attempt announced | the worker's outcome | the lease runs out (60 s) or the node restarts: `ready`, outcome unknown |
//! | `waiting` | what it refers to is not at the destination | the commit that brings it, or the sweep after `run_at` | sweep |
//! | `done`, `superseded`, `ignored` | closed | nobody | |
//! | `dead` | needs a person | retry, edit, discard; or a newer job of the key succeeds | |
//! | `discarded` | a person gave it up, with a reason | nobody | |

mod backend;
mod dispatcher;
mod lanes;
mod worker;

pub use backend::{Delivery, QueueBackend};
pub use dispatcher::{Dispatcher, DispatcherOptions, QueueHandle};
pub use lanes::{LaneLimits, Lanes};
pub use worker::run_workers;
