//! The outcome for one connector, and the table of all.
//!
//! Not here: finding it out (`run`), colours (`cli`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;

use super::behaviour::{Behaviour, Claim};

/// One behaviour of one connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// With the number of questions that were asked.
    Passed {
        checks: usize,
    },
    /// What is wrong: fixture, exchange, what was expected and what came.
    Failed {
        problems: Vec<String>,
    },
    /// Claimed, and no fixture proves it.
    Missing {
        what: Vec<String>,
    },
    NotClaimed,
}

#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    pub behaviour: &'static str,
    /// `passed`, `failed`, `missing fixture`, `-`.
    pub verdict: &'static str,
    pub checks: usize,
    /// Why it did not pass.
    pub problems: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct Report {
    pub connector: String,
    pub verdicts: Vec<(Behaviour, Verdict)>,
}

impl Report {
    pub fn passed(&self) -> bool {
        self.verdicts.iter().all(|(_, verdict)| verdict.is_good())
    }

    pub fn verdict(&self, behaviour: Behaviour) -> &Verdict {
        self.verdicts.iter().find(|(known, _)| *known == behaviour).map_or(&Verdict::NotClaimed, |(_, verdict)| verdict)
    }

    pub fn outcomes(&self) -> Vec<Outcome> {
        self.verdicts.iter().map(|(behaviour, verdict)| verdict.outcome(*behaviour)).collect()
    }
}

impl Verdict {
    pub fn is_good(&self) -> bool {
        match self {
            Verdict::Passed { .. } | Verdict::NotClaimed => true,
            Verdict::Failed { .. } | Verdict::Missing { .. } => false,
        }
    }

    /// As the table shows it.
    pub fn word(&self) -> &'static str {
        match self {
            Verdict::Passed { .. } => "passed",
            Verdict::Failed { .. } => "failed",
            Verdict::Missing { .. } => "missing fixture",
            Verdict::NotClaimed => "-",
        }
    }

    /// Why it did not pass.
    pub fn problems(&self) -> Vec<String> {
        match self {
            Verdict::Passed { .. } | Verdict::NotClaimed => Vec::new(),
            Verdict::Failed { problems } => problems.clone(),
            Verdict::Missing { what } => what.iter().map(|what| format!("no fixture proves: {what}")).collect(),
        }
    }

    fn outcome(&self, behaviour: Behaviour) -> Outcome {
        let checks = if let Verdict::Passed { checks } = self { *checks } else { 0 };
        Outcome { behaviour: behaviour.as_str(), verdict: self.word(), checks, problems: self.problems() }
    }
}

/// What comes together while a connector is tested.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    proven: BTreeSet<Claim>,
    problems: BTreeMap<Behaviour, Vec<String>>,
    checks: BTreeMap<Behaviour, usize>,
}

impl Findings {
    /// One question more was answered rightly.
    pub(crate) fn good(&mut self, behaviour: Behaviour) {
        *self.checks.entry(behaviour).or_insert(0) += 1;
    }

    /// A fixture is there for this claim, whatever comes of it.
    pub(crate) fn proves(&mut self, behaviour: Behaviour, what: String) {
        self.proven.insert((behaviour, what));
    }

    pub(crate) fn problem(&mut self, behaviour: Behaviour, problem: impl Into<String>) {
        let problem = problem.into();
        let known = self.problems.entry(behaviour).or_default();
        if !known.contains(&problem) {
            known.push(problem);
        }
    }

    /// `hide` masks what no report may show.
    pub(crate) fn report(&self, connector: &str, claims: &[Claim], hide: &dyn Fn(&str) -> String) -> Report {
        let verdict = |behaviour: Behaviour| {
            let claimed: Vec<&String> =
                claims.iter().filter(|(known, _)| *known == behaviour).map(|(_, what)| what).collect();
            let missing = claimed.iter().filter(|what| !self.proven.contains(&(behaviour, (**what).clone())));
            let missing: Vec<String> = missing.map(|what| (*what).clone()).collect();
            let mut problems: Vec<String> =
                self.problems.get(&behaviour).into_iter().flatten().map(|problem| hide(problem)).collect();
            let checks = self.checks.get(&behaviour).copied().unwrap_or(0);
            if !problems.is_empty() {
                problems.extend(missing.iter().map(|what| format!("no fixture proves: {what}")));
                Verdict::Failed { problems }
            } else if !missing.is_empty() {
                Verdict::Missing { what: missing }
            } else if claimed.is_empty() && checks == 0 {
                Verdict::NotClaimed
            } else {
                Verdict::Passed { checks }
            }
        };
        let verdicts = Behaviour::all().map(|behaviour| (behaviour, verdict(behaviour))).collect();
        Report { connector: connector.to_owned(), verdicts }
    }
}

/// Connectors by behaviours, as docs/conformance.md shows it.
pub fn markdown(reports: &[Report]) -> String {
    let mut text = String::from("| connector |");
    for behaviour in Behaviour::all() {
        let _infallible = write!(text, " {} |", behaviour.as_str());
    }
    text.push_str("\n|---|");
    Behaviour::all().for_each(|_| text.push_str("---|"));
    text.push('\n');
    for report in reports {
        let _infallible = write!(text, "| {} |", report.connector);
        for (_, verdict) in &report.verdicts {
            let cell = match verdict {
                Verdict::Passed { .. } => "✓",
                Verdict::Failed { .. } => "failed",
                Verdict::Missing { .. } => "missing",
                Verdict::NotClaimed => "-",
            };
            let _infallible = write!(text, " {cell} |");
        }
        text.push('\n');
    }
    text
}
