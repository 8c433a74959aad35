//! The store's conformance suite: one function per behaviour, run against every database behind the contract.
//!
//! A new database joins with one `suite!` line and an implementation of `Bench`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bench;
mod deliver;
mod edits;
mod intake;
mod model;
mod people;
mod poison;
mod postgres_server;
mod process;
mod recon;
mod reference;
mod retention;
#[path = "../server/mod.rs"]
mod server;
mod sqlite_files;
mod wire;

macro_rules! suite {
    ($name:ident, $bench:ty) => {
        mod $name {
            use super::*;
            use crate::bench::Bench as _;
            suite!(@tests $bench;
                intake: a_known_payload_is_a_duplicate;
                intake: a_long_list_keeps_its_order;
                intake: a_cursor_moves_with_its_rows;
                intake: a_refused_operation_leaves_nothing_and_harms_no_neighbour;
                intake: a_batch_is_seen_only_once_released;
                intake: a_long_file_keeps_its_order;
                intake: a_refused_batch_leaves_only_its_issue;
                intake: a_decision_about_a_file_is_kept_until_it_is_done;
                intake: a_batch_history_tells_numbers_and_repeats;
                intake: a_batch_interrupted_by_a_crash_starts_over;
                intake: a_thousand_concurrent_appends_share_commits;
                process: states_events_and_jobs_are_one_commit;
                process: an_outdated_plan_is_a_conflict;
                process: an_older_version_never_overwrites;
                process: a_split_payload_is_counted_by_its_parts;
                process: sightings_add_up;
                process: a_webhook_that_repeats_a_polled_payload_is_late_once;
                process: our_own_writes_are_found_by_remote_id;
                process: keys_are_looked_up_in_bulk;
                process: a_held_job_waits_for_a_person;
                process: live_keys_are_walked_in_order;
                deliver: one_job_of_a_key_runs_at_a_time;
                deliver: claims_are_bounded_over_all_lanes;
                deliver: only_the_newest_of_a_latest_key_is_sent;
                deliver: a_retry_gives_way_to_a_newer_job;
                deliver: two_flows_never_replace_each_other;
                deliver: an_outdated_claim_is_refused;
                deliver: concurrent_claims_share_the_work;
                deliver: a_lost_job_comes_back_unknown;
                deliver: renewed_leases_are_kept;
                deliver: a_released_claim_counts_no_failure;
                deliver: outcomes_move_the_ledger;
                deliver: a_waiting_job_wakes_when_its_reference_arrives;
                deliver: a_reference_that_came_meanwhile_is_not_missed;
                deliver: a_waiting_job_looks_again_in_time;
                deliver: references_resolve_at_the_destination;
                deliver: an_edited_or_forced_effect_has_a_key_of_its_own;
                deliver: an_edit_in_doubt_is_told_until_a_person_knows;
                deliver: a_retry_has_a_new_key_only_after_a_definite_refusal;
                deliver: a_replay_sends_the_last_state_again;
                people: dead_letters_group_into_issues;
                people: a_retry_sends_back_in_order;
                people: a_discard_is_accounted_for;
                people: an_edit_replaces_the_body_and_keeps_the_original;
                edits: an_edit_never_overwrites_a_newer_revision;
                edits: where_every_change_counts_each_of_them_can_be_edited;
                edits: an_edit_of_what_is_not_there_any_more_is_refused;
                edits: an_edit_is_told_with_its_author_and_both_states;
                edits: what_was_perhaps_sent_before_an_edit_is_remembered;
                people: an_issue_heals_when_a_newer_state_arrives;
                people: records_are_found_by_what_people_type;
                people: a_timeline_tells_the_whole_story;
                people: statistics_count_what_was_done;
                people: events_are_read_on_without_a_gap;
                people: throughput_is_counted_in_slices;
                people: connection_states_survive;
                people: a_changed_audit_entry_is_named;
                people: a_changed_counter_is_named;
                recon: a_run_is_kept_with_its_event;
                recon: a_decision_about_something_else_is_refused;
                recon: a_changed_reconciliation_event_is_named;
                retention: what_is_old_and_closed_goes;
                retention: verify_ties_after_a_purge;
                retention: a_duplicate_after_a_purge_is_still_a_duplicate;
                retention: nothing_open_is_purged;
                retention: a_purge_goes_in_small_batches;
                retention: a_purged_record_goes_on;
                poison: what_no_text_can_hold_is_shown_in_its_place;
                poison: what_is_too_long_for_an_index_is_told_apart_all_the_same;
                model: random_work_matches_the_reference;
            );
        }
    };
    (@tests $bench:ty; $($module:ident: $test:ident;)+) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            let bench = <$bench>::new().await;
            $module::$test(&bench).await;
        })+
    };
}

suite!(sqlite, bench::SqliteBench);
suite!(postgres, bench::PostgresBench);
