//! Misbehaviour on purpose: the rates, the seeded dice that decide, and a count of every injection.
//!
//! Not here: what each fault does; the place that misbehaves (server, courier, drop box) asks and then acts.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use super::sync::locked;

/// Rates in tenths of a per cent: 1000 strikes every time, 0 never.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    pub webhook_duplicated_permille: u32,
    /// Held back for up to `webhook_delay_max`, so that later ones overtake it.
    pub webhook_delayed_permille: u32,
    /// Never sent: only a poll finds the change.
    pub webhook_dropped_permille: u32,
    /// 429 with `Retry-After`, nothing applied.
    pub api_429_permille: u32,
    pub api_503_permille: u32,
    /// A write is applied, then the connection closes without an answer.
    pub api_lost_answer_permille: u32,
    /// Applied, then answered only after `api_slow_by`.
    pub api_slow_permille: u32,
    /// A proxy's HTML page with status 200, nothing applied.
    pub api_html_permille: u32,
    /// Applied, but the JSON answer ends in the middle.
    pub api_truncated_permille: u32,
    /// The connection closes before anything is applied.
    pub api_reset_permille: u32,
    /// Applied, but a warning of PHP stands before the JSON; WooCommerce only.
    pub woo_notice_permille: u32,
    /// A transaction that lost a race and was rolled back, told as an error inside a 200; Odoo only.
    pub odoo_conflict_permille: u32,
    /// Committed seconds after its `write_date`; Odoo only.
    pub odoo_late_commit_permille: u32,
    /// The file before the newest one appears again under its old name.
    pub file_repeated_permille: u32,
    /// A file whose trailer contradicts its rows, followed by a good one under the next sequence.
    pub file_wrong_trailer_permille: u32,
    /// The marker follows its file only after `file_marker_late_by`.
    pub file_late_marker_permille: u32,
    /// The file stands under its own name while only its first half is written.
    pub file_half_written_permille: u32,
    /// Half a file is left without a marker; the whole follows under another name.
    pub file_abandoned_permille: u32,
    /// The marker stands before its file does.
    pub file_marker_first_permille: u32,
    /// A file comes after those that were written later.
    pub file_late_permille: u32,
    /// The IDocs of the file before come again, under their numbers.
    pub idoc_repeated_permille: u32,
    /// The newest IDoc of a file stands first.
    pub idoc_shuffled_permille: u32,
    /// An order is refused with status 51 for a lock, and posted when somebody processes it again.
    pub idoc_rejected_permille: u32,
    /// The importing job takes a file a second time.
    pub idoc_imported_twice_permille: u32,
    /// An order is taken and its status is never told.
    pub idoc_ack_missing_permille: u32,
    /// The session's token has expired.
    pub soap_session_stale_permille: u32,
    pub webhook_delay_max: Duration,
    pub api_slow_by: Duration,
    pub file_marker_late_by: Duration,
}

impl Faults {
    /// Vendors on their best behaviour.
    pub fn none() -> Self {
        Faults {
            webhook_delay_max: Duration::from_secs(3),
            api_slow_by: Duration::from_secs(3),
            file_marker_late_by: Duration::from_secs(2),
            ..Faults::default()
        }
    }

    /// A bad week: every kind of fault, each rare enough that work goes on.
    pub fn rough() -> Self {
        Faults {
            webhook_duplicated_permille: 80,
            webhook_delayed_permille: 120,
            webhook_dropped_permille: 40,
            // Each asks for a second of peace, which the hub keeps on the whole connection.
            api_429_permille: 3,
            api_503_permille: 20,
            api_lost_answer_permille: 30,
            api_slow_permille: 10,
            api_html_permille: 10,
            api_truncated_permille: 10,
            api_reset_permille: 20,
            woo_notice_permille: 10,
            odoo_conflict_permille: 30,
            odoo_late_commit_permille: 100,
            file_repeated_permille: 300,
            file_wrong_trailer_permille: 200,
            file_late_marker_permille: 300,
            file_half_written_permille: 200,
            file_abandoned_permille: 100,
            file_marker_first_permille: 200,
            file_late_permille: 200,
            idoc_repeated_permille: 300,
            idoc_shuffled_permille: 300,
            idoc_rejected_permille: 100,
            idoc_imported_twice_permille: 150,
            idoc_ack_missing_permille: 100,
            soap_session_stale_permille: 50,
            ..Faults::none()
        }
    }

    fn permille(&self, fault: Fault) -> u32 {
        match fault {
            Fault::WebhookDuplicated => self.webhook_duplicated_permille,
            Fault::WebhookDelayed => self.webhook_delayed_permille,
            Fault::WebhookDropped => self.webhook_dropped_permille,
            Fault::Api429 => self.api_429_permille,
            Fault::Api503 => self.api_503_permille,
            Fault::ApiLostAnswer => self.api_lost_answer_permille,
            Fault::ApiSlow => self.api_slow_permille,
            Fault::ApiHtml => self.api_html_permille,
            Fault::ApiTruncated => self.api_truncated_permille,
            Fault::ApiReset => self.api_reset_permille,
            Fault::WooNotice => self.woo_notice_permille,
            Fault::OdooConflict => self.odoo_conflict_permille,
            Fault::OdooLateCommit => self.odoo_late_commit_permille,
            Fault::FileRepeated => self.file_repeated_permille,
            Fault::FileWrongTrailer => self.file_wrong_trailer_permille,
            Fault::FileLateMarker => self.file_late_marker_permille,
            Fault::FileHalfWritten => self.file_half_written_permille,
            Fault::FileAbandoned => self.file_abandoned_permille,
            Fault::FileMarkerFirst => self.file_marker_first_permille,
            Fault::FileLate => self.file_late_permille,
            Fault::IdocRepeated => self.idoc_repeated_permille,
            Fault::IdocShuffled => self.idoc_shuffled_permille,
            Fault::IdocRejected => self.idoc_rejected_permille,
            Fault::IdocImportedTwice => self.idoc_imported_twice_permille,
            Fault::IdocAckMissing => self.idoc_ack_missing_permille,
            Fault::SoapSessionStale => self.soap_session_stale_permille,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    WebhookDuplicated,
    WebhookDelayed,
    WebhookDropped,
    Api429,
    Api503,
    ApiLostAnswer,
    ApiSlow,
    ApiHtml,
    ApiTruncated,
    ApiReset,
    WooNotice,
    OdooConflict,
    OdooLateCommit,
    FileRepeated,
    FileWrongTrailer,
    FileLateMarker,
    FileHalfWritten,
    FileAbandoned,
    FileMarkerFirst,
    FileLate,
    IdocRepeated,
    IdocShuffled,
    IdocRejected,
    IdocImportedTwice,
    IdocAckMissing,
    SoapSessionStale,
}

impl Fault {
    /// The name under which injections are counted.
    pub fn name(self) -> &'static str {
        match self {
            Fault::WebhookDuplicated => "webhook_duplicated",
            Fault::WebhookDelayed => "webhook_delayed",
            Fault::WebhookDropped => "webhook_dropped",
            Fault::Api429 => "api_429",
            Fault::Api503 => "api_503",
            Fault::ApiLostAnswer => "api_lost_answer",
            Fault::ApiSlow => "api_slow",
            Fault::ApiHtml => "api_html",
            Fault::ApiTruncated => "api_truncated",
            Fault::ApiReset => "api_reset",
            Fault::WooNotice => "woo_notice",
            Fault::OdooConflict => "odoo_conflict",
            Fault::OdooLateCommit => "odoo_late_commit",
            Fault::FileRepeated => "file_repeated",
            Fault::FileWrongTrailer => "file_wrong_trailer",
            Fault::FileLateMarker => "file_late_marker",
            Fault::FileHalfWritten => "file_half_written",
            Fault::FileAbandoned => "file_abandoned",
            Fault::FileMarkerFirst => "file_marker_first",
            Fault::FileLate => "file_late",
            Fault::IdocRepeated => "idoc_repeated",
            Fault::IdocShuffled => "idoc_shuffled",
            Fault::IdocRejected => "idoc_rejected",
            Fault::IdocImportedTwice => "idoc_imported_twice",
            Fault::IdocAckMissing => "idoc_ack_missing",
            Fault::SoapSessionStale => "soap_session_stale",
        }
    }
}

/// Holds the rates in force and throws the dice; shared by everything that may misbehave.
#[derive(Debug)]
pub struct FaultDesk {
    rates: Mutex<Faults>,
    dice: Mutex<fastrand::Rng>,
    counts: Mutex<BTreeMap<String, u64>>,
}

impl FaultDesk {
    pub fn new(seed: u64, rates: Faults) -> Self {
        FaultDesk {
            rates: Mutex::new(rates),
            dice: Mutex::new(fastrand::Rng::with_seed(seed)),
            counts: Mutex::default(),
        }
    }

    /// Decides whether `fault` happens now, and counts it if so.
    pub fn strikes(&self, fault: Fault) -> bool {
        let permille = locked(&self.rates).permille(fault);
        let hit = permille > 0 && locked(&self.dice).u32(0..1000) < permille;
        if hit {
            *locked(&self.counts).entry(fault.name().to_owned()).or_default() += 1;
        }
        hit
    }

    /// The rates in force; also the source of the delays that go with them.
    pub fn rates(&self) -> Faults {
        locked(&self.rates).clone()
    }

    pub fn set(&self, rates: Faults) {
        *locked(&self.rates) = rates;
    }

    /// A pause of up to `longest`.
    pub fn pause_up_to(&self, longest: Duration) -> Duration {
        let longest_ms = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(locked(&self.dice).u64(0..=longest_ms))
    }

    /// How often each kind was injected since the start.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        locked(&self.counts).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_of_1000_always_strikes_and_is_counted_and_0_never_is() {
        let desk = FaultDesk::new(1, Faults { api_503_permille: 1000, ..Faults::none() });
        for _ in 0..50 {
            assert!(desk.strikes(Fault::Api503));
            assert!(!desk.strikes(Fault::Api429));
        }
        assert_eq!(desk.counts(), BTreeMap::from([("api_503".to_owned(), 50)]));
        desk.set(Faults::none());
        assert!(!desk.strikes(Fault::Api503));
    }

    #[test]
    fn a_middling_rate_strikes_sometimes() {
        let desk = FaultDesk::new(7, Faults { webhook_dropped_permille: 250, ..Faults::none() });
        let hits = (0..1000).filter(|_| desk.strikes(Fault::WebhookDropped)).count();
        assert!((200..300).contains(&hits), "{hits}");
    }
}
