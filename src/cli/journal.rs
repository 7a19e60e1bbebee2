//! `orkestra journal`: look at, verify, export and prove what happened.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use journal::verify::Against;
use journal::{Journal, Log as _, Options, SigningKey, VerifyingKey, checkpoint, tree, verify};
use serde_json::json;

use super::{DataArg, Failure, Outcome, note, print};
use crate::data::DataDir;
use crate::door::Keys;

/// The journal's name in checkpoints (C2SP tlog-checkpoint, origin line).
const ORIGIN: &str = "orkestra";

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
    /// Print records as NDJSON.
    Export {
        #[command(flatten)]
        data: DataArg,
        /// First record.
        #[arg(long, default_value_t = 1)]
        from: u64,
        /// Last record.
        #[arg(long)]
        to: Option<u64>,
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
    /// Prove that a record is in the journal, or that it only grew.
    Prove {
        #[command(flatten)]
        data: DataArg,
        /// The record.
        seq: u64,
    },
}

pub(super) fn run(command: JournalCommand) -> Outcome {
    match command {
        JournalCommand::Stat { data, json } => stat(&data.dir(), json),
        JournalCommand::Verify {
            data,
            checkpoint,
            key,
            json,
        } => check(&data.dir(), &checkpoint, key.as_deref(), json),
        JournalCommand::Export { data, from, to } => export(&data.dir(), from, to.unwrap_or(u64::MAX)),
        JournalCommand::Tail { data, lines, follow } => tail(&data.dir(), lines, follow),
        JournalCommand::Checkpoint { data } => sign(&data.dir()),
        JournalCommand::Prove { data, seq } => prove(&data.dir(), seq),
    }
}

fn there(dir: &DataDir) -> Result<PathBuf, Failure> {
    if dir.exists() {
        Ok(dir.journal())
    } else {
        Err(Failure::new(format!("{}: there is no journal here", dir.0.display())).hint("say where with --data"))
    }
}

/// A bar where somebody looks; nothing in a pipe.
fn bar(bytes: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}");
    ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn bytes_in(dir: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.metadata().ok())
        .map(|meta| meta.len())
        .sum()
}

fn verified(dir: &DataDir, against: &Against<'_>) -> Result<journal::Report, Failure> {
    let path = there(dir)?;
    let bar = bar(bytes_in(&path));
    let report = verify(&path, against, |bytes| bar.set_position(bytes))?;
    bar.finish_and_clear();
    Ok(report)
}

fn stat(dir: &DataDir, as_json: bool) -> Outcome {
    let report = verified(dir, &Against::default())?;
    let shown =
        json!({"records": report.records, "segments": report.segments, "bytes": report.bytes, "root": report.root});
    if as_json {
        print(&shown.to_string());
    } else {
        print(&format!(
            "{} records in {} segments, {} bytes\nroot {}",
            report.records, report.segments, report.bytes, report.root
        ));
    }
    Ok(())
}

fn public_key(dir: &DataDir, given: Option<&str>) -> Result<VerifyingKey, Failure> {
    match given {
        Some(text) => Ok(VerifyingKey::parse(text)?),
        None => Ok(signing_key(dir)?.verifying_key().clone()),
    }
}

fn signing_key(dir: &DataDir) -> Result<SigningKey, Failure> {
    Ok(SigningKey::new(ORIGIN, &Keys::open(&dir.keys())?.signing)?)
}

fn check(dir: &DataDir, files: &[PathBuf], key: Option<&str>, as_json: bool) -> Outcome {
    there(dir)?;
    let read = |path: &PathBuf| {
        std::fs::read_to_string(path).map_err(|cause| Failure::new(format!("{}: {cause}", path.display())))
    };
    let earlier = files.iter().map(read).collect::<Result<Vec<String>, Failure>>()?;
    let key = public_key(dir, key)?;
    let report = verified(
        dir,
        &Against {
            key: Some(&key),
            earlier: &earlier,
        },
    )?;
    if as_json {
        let torn = report
            .torn
            .map(|(file, offset, bytes)| json!({"file": file, "offset": offset, "bytes": bytes}));
        print(&json!({"ok": true, "records": report.records, "root": report.root, "checkpoints": report.checkpoints, "torn": torn}).to_string());
    } else {
        print(&format!(
            "good: {} records, {} checkpoints agree\nroot {}",
            report.records, report.checkpoints, report.root
        ));
    }
    Ok(())
}

/// Reads the files as they are, also beside a running server; what is being written right now is not shown.
fn each(dir: &DataDir, from: u64, to: u64, mut each: impl FnMut(&str) -> std::io::Result<()>) -> Result<u64, Failure> {
    let path = there(dir)?;
    let mut last = from.saturating_sub(1);
    let mut failed = None;
    journal::verify::scan_files(&path, from, |seq, text| {
        if seq > to {
            return false;
        }
        last = seq;
        failed = each(text).err();
        failed.is_none()
    })?;
    match failed {
        Some(cause) if cause.kind() == std::io::ErrorKind::BrokenPipe => Ok(last),
        Some(cause) => Err(Failure::new(cause)),
        None => Ok(last),
    }
}

fn export(dir: &DataDir, from: u64, to: u64) -> Outcome {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let last = each(dir, from, to, |text| writeln!(out, "{text}"))?;
    out.flush()?;
    note(&format!("{} records", (last + 1).saturating_sub(from)));
    Ok(())
}

fn tail(dir: &DataDir, lines: u64, follow: bool) -> Outcome {
    let mut records = 0;
    let path = there(dir)?;
    journal::verify::scan_files(&path, 1, |seq, _| {
        records = seq;
        true
    })?;
    let mut next = (records + 1).saturating_sub(lines).max(1);
    loop {
        let mut out = std::io::stdout().lock();
        next = each(dir, next, u64::MAX, |text| writeln!(out, "{text}"))? + 1;
        drop(out);
        if !follow {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(300));
    }
}

fn open(dir: &DataDir) -> Result<Journal, Failure> {
    let path = there(dir)?;
    let opened = Journal::open(&path, Options::default()).map_err(|cause| {
        let failure = Failure::new(&cause);
        if cause == journal::Error::Locked {
            failure.hint("stop the server, or ask it: it keeps checkpoints by itself")
        } else {
            failure
        }
    })?;
    Ok(opened.0)
}

fn sign(dir: &DataDir) -> Outcome {
    let (journal, key) = (open(dir)?, signing_key(dir)?);
    let text = checkpoint::checkpoint(&dir.journal(), &journal, &key)?;
    print(text.trim_end());
    note(&format!(
        "keep this elsewhere; check it with: orkestra journal verify --checkpoint FILE --key '{}'",
        key.verifying_key().text()
    ));
    Ok(journal.close()?)
}

fn prove(dir: &DataDir, seq: u64) -> Outcome {
    let (journal, key) = (open(dir)?, signing_key(dir)?);
    let line = journal
        .get(seq)?
        .ok_or_else(|| Failure::new(format!("there is no record {seq}")))?;
    let signed = checkpoint::checkpoint(&dir.journal(), &journal, &key)?;
    let tree = tree::Tree::open(&dir.journal())?;
    let proof: Vec<String> = tree
        .prove_inclusion(seq, tree.size())?
        .iter()
        .map(|hash| tree::hex(&hash.0))
        .collect();
    let leaf = tree::hex(&tree::leaf(&line.text).0);
    print(&json!({"record": seq, "leaf": leaf, "size": tree.size(), "proof": proof, "checkpoint": signed, "key": key.verifying_key().text()}).to_string());
    Ok(journal.close()?)
}
