//! The one language of conditions, keys and computed cells: paths, expressions and templates over JSON values.
//!
//! Not here: what the values mean, I/O, clocks, environment. An expression is a function of its scope and nothing else.

mod calls;
mod engine;
mod expression;
mod functions;
mod lists;
mod path;
mod payload;
mod scope;
mod template;

pub use expression::{Expression, ExpressionError};
pub use functions::{FUNCTIONS, Function};
pub use path::{Path, PathSyntaxError, Step, Tree};
pub use payload::Payload;
pub use scope::Scope;
pub use template::{Template, TemplateError};
