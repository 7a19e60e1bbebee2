//! `orkestra journal verify`: every byte, the tree, the checkpoints and who signed them.

use std::path::PathBuf;
use std::sync::Arc;

use journal::disk::RealDisk;
use journal::{Fault, FaultKind, Report, Verification, VerifyingKey, verify_over};
use serde_json::json;

use super::{counted, signing, there};
use crate::audit::archive;
use crate::audit::keys::{Heard, Keys};
use crate::cli::{DataArg, Failure, Outcome, note, print, progress};
use crate::kernel::text::count;

fn verified(data: &DataArg, against: &Verification, heard: &mut Heard) -> Result<Report, Failure> {
    let path = there(data)?;
    let bar = progress::bytes();
    let disk = Arc::new(RealDisk::existing(&path)?);
    let places = archive::places(data.config()?.journal.archive.as_deref());
    let report = verify_over(disk, &places, against, heard, &mut |read, all| {
        bar.set_length(all);
        bar.set_position(read);
    })?;
    bar.finish_and_clear();
    Ok(report)
}

/// The key given, else the directory's own; `None` where there is neither, as in a copy of the journal alone.
fn public_key(data: &DataArg, given: Option<&str>) -> Result<Option<VerifyingKey>, Failure> {
    match given {
        Some(text) => Ok(Some(VerifyingKey::parse(text)?)),
        None if signing(data)?.has_key() => Ok(Some(signing(data)?.public()?)),
        None => {
            note("there are no keys here, so signatures are not checked; give the public key with --key");
            Ok(None)
        }
    }
}

/// A later key speaks for those before it only through a checkpoint of its own.
fn expect_vouched(keys: Option<&Keys>, report: &Report) -> Outcome {
    let Some(sizes) = keys.and_then(Keys::vouches_from) else {
        return Ok(());
    };
    if report
        .checkpoints
        .iter()
        .any(|held| held.signed && sizes.contains(&held.root.size))
    {
        return Ok(());
    }
    let said = format!(
        "no checkpoint by that key vouches for record {}, which names it as the next",
        sizes.start
    );
    Err(Failure::new(said).hint("give the key that you trusted before with --key, or a checkpoint by the new one"))
}

pub(super) fn run(data: &DataArg, files: &[PathBuf], key: Option<&str>, as_json: bool) -> Outcome {
    there(data)?;
    let read = |path: &PathBuf| match std::fs::read_to_string(path) {
        Ok(note) => Ok((path.display().to_string(), note)),
        Err(cause) => Err(Failure::new(format!("{}: {cause}", path.display()))),
    };
    let mut heard = Heard::of(public_key(data, key)?);
    let against = Verification {
        earlier: files.iter().map(read).collect::<Result<_, Failure>>()?,
        record_bytes_max: Some(data.config()?.journal.record_bytes_max),
        ..Verification::default()
    };
    let report = verified(data, &against, &mut heard)?;
    if report.is_good() {
        expect_vouched(heard.keys().as_ref(), &report)?;
    }
    let archived = match report.archived {
        0 => String::new(),
        some => format!(", {some} of them archived"),
    };
    if as_json {
        print(&shown(&report).to_string());
    } else if report.is_good() {
        print(&format!(
            "good: {} in {}{archived}, in agreement with {}\nroot {}",
            counted(report.root.size, "record"),
            counted(report.segments, "segment"),
            count(report.checkpoints.len(), "checkpoint"),
            report.root.hex()
        ));
    }
    let mut faults = report.faults.iter().map(described);
    match (faults.next(), faults.count()) {
        (None, _) => Ok(()),
        (Some(first), more) => Err(Failure::new(first).hint(advice(&report, more))),
    }
}

fn described(fault: &Fault) -> String {
    match fault.kind {
        FaultKind::Damaged if fault.seq > 0 => {
            format!(
                "{} is damaged at byte {}, where record {} should be: {}",
                fault.file, fault.offset, fault.seq, fault.why
            )
        }
        _ => format!("{}: {}", fault.file, fault.why),
    }
}

fn is_of_archive(kind: FaultKind) -> bool {
    use FaultKind::{ArchiveDamaged, ArchiveMissing, ArchiveSwapped, Manifest};
    matches!(kind, ArchiveDamaged | ArchiveMissing | ArchiveSwapped | Manifest)
}

fn advice(report: &Report, more: usize) -> String {
    if report.faults.iter().any(|fault| is_of_archive(fault.kind)) {
        return "nothing else was looked at: mend the archive first, from a copy of it; see the runbook on archives"
            .to_owned();
    }
    let also = if more > 0 {
        format!("{} with --json; ", count(more, "more fault"))
    } else {
        String::new()
    };
    format!(
        "{also}what is before it is good, {}; compare with a backup, and change nothing here",
        counted(report.root.size, "record")
    )
}

fn shown(report: &Report) -> serde_json::Value {
    let torn = report
        .torn
        .as_ref()
        .map(|torn| json!({"file": torn.file, "offset": torn.offset, "bytes": torn.bytes}));
    let faults: Vec<_> = report
        .faults
        .iter()
        .map(|fault| {
            json!({"kind": format!("{:?}", fault.kind).to_lowercase(), "file": fault.file, "offset": fault.offset, "seq": fault.seq, "why": fault.why})
        })
        .collect();
    let checkpoints: Vec<_> = report
        .checkpoints
        .iter()
        .map(|held| json!({"source": held.source, "size": held.root.size, "root": held.root.hex(), "signed": held.signed}))
        .collect();
    json!({"ok": report.is_good(), "journal": report.journal, "records": report.root.size, "segments": report.segments, "archived": report.archived,
        "root": report.root.hex(), "tiles": report.tiles, "checkpoints": checkpoints, "torn": torn, "faults": faults})
}
