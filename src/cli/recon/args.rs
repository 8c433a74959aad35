//! What may be written after `syncline recon`; not here: what it does.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

#[derive(Clone, Debug, Subcommand)]
pub enum ReconCommand {
    /// Reconciliations with their last runs; with a name: its runs
    List { name: Option<String> },
    /// Compare the statements and keep the result
    Run {
        name: String,
        /// A month 2026-10, a day, a week 2026-W41 or a span 2026-10-01..2026-10-15 [default: all that the statements hold]
        #[arg(long)]
        period: Option<String>,
        /// The day as of which things are due [default: today]
        #[arg(long, value_name = "DAY")]
        as_of: Option<String>,
        /// Look for the statements here instead of in the installation
        #[arg(long, value_name = "DIR")]
        input_dir: Option<PathBuf>,
    },
    /// A run as a report
    Show {
        run: i64,
        /// Only this part of it
        #[arg(long, value_name = "SECTION")]
        section: Option<Section>,
    },
    /// A run's report as a file, with its signatures
    Export {
        run: i64,
        #[arg(long)]
        format: ExportFormat,
        /// The one part that `csv` is of: breaks, tie_out, matches, ... [default: breaks]
        #[arg(long, value_name = "SECTION")]
        section: Option<String>,
        /// CSV with a byte order mark
        #[arg(long)]
        bom: bool,
        /// CSV with `;` between cells and decimal commas
        #[arg(long)]
        semicolon: bool,
        /// The file or folder to write to, `-` for standard output [default: a name that tells what it is, here]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Breaks over all runs: the work list
    Breaks {
        name: String,
        #[arg(long)]
        code: Option<String>,
        /// open, assigned, investigating, proposed, resolved, healed, written-off, accepted-timing, closed, reopened
        #[arg(long)]
        state: Option<String>,
        #[arg(long)]
        owner: Option<String>,
        /// Those that are not open any more, too
        #[arg(long)]
        all: bool,
    },
    /// Where one's money is, from the order to the bank line; without NAME and KEY: which stories there are
    Story {
        #[arg(requires = "key")]
        name: Option<String>,
        /// An order's number, a payout, a bank's reference
        key: Option<String>,
        /// The key's name, if it is not to be guessed: order, payout
        #[arg(long, value_name = "KEY NAME")]
        by: Option<String>,
    },
    /// Give a break an owner
    Assign {
        name: String,
        #[arg(value_name = "BREAK")]
        item: String,
        /// The owner [default: who asks]
        #[arg(long, value_name = "NAME")]
        to: Option<String>,
    },
    /// Say something about a break
    Comment {
        name: String,
        #[arg(value_name = "BREAK")]
        item: String,
        text: String,
    },
    /// Note a document by name and hash; it stays where it is
    Attach {
        name: String,
        #[arg(value_name = "BREAK")]
        item: String,
        file: PathBuf,
    },
    /// Take a break up
    Investigate {
        name: String,
        #[arg(value_name = "BREAK")]
        item: String,
        #[arg(long, default_value = "")]
        note: String,
    },
    /// Say what should become of a break
    Propose {
        name: String,
        #[arg(value_name = "BREAK")]
        item: String,
        #[arg(long)]
        note: String,
    },
    /// A break is explained or corrected
    Resolve {
        name: String,
        #[arg(value_name = "BREAK")]
        item: String,
        #[arg(long)]
        reason: String,
    },
    /// Give a break up and propose a journal line; above the limit a second person asks for the same to approve
    WriteOff {
        name: String,
        #[arg(value_name = "BREAK")]
        item: String,
        /// Reason code of the definition
        #[arg(long)]
        code: String,
        #[arg(long)]
        reason: String,
    },
    /// A break will explain itself; it stays open until it does
    AcceptTiming {
        name: String,
        #[arg(value_name = "BREAK")]
        item: String,
        #[arg(long)]
        reason: String,
    },
    /// Bring the rows of breaks together; the next run shows them as a match
    Match {
        name: String,
        #[arg(value_name = "BREAK", required = true)]
        items: Vec<String>,
        /// Although they do not tie; the variance stays in every report
        #[arg(long)]
        force: bool,
        #[arg(long)]
        reason: String,
    },
    /// Take a match back, by the number of its event
    Unmatch {
        name: String,
        event: i64,
        #[arg(long)]
        reason: String,
    },
    /// Sign a run: first its preparer, then another person as approver
    Sign {
        run: i64,
        #[arg(long = "as", value_name = "ROLE")]
        role: SignRole,
        /// What was checked
        #[arg(long)]
        note: String,
    },
    /// Take a run's signatures back, or with --break a break's decision
    Reopen {
        run: i64,
        #[arg(long = "break", value_name = "BREAK")]
        item: Option<String>,
        #[arg(long)]
        reason: String,
    },
    /// Send again what the newest run found lost, as far as the definition's `heal` allows it
    Heal {
        name: String,
        /// Only tell what would be done
        #[arg(long)]
        dry_run: bool,
    },
    /// Make a run again from its inputs and compare, to the byte
    Verify { run: i64 },
    /// Journal lines that write-offs propose
    Journal { name: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SignRole {
    Preparer,
    Approver,
}

impl SignRole {
    pub(super) fn word(self) -> &'static str {
        match self {
            SignRole::Preparer => "preparer",
            SignRole::Approver => "approver",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// One section
    Csv,
    /// A ZIP archive with the CSV of every section
    CsvArchive,
    Jsonl,
    Xlsx,
    Pdf,
}

impl ExportFormat {
    pub(super) fn word(self) -> &'static str {
        match self {
            ExportFormat::Csv => "csv",
            ExportFormat::CsvArchive => "csv-archive",
            ExportFormat::Jsonl => "jsonl",
            ExportFormat::Xlsx => "xlsx",
            ExportFormat::Pdf => "pdf",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Section {
    Cover,
    TieOut,
    Breaks,
    InFlight,
    Timing,
    Aging,
    RollForward,
    Matches,
    Heals,
    Payouts,
    Excluded,
    Rejected,
}
