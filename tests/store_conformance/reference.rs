//! What the contract says of jobs, payloads and the ledger, as plain lists: no SQL, no incremental counters.

use std::collections::{BTreeMap, BTreeSet};

use syncline::store::*;

pub const LEASE_US: i64 = 60_000_000;

/// One owed effect, as the reference sees it.
#[derive(Clone, Debug)]
pub struct Job {
    pub key: &'static str,
    pub latest: bool,
    pub force: bool,
    pub edited: bool,
    pub inbox: usize,
    pub revision: i64,
    pub state: JobState,
    pub unknown: bool,
    pub run_at: i64,
    pub claim: i64,
    pub attempts: i64,
    pub failures: i64,
    pub lease_until: i64,
    pub wait_for: Option<&'static str>,
    pub issue: Option<u8>,
    pub rule: &'static str,
}

/// One payload: its jobs decide, unless it was settled without any.
#[derive(Clone, Debug)]
pub struct Payload {
    pub duplicates: i64,
    /// None while it is to be processed or its jobs speak for it.
    pub settled: Option<(Disposition, &'static str)>,
    pub processed: bool,
    pub issue: Option<u8>,
}

#[derive(Default)]
pub struct Reference {
    pub payloads: Vec<Payload>,
    pub jobs: Vec<Job>,
    pub revisions: BTreeMap<&'static str, i64>,
}

pub fn natural_key(key: &str) -> String {
    format!("#{key}")
}

impl Reference {
    pub fn of_key(&self, key: &str) -> impl Iterator<Item = usize> {
        (0..self.jobs.len()).filter(move |&n| self.jobs[n].key == key)
    }

    /// In any order of events: the newest of a latest key replaces those not under way, then the oldest open job is ready
    /// if none is in flight.
    pub fn arrange(&mut self, key: &str) {
        let of_key: Vec<usize> = self.of_key(key).filter(|&n| self.jobs[n].state.is_open()).collect();
        for (place, &n) in of_key.iter().enumerate() {
            let job = &self.jobs[n];
            let replaceable = job.latest && !job.unknown && !job.edited && job.state != JobState::Running;
            if replaceable && of_key[place + 1..].iter().any(|&newer| self.jobs[newer].force >= job.force) {
                self.jobs[n].state = JobState::Superseded;
            }
        }
        let open: Vec<usize> = of_key.into_iter().filter(|&n| self.jobs[n].state.is_open()).collect();
        let in_flight = open.iter().any(|&n| self.jobs[n].state != JobState::Blocked);
        if let Some(&head) = open.first()
            && !in_flight
        {
            self.jobs[head].state = JobState::Ready;
        }
    }

    pub fn owe(&mut self, key: &'static str, inbox: usize, latest: bool, force: bool, now: i64) {
        self.jobs.push(Job {
            key,
            latest,
            force,
            edited: false,
            inbox,
            revision: self.revisions[key],
            state: JobState::Blocked,
            unknown: false,
            run_at: now,
            claim: 0,
            attempts: 0,
            failures: 0,
            lease_until: 0,
            wait_for: None,
            issue: None,
            rule: "",
        });
        self.arrange(key);
    }

    pub fn claim(&mut self, now: i64, room: usize) -> Vec<usize> {
        let mut due: Vec<usize> = (0..self.jobs.len())
            .filter(|&n| self.jobs[n].state == JobState::Ready && self.jobs[n].run_at <= now)
            .collect();
        due.sort_by_key(|&n| (self.jobs[n].run_at, n));
        due.truncate(room);
        for &n in &due {
            let job = &mut self.jobs[n];
            job.state = JobState::Running;
            job.claim += 1;
            job.attempts += 1;
            job.lease_until = now + LEASE_US;
        }
        due
    }

    pub fn done(&mut self, n: usize, now: i64) {
        let key = self.jobs[n].key;
        self.jobs[n].state = JobState::Done;
        self.jobs[n].unknown = false;
        for older in 0..n {
            if self.jobs[older].key == key && self.jobs[older].state == JobState::Dead {
                self.jobs[older].state = JobState::Superseded;
            }
        }
        for job in &mut self.jobs {
            if job.state == JobState::Waiting && job.wait_for == Some(key) {
                job.state = JobState::Ready;
                job.run_at = now;
            }
        }
        self.arrange(key);
    }

    pub fn disposition(&self, payload: usize) -> (Disposition, String) {
        if let Some((disposition, reason)) = self.payloads[payload].settled {
            return (disposition, reason.into());
        }
        let states: Vec<&Job> = self.jobs.iter().filter(|job| job.inbox == payload).collect();
        let any = |state| states.iter().any(|job| job.state == state);
        let (disposition, reason) = if !self.payloads[payload].processed || states.iter().any(|job| job.state.is_open())
        {
            (Disposition::Pending, "")
        } else if any(JobState::Dead) {
            (Disposition::Dead, "delivery")
        } else if any(JobState::Done) {
            (Disposition::Applied, "")
        } else if any(JobState::Superseded) {
            (Disposition::Superseded, "")
        } else if any(JobState::Discarded) {
            (Disposition::Ignored, "discarded")
        } else {
            (Disposition::Ignored, states.iter().map(|job| job.rule).max().unwrap_or(""))
        };
        (disposition, reason.into())
    }

    pub fn ledger(&self) -> Vec<(Disposition, String, i64)> {
        let mut sums: BTreeMap<(Disposition, String), i64> = BTreeMap::new();
        for (n, payload) in self.payloads.iter().enumerate() {
            *sums.entry(self.disposition(n)).or_default() += 1;
            *sums.entry((Disposition::Ignored, "duplicate".into())).or_default() += payload.duplicates;
        }
        sums.into_iter().filter(|(_, n)| *n != 0).map(|((d, reason), n)| (d, reason, n)).collect()
    }

    /// Whether an edit of this job would come too late: a newer revision arrived, may have arrived, or is to come.
    pub fn outdated(&self, n: usize) -> bool {
        let job = &self.jobs[n];
        self.jobs.iter().filter(|newer| newer.key == job.key && newer.revision > job.revision).any(|newer| {
            let dead = newer.state == JobState::Dead && (newer.unknown || job.latest);
            newer.state.is_open() || newer.state == JobState::Done || dead
        })
    }

    pub fn dead_of(&self, issue: u8) -> (Vec<usize>, Vec<usize>) {
        let jobs = (0..self.jobs.len())
            .filter(|&n| self.jobs[n].state == JobState::Dead && self.jobs[n].issue == Some(issue))
            .collect();
        let payloads = (0..self.payloads.len())
            .filter(|&n| {
                self.payloads[n].issue == Some(issue)
                    && matches!(self.payloads[n].settled, Some((Disposition::Dead, _)))
            })
            .collect();
        (jobs, payloads)
    }

    pub fn send_back(&mut self, jobs: &[usize], payloads: &[usize], now: i64) {
        for &n in jobs {
            let job = &mut self.jobs[n];
            job.state = JobState::Blocked;
            job.failures = 0;
            job.run_at = now;
        }
        for key in jobs.iter().map(|&n| self.jobs[n].key).collect::<BTreeSet<_>>() {
            self.arrange(key);
        }
        for &n in payloads {
            self.payloads[n] = Payload { settled: None, processed: false, issue: None, ..self.payloads[n].clone() };
        }
    }
}
