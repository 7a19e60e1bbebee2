//! `orkestra journal`: look at, verify, export and prove what happened.

mod archive;
mod check;
mod export;
mod prove;

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use journal::{Line, Look};
use projections::Record;
use serde_json::json;

use super::{DataArg, Failure, Outcome, note, print};
use crate::audit::export::Format;
use crate::door::signing;
use crate::kernel::text::count;

/// How often a follower looks again.
const FOLLOW_EVERY: Duration = Duration::from_millis(200);

#[derive(Debug, Subcommand)]
pub(super) enum JournalCommand {
    /// How many records, since when, how large.
    Stat {
        #[command(flatten)]
        data: DataArg,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Read every byte and check it, also against checkpoints.
    Verify {
        #[command(flatten)]
        data: DataArg,
        /// A checkpoint that was kept elsewhere. May be repeated.
        #[arg(long, value_name = "FILE")]
        checkpoint: Vec<PathBuf>,
        /// The public key, where the data directory's own is not to be trusted.
        #[arg(long, value_name = "TEXT")]
        key: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print records, as they stand or in a form that other programs read.
    Export {
        #[command(flatten)]
        data: DataArg,
        /// First record.
        #[arg(long, default_value_t = 1)]
        from: u64,
        /// Last record.
        #[arg(long)]
        to: Option<u64>,
        /// records, cloudevents, ocsf or csv.
        #[arg(long, value_name = "FORMAT", default_value = "records", value_parser = export::format)]
        format: Format,
    },
    /// Print the newest records.
    Tail {
        #[command(flatten)]
        data: DataArg,
        /// How many.
        #[arg(short = 'n', long, default_value_t = 10)]
        lines: u64,
        /// Go on as records come.
        #[arg(long)]
        follow: bool,
    },
    /// Print a signed checkpoint of everything so far, and keep it.
    Checkpoint {
        #[command(flatten)]
        data: DataArg,
    },
    /// Prove that a record is in the journal, or that the journal only grew since a checkpoint.
    Prove(prove::ProveArgs),
    /// Compress sealed segments and keep them elsewhere; what reads the journal goes on finding them.
    Archive(archive::ArchiveArgs),
    /// Sign with another key from now on; the old one names it, in a record.
    RotateKey {
        #[command(flatten)]
        data: DataArg,
        /// A file that holds the new key (mode 0600), where the key is kept elsewhere than in the data directory.
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
}

pub(super) fn run(command: JournalCommand) -> Outcome {
    match command {
        JournalCommand::Stat { data, json } => stat(&data, json),
        JournalCommand::Verify {
            data,
            checkpoint,
            key,
            json,
        } => check::run(&data, &checkpoint, key.as_deref(), json),
        JournalCommand::Export { data, from, to, format } => {
            export::export(&data, from, to.unwrap_or(u64::MAX), format)
        }
        JournalCommand::Tail { data, lines, follow } => tail(&data, lines, follow),
        JournalCommand::Checkpoint { data } => prove::checkpoint(&data),
        JournalCommand::Archive(args) => archive::run(&args),
        JournalCommand::Prove(args) => prove::run(args),
        JournalCommand::RotateKey { data, to } => rotate(&data, to.as_deref()),
    }
}

fn there(data: &DataArg) -> Result<PathBuf, Failure> {
    if data.dir().exists() {
        Ok(data.dir().journal())
    } else {
        Err(Failure::new(format!("{}: there is no journal here", data.data.display())).hint("say where with --data"))
    }
}

fn look(data: &DataArg) -> Result<Look, Failure> {
    there(data)?;
    data.look()
}

fn stat(data: &DataArg, as_json: bool) -> Outcome {
    let path = there(data)?;
    let look = look(data)?;
    let bytes = bytes_in(&path);
    let (records, segments) = (look.last_seq(), look.segments());
    let at = |seq: u64| {
        look.reader(seq)
            .next()
            .and_then(Result::ok)
            .and_then(|line| at_of(&line))
    };
    let (first, last) = (at(1), at(records));
    if as_json {
        let shown = json!({"journal": look.journal(), "records": records, "segments": segments, "bytes": bytes, "first": first, "last": last});
        print(&shown.to_string());
    } else {
        let (first, last) = (first.unwrap_or_default(), last.unwrap_or_default());
        print(&format!(
            "journal {}\n{} in {}, {bytes} bytes on disk\nfrom {first} to {last}",
            look.journal(),
            counted(records, "record"),
            counted(segments, "segment")
        ));
    }
    Ok(())
}

fn counted(number: u64, noun: &str) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), noun)
}

fn at_of(line: &Line) -> Option<String> {
    let mut room = String::new();
    let record = Record::parse(line.seq, &line.text, &mut room).ok()?;
    Some(record.at.to_string())
}

fn bytes_in(dir: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.metadata().ok())
        .map(|meta| meta.len())
        .sum()
}

fn signing(data: &DataArg) -> Result<signing::Source, Failure> {
    let configured = data.config()?.evidence.signing_key_file;
    Ok(signing::source(&data.dir().keys(), configured.as_deref()))
}

fn rotate(data: &DataArg, to: Option<&std::path::Path>) -> Outcome {
    there(data)?;
    // A server that is asked has another working directory.
    let to = to.map(std::path::absolute).transpose()?;
    let request = super::operator::OperatorRequest::RotateKey { to: to.clone() };
    let key = super::block_on_value(super::operator::ask(data, request))??;
    print(key.as_str().unwrap_or_default());
    note("this is the public key from now on; give it to those who hold checkpoints, and back up the private one");
    if let Some(file) = to {
        note(&format!(
            "before the next start, put {} where the former key was: no server starts with that one any more",
            file.display()
        ));
    }
    Ok(())
}

/// Who reads a pipe may stop; that is no failure.
fn hung_up(cause: std::io::Error) -> Outcome {
    if cause.kind() == std::io::ErrorKind::BrokenPipe {
        Ok(())
    } else {
        Err(cause.into())
    }
}

fn tail(data: &DataArg, lines: u64, follow: bool) -> Outcome {
    let mut look = look(data)?;
    let mut reader = look.reader((look.last_seq() + 1).saturating_sub(lines));
    loop {
        let mut out = std::io::stdout().lock();
        while let Some(line) = reader.next_ref()? {
            if let Err(cause) = writeln!(out, "{}", line.text) {
                return hung_up(cause);
            }
        }
        drop(out);
        if !follow {
            return Ok(());
        }
        std::thread::sleep(FOLLOW_EVERY);
        look.again()?;
    }
}
