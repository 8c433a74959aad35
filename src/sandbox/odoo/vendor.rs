//! Odoo as the rest of the sandbox sees it: a database with a door, and a warehouse behind it.
//!
//! Not here: the door (`rpc`).

use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::db::Db;
use super::models::{self, FIRST_PRODUCT};
use super::{cell::Cell, stock};
use crate::sandbox::catalogue::Catalogue;
use crate::sandbox::faults::FaultDesk;
use crate::sandbox::options::Credentials;
use crate::sandbox::sync::locked;

/// The user that the key belongs to.
pub const USER_ID: i64 = 2;
/// A transaction that takes long commits this much later than it began, at most.
const LATEST_S: u64 = 4;

#[derive(Debug)]
pub struct Odoo {
    db: Mutex<Db>,
    database: String,
    login: String,
    key: String,
    desk: Arc<FaultDesk>,
}

impl Odoo {
    pub fn new(catalogue: &Catalogue, credentials: &Credentials, seed: u64, desk: Arc<FaultDesk>) -> Self {
        let mut db = Db::default();
        models::furnish(&mut db, catalogue, &mut fastrand::Rng::with_seed(seed ^ 0x0D00));
        Odoo {
            db: Mutex::new(db),
            database: credentials.odoo_database.clone(),
            login: credentials.odoo_login.clone(),
            key: credentials.odoo_key.clone(),
            desk,
        }
    }

    pub fn db(&self) -> &Mutex<Db> {
        &self.db
    }

    pub(super) fn desk(&self) -> &FaultDesk {
        &self.desk
    }

    pub(super) fn login(&self) -> &str {
        &self.login
    }

    pub(super) fn knows(&self, database: &Value, key: &Value) -> bool {
        database.as_str() == Some(&self.database) && key.as_str() == Some(&self.key)
    }

    pub(super) fn lateness_s(&self) -> i64 {
        let pause = self.desk.pause_up_to(std::time::Duration::from_secs(LATEST_S));
        i64::try_from(pause.as_secs()).unwrap_or_default()
    }

    /// Somebody typed a customer in long ago.
    pub fn remember_partner(&self, name: &str, email: &str) {
        let cells = [("name", Cell::text(name)), ("email", Cell::text(email)), ("active", Cell::Flag(true))];
        locked(&self.db).insert_at("res.partner", 7, &cells);
    }

    /// The id of the catalogue's article.
    pub fn product(article: usize) -> i64 {
        FIRST_PRODUCT + article as i64
    }

    pub fn receive(&self, article: usize, pieces: i64) {
        stock::receive(&mut locked(&self.db), Odoo::product(article), pieces);
    }

    /// Ships what has lain reserved for `after_s` seconds.
    pub fn ship(&self, after_s: i64) -> usize {
        stock::ship(&mut locked(&self.db), after_s)
    }
}
