//! Mistakes: each takes what truly belongs together, spoils it in one way, and says what must be found.
//!
//! Where a mistake cannot be told from another, or would not show, it does not apply. Not here: which clusters it is done to
//! (`plant`).

use std::collections::BTreeMap;

use fastrand::Rng;
use unicode_normalization::UnicodeNormalization;

use crate::sandbox::money::Currency;

use super::expected::{Expected, Verdict};
use super::leg::{Cluster, LATE_AFTER_DAYS, LegKind, Line, ROUNDING_CAP, Value};
use super::workdays::Workdays;

macro_rules! mutations {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Mutation { $($(#[$doc])* $variant,)+ }

        impl Mutation {
            pub const ALL: &[Mutation] = &[$(Mutation::$variant),+];

            pub fn as_str(self) -> &'static str {
                match self { $(Mutation::$variant => $text,)+ }
            }
        }
    };
}

mutations! {
    DropA = "drop on A",
    DropB = "drop on B",
    DuplicateA = "duplicate on A",
    DuplicateB = "duplicate on B",
    MinorUnit = "one minor unit off",
    Percent = "some per cent off",
    SignFlip = "sign flipped",
    CurrencySwap = "currency swapped",
    TaxChanged = "tax changed",
    ShippingLeftOut = "shipping left out",
    DiscountLeftOut = "discount left out",
    FeeChanged = "fee changed",
    NetForGross = "net told for gross",
    PartialCapture = "captured in part",
    StatusLag = "status lags",
    StatusMismatch = "status mismatch",
    FieldChanged = "field changed",
    /// B will have it in the next month.
    LateArrival = "late across the month's end",
    /// A prefix, case, spaces, or letters composed otherwise.
    KeySpelling = "key spelled otherwise",
    MemberChanged = "group member changed",
    /// Into another group.
    MemberMoved = "group member moved",
    OrphanRefund = "orphan refund",
    DateShift = "date shifted",
    NoTranslation = "translation missing",
    LineSplit = "bank line split",
    /// Two bank lines of different payouts as one.
    LinesMerged = "bank lines merged",
}

/// What a mistake may draw on.
pub(super) struct Scene<'a> {
    pub kind: LegKind,
    pub days: &'a Workdays,
    pub rng: &'a mut Rng,
    pub mutation: Mutation,
}

/// A spoiled cluster with its truth.
type Spoiled = Option<(Cluster, Vec<Expected>)>;

const A: usize = 0;
const B: usize = 1;

impl Scene<'_> {
    /// Spoils one cluster; nothing if the mistake does not apply to it.
    pub(super) fn spoil(&mut self, whole: &Cluster) -> Spoiled {
        let mut cluster = whole.clone();
        match self.mutation {
            Mutation::DropA => self.drop_line(cluster, A),
            Mutation::DropB => self.drop_line(cluster, B),
            Mutation::DuplicateA => self.duplicate(cluster, A),
            Mutation::DuplicateB => self.duplicate(cluster, B),
            Mutation::MinorUnit => {
                let by = [-1, 1][self.rng.usize(..2)];
                self.pick(&mut cluster, B).amount += by;
                match self.kind {
                    LegKind::Orders => self.expect(cluster, Verdict::Tolerated, Some("ROUNDING")),
                    LegKind::Captures
                    | LegKind::Payouts
                    | LegKind::Bank
                    | LegKind::Clearing
                    | LegKind::Refunds
                    | LegKind::Disputes => self.apart(cluster, None),
                }
            }
            Mutation::Percent => {
                let by = self.by();
                let line = self.pick(&mut cluster, B);
                line.amount += line.amount * by / 100;
                self.apart(cluster, None)
            }
            Mutation::SignFlip => {
                let line = self.pick(&mut cluster, B);
                line.amount = -line.amount;
                self.whole_or_apart(cluster, "DIRECTION_MISMATCH")
            }
            Mutation::CurrencySwap => {
                let line = self.pick(&mut cluster, B);
                line.currency = if line.currency == Currency::Jpy { Currency::Kwd } else { Currency::Jpy };
                self.whole_or_apart(cluster, "CURRENCY_MISMATCH")
            }
            Mutation::TaxChanged => self.order_part(cluster, 0),
            Mutation::ShippingLeftOut => self.order_part(cluster, 1),
            Mutation::DiscountLeftOut => self.order_part(cluster, 2),
            Mutation::FeeChanged => self.fee(cluster),
            Mutation::NetForGross => {
                self.capture(&mut cluster, |line, _| line.amount -= line.parts[1].unwrap_or(0))?;
                self.apart(cluster, Some("FEE"))
            }
            Mutation::PartialCapture => {
                self.capture(&mut cluster, |line, by| {
                    let left = line.amount * by.abs() / 100;
                    line.amount -= left;
                    line.parts[0] = Some(left);
                })?;
                self.apart(cluster, Some("PARTIAL_CAPTURE"))
            }
            Mutation::StatusLag => self.status_lag(cluster),
            Mutation::StatusMismatch => {
                self.status_of(&mut cluster, "failed")?;
                self.is_old(whole).then_some(())?;
                self.expect(cluster, Verdict::Break("STATUS_MISMATCH"), None)
            }
            Mutation::FieldChanged => {
                (self.kind == LegKind::Orders).then_some(())?;
                cluster.sides[B][0].fields[0] = Value::Text("customer-unknown".to_owned());
                self.expect(cluster, Verdict::Break("FIELD_MISMATCH"), None)
            }
            Mutation::LateArrival => {
                self.is_young(whole).then_some(())?;
                cluster.sides[B].clear();
                self.expect(cluster, Verdict::Timing, None)
            }
            Mutation::KeySpelling => {
                let side = self.rng.usize(..2);
                let how = self.rng.u8(..4);
                let line = self.pick(&mut cluster, side);
                line.keys[0] = line.keys[0].as_deref().map(|key| spelled(key, how));
                self.expect(cluster, Verdict::Agrees, None)
            }
            Mutation::MemberChanged => {
                let side = usize::from(cluster.sides[A].len() < 2);
                (cluster.sides[side].len() > 1).then_some(())?;
                let by = self.by();
                let line = self.pick(&mut cluster, side);
                line.amount += line.amount * by / 100;
                self.apart(cluster, None)
            }
            Mutation::DateShift => self.date_shift(cluster),
            Mutation::NoTranslation => self.no_translation(cluster),
            Mutation::LineSplit => {
                (self.kind == LegKind::Bank).then_some(())?;
                let mut part = cluster.sides[B][0].clone();
                part.amount /= 3;
                cluster.sides[B][0].amount -= part.amount;
                (part.amount != 0).then_some(())?;
                cluster.sides[B].push(part);
                self.expect(cluster, Verdict::Agrees, None)
            }
            Mutation::MemberMoved | Mutation::LinesMerged | Mutation::OrphanRefund => None,
        }
    }

    /// Spoils two clusters together.
    pub(super) fn spoil_two(&mut self, one: &Cluster, other: &Cluster) -> Option<[(Cluster, Vec<Expected>); 2]> {
        let (mut one, mut other) = (one.clone(), other.clone());
        (one.sides[A][0].currency == other.sides[A][0].currency).then_some(())?;
        if (self.mutation, self.kind) == (Mutation::MemberMoved, LegKind::Payouts) {
            (one.sides[A].len() > 1).then_some(())?;
            let mut line = one.sides[A].swap_remove(0);
            line.keys[0].clone_from(&other.sides[A][0].keys[0]);
            other.sides[A].push(line);
        } else if (self.mutation, self.kind) == (Mutation::LinesMerged, LegKind::Bank) {
            one.sides[B][0].amount += other.sides[B].pop()?.amount;
        } else {
            return None;
        }
        Some([self.apart(one, None)?, self.apart(other, None)?])
    }

    /// A refund of a charge that neither side knows.
    pub(super) fn orphan(&mut self, like: &Cluster) -> Spoiled {
        ((self.mutation, self.kind) == (Mutation::OrphanRefund, LegKind::Refunds)).then_some(())?;
        let key = format!("{}-orphan", like.key);
        let mut line = like.sides[B].first()?.clone();
        line.keys[0] = Some(key.clone());
        line.parent = Some(format!("tx-unknown-{}", like.key));
        let side = self.rng.usize(..2);
        let mut sides = [Vec::new(), Vec::new()];
        sides[side].push(line);
        self.expect(Cluster { key, sides }, Verdict::Break("ORPHAN"), None)
    }

    /// Due, and so on either side, by the last day of the month.
    pub(super) fn is_old(&self, cluster: &Cluster) -> bool {
        cluster.lines().all(|line| self.due(line) <= self.days.last())
    }

    fn is_young(&self, cluster: &Cluster) -> bool {
        cluster.lines().all(|line| self.due(line) > self.days.last())
    }

    fn due(&self, line: &Line) -> i32 {
        self.days.after(line.day, self.kind.due_days())
    }

    fn by(&mut self) -> i64 {
        self.rng.i64(2..=9) * [-1, 1][self.rng.usize(..2)]
    }

    fn pick<'c>(&mut self, cluster: &'c mut Cluster, side: usize) -> &'c mut Line {
        let lines = &mut cluster.sides[side];
        let at = self.rng.usize(..lines.len());
        &mut lines[at]
    }

    fn expect(&self, cluster: Cluster, verdict: Verdict, sub_cause: Option<&'static str>) -> Spoiled {
        let expected = self.expected(&cluster.key, verdict, cluster.variance(), sub_cause);
        Some((cluster, vec![expected]))
    }

    fn expected(
        &self,
        key: &str,
        verdict: Verdict,
        variance: BTreeMap<Currency, i64>,
        sub_cause: Option<&'static str>,
    ) -> Expected {
        Expected { mutation: self.mutation.as_str(), verdict, key: key.to_owned(), variance, sub_cause }
    }

    /// Sums that differ: by the specification a missing side, an amount over or under, or a group whose sums differ. Where the
    /// difference would look like something else, nothing.
    fn apart(&self, cluster: Cluster, sub_cause: Option<&'static str>) -> Spoiled {
        let variance = cluster.variance();
        let off = *variance.values().next()?;
        let sums = [A, B].map(|side| cluster.sides[side].iter().map(|line| line.amount).sum::<i64>());
        let code = match (cluster.sides[A].is_empty(), cluster.sides[B].is_empty()) {
            (false, true) => self.kind.missing()[0],
            (true, false) => self.kind.missing()[1],
            (_, _) => {
                let explained = |line: &Line| line.parts.iter().flatten().any(|part| part.abs() == off.abs());
                let within = self.kind == LegKind::Orders && off.abs() <= i64::from(ROUNDING_CAP);
                let looks_otherwise = sums[0] == -sums[1] || within;
                let looks_explained =
                    sub_cause.is_none() && self.kind == LegKind::Captures && cluster.lines().any(explained);
                (!looks_otherwise && !looks_explained).then_some(())?;
                match (cluster.is_pair(), off > 0) {
                    (true, true) => "AMOUNT_OVER",
                    (true, false) => "AMOUNT_UNDER",
                    (false, _) => "GROUP_SUM_MISMATCH",
                }
            }
        };
        self.expect(cluster, Verdict::Break(code), sub_cause)
    }

    /// The code if all that B says is spoiled; otherwise only sums differ.
    fn whole_or_apart(&self, cluster: Cluster, code: &'static str) -> Spoiled {
        if cluster.sides[B].len() == 1 {
            self.expect(cluster, Verdict::Break(code), None)
        } else {
            self.apart(cluster, None)
        }
    }

    fn drop_line(&mut self, mut cluster: Cluster, side: usize) -> Spoiled {
        let at = self.rng.usize(..cluster.sides[side].len());
        cluster.sides[side].swap_remove(at);
        self.apart(cluster, None)
    }

    fn duplicate(&mut self, mut cluster: Cluster, side: usize) -> Spoiled {
        let copy = self.pick(&mut cluster, side).clone();
        cluster.sides[side].push(copy);
        if self.kind.is_grouped() {
            return self.apart(cluster, None);
        }
        self.expect(cluster, Verdict::Break(["DUPLICATE_A", "DUPLICATE_B"][side]), None)
    }

    /// Tax, shipping or discount of an order, and its total with it.
    fn order_part(&mut self, mut cluster: Cluster, part: usize) -> Spoiled {
        (self.kind == LegKind::Orders).then_some(())?;
        let by = self.by();
        let line = &mut cluster.sides[B][0];
        let before = line.parts[part]?;
        let after = if part == 0 { before + before * by / 100 } else { 0 };
        line.parts[part] = Some(after);
        line.amount += after - before;
        self.apart(cluster, Some(self.kind.parts()[part].1))
    }

    fn fee(&mut self, mut cluster: Cluster) -> Spoiled {
        match self.kind {
            LegKind::Captures => {
                self.capture(&mut cluster, |line, by| {
                    let fee = line.parts[1].unwrap_or(0) + by;
                    line.parts[1] = Some(fee);
                    line.fields[0] = Value::Amount(fee);
                })?;
                self.expect(cluster, Verdict::Break("UNEXPECTED_FEE"), None)
            }
            LegKind::Payouts => {
                let by = self.by();
                self.pick(&mut cluster, A).amount -= by;
                self.apart(cluster, None)
            }
            LegKind::Orders | LegKind::Bank | LegKind::Clearing | LegKind::Refunds | LegKind::Disputes => None,
        }
    }

    /// Changes the only capture of a payment.
    fn capture(&mut self, cluster: &mut Cluster, change: fn(&mut Line, i64)) -> Option<()> {
        (self.kind == LegKind::Captures && cluster.is_pair()).then_some(())?;
        change(&mut cluster.sides[B][0], self.by());
        Some(())
    }

    fn status_of(&self, cluster: &mut Cluster, status: &'static str) -> Option<()> {
        (!self.kind.states()[0].is_empty() && cluster.is_pair()).then_some(())?;
        cluster.sides[B][0].status = Some(status);
        Some(())
    }

    fn status_lag(&mut self, mut cluster: Cluster) -> Spoiled {
        let lags = self.kind.states()[1].first()?.1;
        self.status_of(&mut cluster, lags)?;
        if self.is_young(&cluster) {
            self.expect(cluster, Verdict::Timing, None)
        } else {
            self.is_old(&cluster).then_some(())?;
            self.expect(cluster, Verdict::Break("STATUS_MISMATCH"), None)
        }
    }

    fn date_shift(&mut self, mut cluster: Cluster) -> Spoiled {
        let latest = |lines: &[Line]| lines.iter().map(|line| line.day).max();
        let day = latest(&cluster.sides[A])? + self.rng.i32(1..14);
        (day <= self.days.last()).then_some(())?;
        cluster.sides[B].iter_mut().for_each(|line| line.day = day);
        let apart = (day - latest(&cluster.sides[A])?).abs();
        let late = self.kind == LegKind::Bank && apart > i32::from(LATE_AFTER_DAYS);
        self.expect(cluster, if late { Verdict::Late } else { Verdict::Agrees }, None)
    }

    /// One line of B is out of reach; what is left of the cluster is judged without it.
    fn no_translation(&mut self, cluster: Cluster) -> Spoiled {
        let mut left = cluster.clone();
        let at = self.rng.usize(..left.sides[B].len());
        let mut line = left.sides[B].swap_remove(at);
        line.unmapped = Some("account 4711".to_owned());
        let variance = BTreeMap::from([(line.currency, line.amount)]);
        let alone = self.expected(&cluster.key, Verdict::Break("MAPPING_MISSING"), variance, None);
        let (mut left, mut expected) = self.apart(left, None)?;
        left.sides[B].push(line);
        expected.push(alone);
        Some((left, expected))
    }
}

fn spelled(key: &str, how: u8) -> String {
    match how {
        0 => format!("#{key}"),
        1 => key.to_uppercase(),
        2 => format!(" {key}  "),
        _ => key.nfd().collect(),
    }
}
