//! `orkestra journal checkpoint` and `orkestra journal prove`: what somebody outside can hold the journal to.
//!
//! Proofs are made of the records as they lie in the directory, beside a running server as well; they are for the newest
//! checkpoint that is kept, or for one that is signed now where that one does not reach far enough.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use journal::{Checkpoint, Journal, Log as _, Look, Prover, VerifyingKey};
use projections::Digest;
use serde_json::json;

use super::{look, signing, there};
use crate::audit::evidence::{Unproven, proven, same_history};
use crate::audit::keys::{Chain, Keys};
use crate::audit::{archive, custody};
use crate::cli::operator::{OperatorRequest, Signed};
use crate::cli::{DataArg, Failure, Outcome, block_on_value, note, print, progress, remote};
use crate::data::ORIGIN;
use crate::kernel::token::hex;

#[derive(Debug, Args)]
pub(in crate::cli) struct ProveArgs {
    #[command(flatten)]
    data: DataArg,
    /// The record.
    #[arg(required_unless_present = "from", conflicts_with = "from")]
    seq: Option<u64>,
    /// A checkpoint that was kept; proves that everything it vouches for is still there, unaltered.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// The public key that the checkpoint must be signed with, where the data directory's own is not to be trusted.
    #[arg(long, value_name = "TEXT")]
    key: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Signs a checkpoint of everything: the running server does, else this process on the directory.
pub(super) fn checkpoint(data: &DataArg) -> Outcome {
    let (signed, key) = sign(data, true)?;
    print(signed.note.trim_end());
    note(&format!(
        "keep this elsewhere; check it with: orkestra journal verify --checkpoint FILE --key '{}'",
        key.encode()
    ));
    Ok(())
}

/// With `may_make` a key is made where nothing was ever signed.
fn sign(data: &DataArg, may_make: bool) -> Result<(Checkpoint, VerifyingKey), Failure> {
    there(data)?;
    let dir = data.dir();
    if let Some(reply) = block_on_value(remote::ask(&dir, OperatorRequest::Checkpoint))? {
        let Signed { note, key } = serde_json::from_value(reply.map_err(Failure::from)?)?;
        return Ok((Checkpoint::parse(&note)?, VerifyingKey::parse(&key)?));
    }
    let config = data.config()?;
    let disk = archive::disk(&dir.journal(), config.journal.archive.as_deref())?;
    let (journal, _) = Journal::open_on(Arc::new(disk), config.journal_options(), ORIGIN).map_err(|cause| {
        let failure = Failure::new(&cause);
        if matches!(cause, journal::Error::Locked { .. }) {
            failure.hint("another process has this directory; let it end, or stop it")
        } else {
            failure
        }
    })?;
    let key = custody::open(&signing(data)?, &journal, may_make)?;
    let signed = journal.checkpoint(&key)?;
    journal.close()?;
    Ok((signed, key.verifying_key()?))
}

/// The newest kept checkpoint that reaches `size`, signed now where none does, with a look at what it vouches for. It is by the
/// trusted key or by one that this leads to: those before it may be anybody's, and speak only under such a checkpoint.
fn reaching(data: &DataArg, size: u64, keys: &Keys) -> Result<(Look, Checkpoint), Failure> {
    let seen = look(data)?;
    let last = seen.last_seq();
    if size > last {
        return Err(Failure::new(format!("there is no record {size}; the last is {last}")));
    }
    let from = size.max(keys.trusted_from());
    match seen.newest_checkpoint()? {
        Some(kept) if (from..=last).contains(&kept.root.size) => Ok((seen, kept)),
        _ => {
            let (signed, _) = sign(data, false)?;
            Ok((look(data)?, signed))
        }
    }
}

/// The key given, else the directory's own, with those that it leads to.
fn public(data: &DataArg, look: &Look, given: Option<&str>) -> Result<Keys, Failure> {
    let key = match given {
        Some(text) => VerifyingKey::parse(text)?,
        None if signing(data)?.has_key() => signing(data)?.public()?,
        None => return Err(Failure::new("there is no key here").hint("give the public key with --key")),
    };
    let bar = progress::records(look.last_seq());
    let chain = Chain::read(&mut look.reader(1), &mut |done| bar.set_position(done));
    bar.finish_and_clear();
    Ok(chain?.keys(key))
}

pub(super) fn run(args: ProveArgs) -> Outcome {
    match (&args.from, args.seq) {
        (Some(file), _) => only_grew(&args, file),
        (None, Some(seq)) => included(&args, seq),
        (None, None) => Err(Failure::new("say which record, or --from which checkpoint")),
    }
}

fn hashed(look: &Look, checkpoint: &Checkpoint) -> Result<Prover, Unproven> {
    let bar = progress::records(checkpoint.root.size);
    let prover = proven(look, checkpoint, &mut |done| bar.set_position(done));
    bar.finish_and_clear();
    prover
}

fn included(args: &ProveArgs, seq: u64) -> Outcome {
    let data = &args.data;
    if seq == 0 {
        return Err(Failure::new("there is no record 0; the first is 1"));
    }
    let keys = public(data, &look(data)?, args.key.as_deref())?;
    let (look, checkpoint) = reaching(data, seq, &keys)?;
    let key = keys.at(checkpoint.root.size);
    checkpoint.verify(key)?;
    let inclusion = hashed(&look, &checkpoint)?.inclusion(seq, checkpoint.root.size)?;
    let line = look.reader(seq).next().transpose()?;
    let text = line.map(|line| line.text).unwrap_or_default();
    inclusion.check(&text, &checkpoint.root)?;
    let tlog_proof = inclusion.text(&checkpoint);
    if args.json {
        let path: Vec<String> = inclusion.path.iter().map(|hash| hex("", hash)).collect();
        let shown = json!({"record": seq, "leafIndex": seq - 1, "leafHash": Digest::leaf(text.as_bytes()), "text": text,
            "size": checkpoint.root.size, "root": checkpoint.root.hex(), "proof": path, "checkpoint": checkpoint.note,
            "key": key.encode(), "tlogProof": tlog_proof});
        print(&shown.to_string());
        return Ok(());
    }
    print(tlog_proof.trim_end());
    note(&format!(
        "leaf {} with the hash {} is the text of record {seq}, byte for byte (orkestra journal export --from {seq} --to {seq})\nkey {}",
        seq - 1,
        Digest::leaf(text.as_bytes()),
        key.encode()
    ));
    Ok(())
}

fn only_grew(args: &ProveArgs, file: &Path) -> Outcome {
    let data = &args.data;
    let text = std::fs::read_to_string(file).map_err(|cause| Failure::new(format!("{}: {cause}", file.display())))?;
    let named = |cause: &dyn std::fmt::Display| Failure::new(format!("{}: {cause}", file.display()));
    let old = Checkpoint::parse(&text).map_err(|cause| named(&cause))?;
    let seen = look(data)?;
    let keys = public(data, &seen, args.key.as_deref())?;
    old.verify(keys.at(old.root.size))
        .map_err(|cause| named(&cause).hint("the log's key did not sign it; --key names another one"))?;
    let (size, found) = (old.root.size, seen.last_seq());
    if size > found {
        return Err(diverged(file, &Unproven::Truncated { size, found }));
    }
    let (look, checkpoint) = reaching(data, size, &keys)?;
    let key = keys.at(checkpoint.root.size);
    checkpoint.verify(key)?;
    let prover = hashed(&look, &checkpoint).map_err(|cause| diverged(file, &cause))?;
    same_history(&prover, checkpoint.root.size, &old.root).map_err(|cause| diverged(file, &cause))?;
    let grown = prover.consistency(size, checkpoint.root.size)?;
    grown.check(&old.root, &checkpoint.root)?;
    if args.json {
        let path: Vec<String> = grown.path.iter().map(|hash| hex("", hash)).collect();
        let root = |root: &journal::Root| json!({"size": root.size, "root": root.hex()});
        let shown = json!({"old": root(&old.root), "new": root(&checkpoint.root), "proof": path,
            "checkpoint": checkpoint.note, "key": key.encode()});
        print(&shown.to_string());
    } else {
        print(grown.text(&checkpoint).trim_end());
        note(&format!(
            "the first {size} of {} records are those of {}",
            checkpoint.root.size,
            file.display()
        ));
    }
    Ok(())
}

fn diverged(file: &Path, cause: &Unproven) -> Failure {
    Failure::new(format!("{}: {cause}", file.display()))
        .hint("keep both the checkpoint and a copy of this directory: together they show what was changed")
}
