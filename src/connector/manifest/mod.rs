//! A connector as data: the checked form of `connectors/<name>/connector.yaml`.
//!
//! The engine's vocabulary is closed: each enum here is a set of named schemes that are implemented once. A new scheme is a new variant
//! (with its words, its checks and its engine part); no manifest that exists has to change.
//!
//! Not here: carrying anything out (`http/`, `file/`), finding manifests (`registry`), connections and their settings' values (`config`).

mod auth;
mod auth_choice;
mod batch;
mod body;
mod check;
mod check_auth;
mod check_batch;
mod check_process;
mod check_read;
mod check_sql;
mod check_stream;
mod document;
mod edi;
mod edi_out;
mod errors;
mod file;
mod fixed;
mod follow_up;
mod format;
mod format_out;
mod handshake;
mod list_path;
mod pages;
mod partner;
mod process;
mod rate;
mod read;
pub(crate) mod references;
mod request;
mod requests;
mod scope;
mod sections;
mod settings;
mod sql;
mod sql_stream;
mod sql_text;
mod statement;
mod status;
mod stream;
mod subscriptions;
mod text;
mod time_text;
mod verify;
mod verify_hmac;
mod verify_odd;
mod webhook;
mod wrapper;
mod write;

pub use auth::{
    Algorithm, Assertion, AssertionPlace, Auth, ClientAuth, Grant, OAuth1, OAuth2, OutgoingSignature, Session,
};
pub use auth_choice::AuthChoice;
pub use batch::{BatchResult, BatchWrite, ResultKey, Unmentioned};
pub use body::{Body, JsonTemplate, MultipartPart, PartContent, SoapVersion, XmlContent};
pub use document::{Category, Check, Http, Manifest, Timeouts};
pub use errors::{ErrorRule, HeaderCondition, RuleClass};
pub use file::{Batch, FileMode, FileRead, FileWrite};
pub use follow_up::FollowUp;
pub use handshake::{Csrf, Tls};
pub use list_path::ListPath;
pub use pages::{Pages, Total};
pub use partner::Partner;
pub use process::{
    CreateSafety, Process, ProcessLimits, ProcessProtocol, ProcessRead, ProcessReadMode, ProcessTimeouts, ProcessWrite,
    Replication, ReplicationMethod, TapCatalog,
};
pub use rate::{RateLimit, RateScheme, ResetUnit};
pub use read::{Children, Cursor, CursorKind, Get, Hint, HttpRead, ReadOrder};
pub use request::{Fields, Method, Request};
pub use settings::{OnlyWhen, Setting, SettingFormat, SettingKind, SettingProblem, SettingValues};
pub use sql::{Sql, SqlAddress, SqlCheck, SqlDriver, SqlErrorRule, SqlServer, SqlTimeouts, SqlTls, TinyInt, TlsMode};
pub use sql_stream::{
    Outbox, RowCount, SqlIdempotency, SqlOperation, SqlProgress, SqlRead, SqlStatement, SqlValue, SqlValueKind,
    SqlWrite,
};
pub use sql_text::Statement;
pub use status::StatusSet;
pub use stream::{Enrich, Explode, Read, Stream, StreamEntity, TimeRule, VersionKind, VersionRule, Write};
pub use subscriptions::{Expiry, Subscriptions};
pub use time_text::{Moment, TimeText};
pub use verify::{
    ContentPart, Encoding, Hash, Hmac, KeyForm, SecretPlace, SignatureParts, TimeUnit, TimestampCheck, TimestampFrom,
    Verify,
};
pub use verify_odd::{CertificateSignature, SignedItems};
pub use webhook::{Fetch, Ping, StreamWebhook, Topic, TopicOp, Webhooks};
pub use wrapper::Wrapper;
pub use write::{CompareAndSet, Confirm, HttpWrite, Idempotency, OpKind, Operation, Step, WriteResponse};

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests;
