//! The whole file: header, sides, rules.
//!
//! Not here: the parts (`side`, `passes`, `terms`).

use std::sync::Arc;

use crate::choice;
use crate::config::yaml::{Context, Decode, Diagnostics, MapReader, Node, Source, parse as parse_yaml};
use crate::finance::heal::HealPolicy;
use crate::finance::inflight::Patience;
use crate::finance::schedule::Schedule;
use crate::finance::workflow::Policy;
use crate::recon::code::{Code, SubCause};
use crate::recon::row::Side;
use crate::recon::rules::{FieldRule, Measure, Part, RuleSet};

use super::passes;
use super::payouts::{self, PayoutSpec};
use super::people;
use super::side::{From, SideSpec, names};
use super::terms;

choice! {
    /// What kind of agreement it is: decides what missing rows are called, and how the report is headed.
    pub enum Kind ("kind of reconciliation") {
        Inventory = "inventory",
        Orders = "orders",
        Payments = "payments",
        Payouts = "payouts",
        Bank = "bank",
        Ledger = "ledger",
        Refunds = "refunds",
        Disputes = "disputes",
        GiftCards = "gift cards",
        Customers = "customers",
        Products = "products",
        Tax = "tax",
        Other = "other",
    }
}

impl Kind {
    /// What is reconciled is money itself.
    pub fn is_money(self) -> bool {
        match self {
            Kind::Payments
            | Kind::Payouts
            | Kind::Bank
            | Kind::Ledger
            | Kind::Refunds
            | Kind::Disputes
            | Kind::GiftCards
            | Kind::Tax => true,
            Kind::Inventory | Kind::Orders | Kind::Customers | Kind::Products | Kind::Other => false,
        }
    }

    /// The specification's number.
    pub fn number(self) -> &'static str {
        match self {
            Kind::Inventory => "R1",
            Kind::Orders => "R2",
            Kind::Payments => "R3",
            Kind::Payouts => "R4",
            Kind::Bank => "R5",
            Kind::Ledger => "R6",
            Kind::Refunds => "R7",
            Kind::Disputes => "R8",
            Kind::GiftCards => "R9",
            Kind::Customers => "R10",
            Kind::Products => "R11",
            Kind::Tax => "R12",
            Kind::Other => "R0",
        }
    }

    fn missing(self) -> [Code; 2] {
        match self {
            Kind::Bank => [Code::PayoutNotReceived, Code::UnidentifiedDeposit],
            Kind::Inventory
            | Kind::Orders
            | Kind::Payments
            | Kind::Payouts
            | Kind::Ledger
            | Kind::Refunds
            | Kind::Disputes
            | Kind::GiftCards
            | Kind::Customers
            | Kind::Products
            | Kind::Tax
            | Kind::Other => [Code::MissingInB, Code::MissingInA],
        }
    }
}

/// One reconciliation.
#[derive(Debug, Clone)]
pub struct Definition {
    pub name: Arc<str>,
    pub title: String,
    pub kind: Kind,
    /// The legal entity whose books these are.
    pub entity: String,
    /// Days are days of this zone.
    pub zone: jiff::tz::TimeZone,
    pub zone_name: String,
    pub sides: [SideSpec; 2],
    pub rules: RuleSet,
    /// What it demands of people.
    pub policy: Policy,
    /// How long it waits for what is under way.
    pub patience: Patience,
    /// When it is run without being asked.
    pub every: Option<Schedule>,
    /// Its two mirrors are compared all the time.
    pub watch: bool,
    /// Records of its mirrors that are asked for again every hour, to prove the mirrors; 0 for none.
    pub audit_per_hour: u32,
    /// What the hub may do about its breaks.
    pub heal: HealPolicy,
    /// What the report tells of each payout.
    pub payouts: Option<PayoutSpec>,
}

/// Reads a definition. Its version is the hash of its text: every edit is another one.
pub fn parse(source: &Arc<Source>) -> Result<Definition, Diagnostics> {
    let root = parse_yaml(source).map_err(Diagnostics::from)?;
    let cx = Context::new(source);
    let definition = document(&root, &cx);
    cx.finish().into_result(definition)
}

fn document(root: &Node, cx: &Context) -> Option<Definition> {
    let map = cx.map(root, "the reconciliation")?;
    let name: Option<String> = map.required("reconciliation");
    let title: Option<String> = map.required("title");
    let kind: Option<Kind> = map.required("kind");
    let entity = map.or("entity", String::new());
    let zone_name: String = map.or("zone", "UTC".to_owned());
    let zone = zone(&map, &zone_name);
    let policy = people::policy(&map);
    let measure = map.or("measure", MeasureWord::Money).measure();
    let every = map.node("every").zip(zone.clone()).and_then(|(node, zone)| terms::every(node, cx, zone));
    let watch = map.or("watch", false);
    let audit_per_hour = map.node("audit").and_then(|node| terms::audit(node, cx)).unwrap_or_default();
    let heal = map.node("heal").and_then(|node| terms::heal(node, cx, kind, measure)).unwrap_or_default();
    let patience = map.node("in_flight").and_then(|node| terms::patience(node, cx)).unwrap_or_default();
    if let Some(name) = name.as_deref().filter(|name| !is_address(name)) {
        map.error(
            "reconciliation",
            format!("`{name}` is no name of a reconciliation"),
            "letters, digits, `-` and `_`; `runs` and `stories` are taken",
        );
    }
    let a = map.node("a").and_then(|node| SideSpec::decode_as(node, cx, Side::A));
    let b = map.node("b").and_then(|node| SideSpec::decode_as(node, cx, Side::B));
    for key in ["a", "b"].into_iter().filter(|key| !map.has(key)) {
        map.missing(key);
    }
    let keys = names([a.as_ref(), b.as_ref()], SideSpec::key_names);
    let fields = names([a.as_ref(), b.as_ref()], SideSpec::field_names);
    let parts = names([a.as_ref(), b.as_ref()], SideSpec::part_names);
    let passes = map.node("match").map(|node| passes::decode(node, cx, &keys));
    if passes.is_none() {
        map.missing("match");
    }
    let tolerance = map.node("tolerance").and_then(|node| terms::tolerance(node, cx)).unwrap_or_default();
    let field_rules = field_rules(&map, cx, fields);
    let parent = parent(&map, &keys);
    let parts: Vec<Part> = parts.iter().filter_map(|name| part(&map, name)).collect();
    let rounding_cap = map.or("rounding_cap", 0_u32);
    let states = map.node("states").and_then(|node| terms::states(node, cx));
    let (due, late_after_days) = (terms::due(&map), map.optional("late_after_days"));
    let version = version(cx_text(&map)).into();
    let payouts = map.node("payouts").and_then(|node| payouts::decode(node, cx));
    // Before anything is given up: all that is wrong is told at once.
    map.finish();
    let rules = RuleSet {
        name: name.as_deref().unwrap_or_default().into(),
        version,
        measure,
        keys,
        fields: field_rules,
        parts,
        passes: passes.flatten()?,
        tolerance,
        rounding_cap,
        states,
        due,
        missing: kind?.missing(),
        parent,
        late_after_days,
    };
    let mut sides = [a?, b?];
    let is_mirror = |side: &SideSpec| matches!(side.from, From::Mirror(_));
    if watch && !sides.iter().all(is_mirror) {
        cx.error(root.span, "only two mirrors are compared all the time", "`watch` goes with `mirror:` on both sides");
    }
    for side in &mut sides {
        side.align(&rules);
    }
    let payouts = payouts.and_then(|stated| stated.resolve(cx, &rules, &sides));
    let name = name?.into();
    Some(Definition {
        name,
        title: title?,
        kind: kind?,
        entity,
        zone: zone?,
        zone_name,
        sides,
        rules,
        policy,
        patience,
        every,
        watch,
        audit_per_hour,
        heal,
        payouts,
    })
}

choice! {
    enum MeasureWord ("measure") {
        Money = "money",
        Quantity = "quantity",
    }
}

impl MeasureWord {
    fn measure(self) -> Measure {
        match self {
            MeasureWord::Money => Measure::Money,
            MeasureWord::Quantity => Measure::Quantity,
        }
    }
}

fn zone(map: &MapReader<'_>, name: &str) -> Option<jiff::tz::TimeZone> {
    match jiff::tz::TimeZone::get(name) {
        Ok(zone) => Some(zone),
        Err(_) => {
            map.error("zone", format!("there is no time zone `{name}`"), "use a name such as `Europe/Berlin` or `UTC`");
            None
        }
    }
}

/// Runs are found by it in addresses and on command lines.
pub(in crate::finance) fn is_address(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=80).contains(&name.len()) && !["runs", "stories"].contains(&name) && name.bytes().all(plain)
}

/// What the version is made of: the file as it stands.
fn cx_text<'n>(map: &MapReader<'n>) -> &'n str {
    map.context().text()
}

fn version(text: &str) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(&Sha256::digest(text.as_bytes())[..6])
}

/// Fields in the order of their names; a tolerance or a code only where it is stated.
fn field_rules(map: &MapReader<'_>, cx: &Context, names: Vec<Arc<str>>) -> Vec<FieldRule> {
    let stated = map.named::<Node>("fields");
    for (name, _) in &stated {
        if !names.iter().any(|known| **known == *name.value) {
            let known: Vec<&str> = names.iter().map(|name| &**name).collect();
            cx.error(
                name.place.span,
                format!("neither side has a field `{}`", name.value),
                crate::config::yaml::suggest(name, &known),
            );
        }
    }
    let rule = |name: Arc<str>| {
        let stated = stated.iter().find(|(known, _)| **known == *name).map(|(_, node)| node);
        let (tolerance, code) = stated.and_then(|node| terms::field(node, cx)).unwrap_or_default();
        FieldRule { name, tolerance, code: code.unwrap_or(Code::FieldMismatch) }
    };
    names.into_iter().map(rule).collect()
}

/// A part is named after the cause that it proves: `fee`, `partial capture`.
fn part(map: &MapReader<'_>, name: &Arc<str>) -> Option<Part> {
    let cause = SubCause::parse(&name.to_uppercase().replace(' ', "_"));
    if cause.is_none() {
        let known: Vec<String> =
            SubCause::ALL.iter().map(|cause| cause.as_str().to_lowercase().replace('_', " ")).collect();
        map.error(
            "a",
            format!("`{name}` is no part that explains a difference"),
            format!("one of: {}", known.join(", ")),
        );
    }
    Some(Part { name: name.clone(), proves: cause? })
}

fn parent(map: &MapReader<'_>, keys: &[Arc<str>]) -> Option<usize> {
    let wanted: String = map.optional("parent_key")?;
    let found = keys.iter().position(|key| **key == *wanted);
    if found.is_none() {
        let known: Vec<&str> = keys.iter().map(|key| &**key).collect();
        map.error("parent_key", format!("no side has a key `{wanted}`"), crate::config::yaml::suggest(&wanted, &known));
    }
    found
}

impl Decode for Definition {
    fn decode(node: &Node, cx: &Context) -> Option<Self> {
        document(node, cx)
    }
}
