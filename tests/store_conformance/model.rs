//! Random work against a small reference: after each step the jobs' states and the ledger must be what the reference says.
//!
//! The reference is written from the contract, not from the statements: plain lists, no SQL, no incremental counters.

use syncline::model::Entity;
use syncline::store::*;

use crate::bench::*;
use crate::reference::*;

const KEYS: [&str; 4] = ["k1", "k2", "k3", "k4"];
const ROUNDS: u64 = 4;
const STEPS: usize = 250;

/// The store and the reference side by side. Their ids map by order of creation.
struct Pair {
    store: std::sync::Arc<dyn Store>,
    reference: Reference,
    inbox_ids: Vec<i64>,
    rng: fastrand::Rng,
    now: i64,
}

impl Pair {
    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        (!from.is_empty()).then(|| from[self.rng.usize(..from.len())])
    }

    async fn step(&mut self) {
        self.now += self.rng.i64(1..2_000);
        match self.rng.u8(..20) {
            0..5 => self.receive().await,
            5..9 => self.process().await,
            9..12 => self.claim().await,
            12..16 => self.finish_one().await,
            16 => self.rescue().await,
            17 => self.retry_or_discard().await,
            18 => self.edit().await,
            _ => self.replay().await,
        }
    }

    async fn receive(&mut self) {
        let n = if self.rng.u8(..4) == 0 && !self.inbox_ids.is_empty() {
            self.rng.usize(..self.inbox_ids.len())
        } else {
            self.inbox_ids.len()
        };
        let appended = self.store.append_inbox(vec![payload(&format!("p{n}"), T0)], None).await.unwrap()[0];
        if n < self.inbox_ids.len() {
            assert_eq!(appended, Appended { id: self.inbox_ids[n], duplicate: true });
            self.reference.payloads[n].duplicates += 1;
        } else {
            assert!(!appended.duplicate);
            self.inbox_ids.push(appended.id);
            self.reference.payloads.push(Payload { duplicates: 0, settled: None, processed: false, issue: None });
        }
    }

    /// A planner of dice: several payloads in one commit, several jobs of one key among them.
    async fn process(&mut self) {
        let pending = self.store.pending_inbox(0, 5).await.unwrap();
        let expected: Vec<i64> = (0..self.inbox_ids.len())
            .filter(|&n| !self.reference.payloads[n].processed)
            .map(|n| self.inbox_ids[n])
            .take(5)
            .collect();
        assert_eq!(pending.iter().map(|row| row.id).collect::<Vec<_>>(), expected);
        let mut rows = Vec::new();
        let mut owed = Vec::new();
        for row in pending {
            let n = self.inbox_ids.iter().position(|id| *id == row.id).unwrap();
            let key = KEYS[self.rng.usize(..KEYS.len())];
            let settled = match self.rng.u8(..8) {
                0 => Some((PlannedOutcome::Superseded, (Disposition::Superseded, ""))),
                1 => Some((PlannedOutcome::Ignored("echo".into()), (Disposition::Ignored, "echo"))),
                2 => Some((PlannedOutcome::Dead(dead_letter("i0")), (Disposition::Dead, "data"))),
                _ => None,
            };
            self.reference.payloads[n].processed = true;
            if let Some((outcome, settled)) = settled {
                self.reference.payloads[n].settled = Some(settled);
                self.reference.payloads[n].issue = (settled.0 == Disposition::Dead).then_some(0);
                rows.push(planned(row.id, key, outcome));
                continue;
            }
            let revision = self.reference.revisions.entry(key).or_default();
            *revision += 1;
            // Keys with an odd number carry states, the others changes that each have to arrive.
            let latest = key != "k2" && key != "k4";
            let jobs = if self.rng.u8(..6) == 0 { vec![] } else { vec![job_for(key, latest)] };
            if jobs.is_empty() {
                self.reference.payloads[n].settled = Some((Disposition::Applied, ""));
            } else {
                owed.push((key, n, latest, *revision));
            }
            rows.push(planned(row.id, key, applied(key, *revision, jobs)));
        }
        let done = commit(&*self.store, rows, self.now).await;
        assert_eq!(done.conflicts, Vec::<i64>::new());
        for (key, n, latest, revision) in owed {
            self.reference.owe(key, n, latest, false, self.now);
            self.reference.jobs.last_mut().unwrap().revision = revision;
        }
    }

    async fn claim(&mut self) {
        let room = self.rng.u32(1..4);
        let claimed = claim(&*self.store, self.now, room).await;
        let expected = self.reference.claim(self.now, room as usize);
        assert_eq!(claimed.len(), expected.len());
        for (job, n) in claimed.iter().zip(expected) {
            let wanted = &self.reference.jobs[n];
            assert_eq!(
                (job.claim, job.source.key.as_str(), job.revision, job.attempt, job.failures, job.unknown, job.force),
                (
                    JobClaim { job_id: n as i64 + 1, claim: wanted.claim },
                    wanted.key,
                    wanted.revision,
                    wanted.attempts,
                    wanted.failures,
                    wanted.unknown,
                    wanted.force
                )
            );
            assert_eq!(job.edited.is_some(), wanted.edited);
        }
    }

    async fn finish_one(&mut self) {
        let started: Vec<usize> =
            (0..self.reference.jobs.len()).filter(|&n| self.reference.jobs[n].claim > 0).collect();
        let running: Vec<usize> =
            started.iter().copied().filter(|&n| self.reference.jobs[n].state == JobState::Running).collect();
        // Now and then a worker that has lost its claim, or never noticed that it was done, speaks up.
        let stale = self.rng.u8(..6) == 0;
        let Some(n) = self.pick(if stale { &started } else { &running }) else { return };
        let job = self.reference.jobs[n].clone();
        let claim = job.claim - i64::from(stale && job.state == JobState::Running);
        let current = job.state == JobState::Running && claim == job.claim;
        let run_at = self.now + self.rng.i64(1..4_000);
        let other = KEYS[self.rng.usize(..KEYS.len())];
        let kind = self.rng.u8(..9);
        let outcome = match kind {
            0..3 => done("r"),
            3 => AckOutcome::Superseded,
            4 => AckOutcome::Ignored("unchanged".into()),
            5 => AckOutcome::Retry { run_at, counts: true, error: "503".into() },
            6 => AckOutcome::Unknown { run_at, error: "timeout".into() },
            7 => {
                let wait_for = wait_key(ERP, Entity::Order, &natural_key(other));
                AckOutcome::Wait { wait_for, check_at: run_at, error: "missing".into() }
            }
            _ => AckOutcome::Dead(dead_letter("i1")),
        };
        // A tick of its own moment, so that nothing can have come between claim and outcome in the same microsecond.
        let claim = JobClaim { job_id: n as i64 + 1, claim };
        let came_meanwhile = self.came_since_the_attempt(n, other).await;
        let result = acknowledge(&*self.store, self.now, claim, outcome).await;
        assert_eq!(result.stale, if current { vec![] } else { vec![claim] });
        if !current {
            return;
        }
        let job = &mut self.reference.jobs[n];
        match kind {
            0..3 => return self.reference.done(n, self.now),
            3 => (job.state, job.unknown) = (JobState::Superseded, false),
            4 => (job.state, job.unknown, job.rule) = (JobState::Ignored, false, "unchanged"),
            5 => {
                (job.state, job.unknown, job.run_at) = (JobState::Ready, false, run_at);
                job.failures += 1;
            }
            6 => {
                (job.state, job.unknown, job.run_at) = (JobState::Ready, true, run_at);
                job.failures += 1;
            }
            7 => (job.state, job.run_at, job.wait_for) = (JobState::Waiting, run_at, Some(other)),
            _ => (job.state, job.issue) = (JobState::Dead, Some(1)),
        }
        let key = job.key;
        self.reference.arrange(key);
        let job = &mut self.reference.jobs[n];
        if job.state == JobState::Waiting && came_meanwhile {
            (job.state, job.run_at) = (JobState::Ready, self.now);
        }
    }

    /// Whether the record arrived at the destination after the job's attempt had begun: read from the history.
    async fn came_since_the_attempt(&self, n: usize, other: &str) -> bool {
        let mine = self.store.timeline(&record(self.reference.jobs[n].key)).await.unwrap();
        let attempt = mine.jobs.iter().find(|job| job.id == n as i64 + 1).unwrap().tries.last().unwrap().started_at;
        let theirs = self.store.timeline(&record(other)).await.unwrap();
        theirs.jobs.iter().any(|job| job.state == JobState::Done && job.finished_at >= Some(attempt))
    }

    async fn rescue(&mut self) {
        // Sometimes long after everything, so that leases run out; sometimes this node's previous life is known to be dead.
        let dead_owner = self.rng.bool().then_some("node-1");
        if self.rng.u8(..4) == 0 {
            self.now += LEASE_US;
        }
        let rescued = self.store.rescue(self.now, dead_owner).await.unwrap();
        let mut expected = 0;
        for job in &mut self.reference.jobs {
            if job.state == JobState::Running && (dead_owner.is_some() || job.lease_until < self.now) {
                (job.state, job.unknown) = (JobState::Ready, true);
                job.run_at = job.run_at.min(self.now);
                expected += 1;
            }
            if job.state == JobState::Waiting && job.run_at <= self.now {
                job.state = JobState::Ready;
            }
        }
        assert_eq!(rescued, expected);
    }

    async fn open_issue(&mut self) -> Option<(i64, u8)> {
        let issues = self.store.issues(IssueFilter::Open).await.unwrap();
        let open: Vec<(i64, u8)> =
            issues.iter().map(|issue| (issue.id, u8::from(issue.title.ends_with("i1")))).collect();
        for (issue, (_, number)) in issues.iter().zip(&open) {
            let (jobs, payloads) = self.reference.dead_of(*number);
            assert_eq!(issue.open_count, (jobs.len() + payloads.len()) as i64, "{issue:?}");
            assert!(issue.open_count > 0, "an issue without dead letters is resolved");
        }
        self.pick(&open)
    }

    async fn retry_or_discard(&mut self) {
        let Some((id, number)) = self.open_issue().await else { return };
        let (jobs, payloads) = self.reference.dead_of(number);
        let all = (jobs.len() + payloads.len()) as u64;
        if self.rng.bool() {
            assert_eq!(self.store.retry_issue(id, None, "ann", self.now).await.unwrap(), all);
            self.reference.send_back(&jobs, &payloads, self.now);
        } else {
            assert_eq!(self.store.discard_issue(id, None, "old", "ann", self.now).await.unwrap(), all);
            for n in jobs {
                self.reference.jobs[n].state = JobState::Discarded;
            }
            for n in payloads {
                self.reference.payloads[n].settled = Some((Disposition::Ignored, "discarded"));
            }
        }
    }

    async fn edit(&mut self) {
        let dead: Vec<usize> =
            (0..self.reference.jobs.len()).filter(|&n| self.reference.jobs[n].state == JobState::Dead).collect();
        let Some(n) = self.pick(&dead) else { return };
        let edited = self.store.edit_dead(correction(DeadRef::Job(n as i64 + 1), "{}", self.now)).await;
        let refused = self.reference.outdated(n);
        assert_eq!(edited.is_err(), refused, "{edited:?}");
        if refused {
            return;
        }
        self.reference.jobs[n].edited = true;
        self.reference.send_back(&[n], &[], self.now);
    }

    async fn replay(&mut self) {
        let key = KEYS[self.rng.usize(..KEYS.len())];
        let force = self.rng.bool();
        let replay = Replay {
            flow: "orders-to-erp".into(),
            source_connection: SHOP.into(),
            source_stream: "orders".into(),
            dest_connection: ERP.into(),
            dest_stream: "sales_orders".into(),
            latest: true,
            key: Some(key.into()),
            since: None,
            force,
            at: self.now,
        };
        let replayed = self.store.replay(replay).await.unwrap();
        assert_eq!(replayed, u64::from(self.reference.revisions.contains_key(key)));
        if replayed == 1 {
            let last = self.store.timeline(&record(key)).await.unwrap().events.last().unwrap().inbox_id;
            let n = self.inbox_ids.iter().position(|id| *id == last).unwrap();
            self.reference.payloads[n].settled = None;
            self.reference.owe(key, n, true, force, self.now);
        }
    }

    async fn compare(&self) {
        let mut stored: Vec<JobRow> = Vec::new();
        for key in KEYS {
            stored.extend(self.store.timeline(&record(key)).await.unwrap().jobs);
        }
        stored.sort_by_key(|job| job.id);
        let stored: Vec<(i64, JobState, bool, i64)> =
            stored.iter().map(|job| (job.id, job.state, job.unknown, job.attempts)).collect();
        let wanted: Vec<(i64, JobState, bool, i64)> =
            (1..).zip(&self.reference.jobs).map(|(id, job)| (id, job.state, job.unknown, job.attempts)).collect();
        assert_eq!(stored, wanted);
        assert_eq!(ledger(&*self.store).await, self.reference.ledger());
    }
}

pub async fn random_work_matches_the_reference<B: Bench>(_: &B) {
    for seed in 1..=ROUNDS {
        let bench = B::new().await;
        let mut pair = Pair {
            store: bench.open().await,
            reference: Reference::default(),
            inbox_ids: Vec::new(),
            rng: fastrand::Rng::with_seed(seed),
            now: T0,
        };
        for step in 0..STEPS {
            // Shown only if the round fails.
            println!("seed {seed} step {step}");
            pair.step().await;
            pair.compare().await;
        }
        assert_sound(&*pair.store).await;
    }
}
