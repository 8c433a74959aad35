//! `reconciliations/*.yaml` and `reconciliations/stories/*.yaml`.
//!
//! Not here: what fields a connector's records have (the canonical entities' schemas).

use super::shape::Shape::{Duration, Either, Flag, List, Named, Of, Percent, Text, Whole, Words};
use super::shape::{Definition, ONE_OR_MANY, Shape, TEXTS, key, map, must, set, words};
use crate::finance::definition::Kind;

pub(super) static RECONCILIATION: Definition = map(
    "reconciliation",
    "Two statements of the same business, compared row by row: docs/reconciliation.md.",
    &[&[
        must("reconciliation", Text, "Its name, by which runs are kept: letters, digits, - and _"),
        must("title", Text, "What it is called in reports"),
        must("kind", Words(words::<Kind>), "What missing rows are called"),
        key("entity", Text, "Whose books these are"),
        key("zone", Text, "Whose days are meant, such as Europe/Berlin; without, UTC"),
        key("measure", set!("money", "quantity"), "What is counted"),
        must("a", Of(&SIDE), "The side that counts: differences are told as B - A"),
        must("b", Of(&SIDE), "The other side"),
        must("match", List(&Of(&PASS)), "Passes in order; each sees what the former left"),
        key("tolerance", TOLERANCE, "By currency; a currency that is not stated has 0"),
        key("fields", Named(&Of(&FIELD_RULE)), "Rules of compared fields"),
        key("parent_key", Text, "The key that `parent` of a row names"),
        key("rounding_cap", Whole, "Minor units by which taxed lines may be off, together"),
        key("states", Of(&STATES), "Which states of A go with which of B"),
        key("due", Of(&DUE), "When the other side has to show it"),
        key("late_after_days", Whole, "Matched later than so, it is late"),
        key("sign_off", set!("nothing", "owner", "decision"), "What a signature demands of every break"),
        key("write_off", Of(&WRITE_OFF), "What may be given up, by whom"),
        key("in_flight", Of(&IN_FLIGHT), "How long differences under way are waited for"),
        key("every", Of(&EVERY), "When it runs by itself"),
        key("watch", Flag, "Two mirrors are compared all the time"),
        key("audit", Of(&AUDIT), "Mirrors are proved by asking their systems"),
        key("heal", Of(&HEAL), "What the hub may do about breaks"),
        key("payouts", Of(&PAYOUTS), "What the report tells of each payout, from gross to the bank line"),
    ]],
);
pub(super) static STORY: Definition = map(
    "story",
    "A payment story: reconciliations as the legs of a chain, from the order to the bank line.",
    &[&[
        must("story", Text, "Its name: letters, digits, - and _"),
        must("title", Text, "What it is called on pages"),
        must("legs", List(&Of(&LEG)), "In order, each once"),
        key("asked_by", TEXTS, "Keys that it may be asked by, tried in this order; without, those of the legs"),
        key("amounts", Of(&STORY_AMOUNTS), "Which sums are told"),
    ]],
);
static LEG: Definition = map(
    "leg",
    "A reconciliation that the money goes through.",
    &[&[
        must("leg", Text, "The reconciliation's name"),
        must("by", Text, "Rows are found by this key, which is known by then"),
        key("leads_to", Text, "A key of these rows, known from here on"),
        key("shared", Flag, "What it leads to holds other money, too: a payout"),
        key("optional", Flag, "Money need not pass here: a refund"),
        key("title", Text, "In place of the reconciliation's"),
    ]],
);
static STORY_AMOUNTS: Definition = map(
    "story_amounts",
    "Sums of one's own rows.",
    &[&[
        key("worth", Of(&STORY_FIGURE), "What was ordered"),
        key("captured", Of(&STORY_FIGURE), "What was taken"),
        key("fees", Of(&STORY_FIGURE), "What it cost"),
        key("net", Of(&STORY_FIGURE), "What is paid out of it; its rows name the payout"),
        key("reached", Text, "The leg in which `net` arrives"),
    ]],
);
static STORY_FIGURE: Definition = map(
    "story_figure",
    "The sum of a leg's own rows on one side.",
    &[&[
        must("leg", Text, "One of the story's"),
        must("side", set!("a", "b"), "Whose rows"),
        key("field", Text, "A compared field that is an amount; without, the rows' amounts"),
        key("with_excluded", Flag, "Rows that the leg excludes count, too"),
    ]],
);
/// A column or field, or more about it.
const CELL_OR_NAME: Shape = Either(&[Text, Of(&CELL)]);
/// Amounts by currency for both directions, or each its own.
const TOLERANCE: Shape = Either(&[Named(&Text), Of(&DIRECTIONS)]);
static SIDE: Definition = map(
    "side",
    "One of the two statements.",
    &[&[
        must("title", Text, "What it is called in reports"),
        key(
            "table",
            Either(&[Text, Of(&TABLE)]),
            "Delimited text with a header; all files that match are one statement",
        ),
        key(
            "files",
            Either(&[Of(&FILES), List(&Of(&FILES))]),
            "Files that a connector's stream reads, by canonical fields",
        ),
        key("mirror", Text, "What the hub knows of a stream: connection.stream"),
        key("live", Text, "A stream as its system has it when the run begins: connection.stream"),
        key("keys", Named(&CELL_OR_NAME), "What rows are matched by: a name of yours, and where it stands"),
        must(
            "amount",
            Either(&[Text, Of(&CELL), Named(&CELL_OR_NAME)]),
            "The amount; or several by name, each a row of its own (not for tables)",
        ),
        key("currency", CELL_OR_NAME, "Where the currency stands"),
        key("unit", Text, "One currency for all rows, or pcs"),
        key("date", CELL_OR_NAME, "The day on which it took effect"),
        key("status", CELL_OR_NAME, "Its state"),
        key("parent", CELL_OR_NAME, "The key of what it belongs to"),
        key("category", CELL_OR_NAME, "What kind of movement it is"),
        key("lines", CELL_OR_NAME, "How many taxed lines went into it: a number, or a list"),
        key("fields", Named(&CELL_OR_NAME), "What else is compared"),
        key("parts", Named(&CELL_OR_NAME), "Amounts that could explain a difference: fee, tax, shipping"),
        key("exclude", Named(&Of(&EXCLUSION)), "Rows out of scope, by name; they stay in the tie-out"),
    ]],
);
static PAYOUTS: Definition = map(
    "payouts",
    "What each payout is made of, what was paid out, and what the bank received.",
    &[&[
        must("by", Text, "The key by which movements and payouts name a payout"),
        key("movements", set!("a", "b"), "Whose rows are movements; a unless stated"),
        key("fee", Text, "The part of a movement that is its fee: its amount is what is left after it"),
        key("bank", Of(&SIDE), "The bank's statement, from files"),
        key("bank_by", Text, "The key by which payouts and bank lines name each other"),
    ]],
);
static CELL: Definition = map(
    "cell",
    "A value of a row.",
    &[&[
        must("from", Text, "The column, or the path in the record; @key and @natural_key name the record"),
        key("type", set!("text", "amount", "date"), "How it is compared"),
        key("negate", Flag, "The amount counts with its sign turned; not for tables"),
    ]],
);
static TABLE: Definition = map(
    "table",
    "Delimited text with a header.",
    &[&[
        must("path", Text, "A path or pattern below the installation"),
        key("delimiter", Text, "One character, or tab; a comma unless stated"),
    ]],
);
static FILES: Definition = map(
    "files",
    "Files that a connector reads.",
    &[&[
        must("connector", Text, "Which; `syncline connectors` lists them"),
        must("stream", Text, "One of its streams that read files"),
        must("path", Text, "A path or pattern below the installation"),
        key("encoding", Text, "In place of the stream's"),
        key("settings", Named(&Text), "What the stream's templates ask for"),
    ]],
);
static EXCLUSION: Definition = map(
    "exclusion",
    "Rows out of scope.",
    &[&[
        must("from", Text, "The column or field"),
        key("is", ONE_OR_MANY, "Out, if it is one of these"),
        key("is_not", ONE_OR_MANY, "Out, unless it is one of these; not for tables"),
    ]],
);
static PASS: Definition = map(
    "pass",
    "One way of matching: by `key`, `group`, `amount_within` or `sum_of`.",
    &[&[
        must("id", Text, "What reports call it"),
        key("key", TEXTS, "One row of each side that agree in these keys"),
        key("group", TEXTS, "Sums of the rows that agree in these keys"),
        key("amount_within", Of(&WINDOW), "Equal amounts within days"),
        key("sum_of", Of(&SUBSET), "One row that is the sum of several"),
        key(
            "normalise",
            List(&Either(&[set!("spaces", "case", "unicode", "leading_zeros"), Of(&NORMALISER)])),
            "What of a key's spelling does not count, in this order",
        ),
        key("must_tie", Flag, "Rows whose amounts differ are left to later passes"),
        key("on_match", set!("confirm", "suggest"), "Whether it claims, or a person has to"),
    ]],
);
static NORMALISER: Definition = map(
    "normaliser",
    "A step with a text.",
    &[&[key("prefix", Text, "Left out in front, once"), key("without", Text, "Characters that are left out")]],
);
static WINDOW: Definition = map(
    "window",
    "Equal amounts, near in time.",
    &[&[
        key("key", TEXTS, "Only among rows that agree in these keys"),
        key("days_before", Whole, "B may be earlier by"),
        key("days_after", Whole, "B may be later by"),
    ]],
);
static SUBSET: Definition = map(
    "subset",
    "One row that is the sum of several of the other side.",
    &[&[
        must("side", set!("a", "b"), "The side with the several"),
        key("days_before", Whole, "They may be earlier by"),
        key("days_after", Whole, "They may be later by"),
        key("most_items", Whole, "2 to 12"),
        key("most_candidates", Whole, "At most 200"),
    ]],
);
static DIRECTIONS: Definition = map(
    "tolerance",
    "Allowances of each direction.",
    &[&[
        key("below", Named(&Text), "Where B is less"),
        key("above", Named(&Text), "Where B is more"),
        key("combine", set!("max", "min"), "Of an amount and ppm, the larger or the smaller"),
    ]],
);
static FIELD_RULE: Definition = map(
    "field_rule",
    "How a compared field is compared.",
    &[&[key("tolerance", TOLERANCE, "Of amounts"), key("code", Text, "What a difference is called")]],
);
static STATES: Definition = map(
    "states",
    "States of A with those of B.",
    &[&[
        key("agree", Named(&ONE_OR_MANY), "That mean the same"),
        key("lag", Named(&ONE_OR_MANY), "Where B is only behind: a matter of time"),
    ]],
);
static DUE: Definition = map(
    "due",
    "When it is due.",
    &[&[
        key("a", Either(&[set!("now"), Of(&ONE_DUE)]), "What A has, B must show by then"),
        key("b", Either(&[set!("now"), Of(&ONE_DUE)]), "What B has, A must show by then"),
    ]],
);
static ONE_DUE: Definition = map(
    "due_after",
    "Days from the event.",
    &[&[
        must("days", Whole, "How many"),
        key("count", set!("business", "all"), "Which days count"),
        key("holidays", TEXTS, "Days such as 2026-12-25"),
    ]],
);
static WRITE_OFF: Definition = map(
    "write_off",
    "What may be given up.",
    &[&[
        key("reasons", TEXTS, "Reason codes"),
        key("limits", Named(&Text), "By currency: up to here one person decides"),
        key("accounts", Of(&ACCOUNTS), "Of the journal lines that are proposed"),
    ]],
);
static ACCOUNTS: Definition = map(
    "accounts",
    "Accounts of proposed journal lines.",
    &[&[
        key("loss", Text, "What is lost"),
        key("gain", Text, "What is gained"),
        key("clearing", Text, "Where the difference stands"),
    ]],
);
static IN_FLIGHT: Definition = map(
    "in_flight",
    "What is under way is no break.",
    &[&[
        key("settle", Duration, "What had arrived is processed first, for at most so long"),
        key("stuck_after", Duration, "Carried for longer, it is STUCK_IN_FLIGHT"),
        key("read_again", Flag, "What differs is read again by its key; true unless stated"),
    ]],
);
static EVERY: Definition = map(
    "every",
    "A schedule.",
    &[&[
        must("cron", Text, "Minute, hour, day of the month, month, day of the week: 0 6 * * 1-5"),
        key("zone", Text, "Whose clock; the reconciliation's zone unless stated"),
        key("covers", set!("everything", "previous day", "previous week", "previous month"), "The period of a run"),
    ]],
);
static AUDIT: Definition = map(
    "audit",
    "Records are asked for, in the order of their keys.",
    &[&[must("per_hour", Whole, "How many an hour")]],
);
const HEALING: Shape = set!("automatic", "propose", "never");
static HEAL: Definition = map(
    "heal",
    "By code, what the hub may do: it sends a record's newest state again, through the queue.",
    &[
        &[
            key("most_per_run", Whole, "Sent at once, at most"),
            key("stop_above", Percent, "More breaks than this share of all rows, and nothing is sent"),
            key("flapping_times", Whole, "Sent so often before, it is left to a person"),
            key("flapping_within", Duration, "Within this time"),
        ],
        &[
            key("MAPPING_MISSING", HEALING, "Breaks of this code"),
            key("DUPLICATE_A", HEALING, "Breaks of this code"),
            key("DUPLICATE_B", HEALING, "Breaks of this code"),
            key("MISSING_IN_A", HEALING, "Breaks of this code"),
            key("MISSING_IN_B", HEALING, "Breaks of this code"),
            key("PAYOUT_NOT_RECEIVED", HEALING, "Breaks of this code"),
            key("UNIDENTIFIED_DEPOSIT", HEALING, "Breaks of this code"),
            key("ORPHAN", HEALING, "Breaks of this code"),
            key("CURRENCY_MISMATCH", HEALING, "Breaks of this code"),
            key("DIRECTION_MISMATCH", HEALING, "Breaks of this code"),
            key("AMOUNT_OVER", HEALING, "Breaks of this code"),
            key("AMOUNT_UNDER", HEALING, "Breaks of this code"),
            key("GROUP_SUM_MISMATCH", HEALING, "Breaks of this code"),
            key("QUANTITY_MISMATCH", HEALING, "Breaks of this code"),
            key("STATUS_MISMATCH", HEALING, "Breaks of this code"),
            key("FIELD_MISMATCH", HEALING, "Breaks of this code"),
            key("UNEXPECTED_FEE", HEALING, "Breaks of this code"),
            key("AMBIGUOUS", HEALING, "Breaks of this code"),
            key("STUCK_IN_FLIGHT", HEALING, "Breaks of this code"),
            key("SYNC_FAILED", HEALING, "Breaks of this code"),
            key("PERIOD_REOPENED", HEALING, "Breaks of this code"),
        ],
    ],
);
