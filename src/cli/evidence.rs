//! `orkestra evidence`: export a bundle that others can check, and check one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};
use journal::{Checkpoint, Look, VerifyingKey, WitnessKey};
use projections::{Action, Id};
use serde_json::{Value, json};

use super::operator::{House, OperatorRequest, Signed};
use super::{DataArg, Failure, Outcome, block_on, note, print, progress, remote};
use crate::audit::evidence::{self, Bundle, Export, Proven, Sealed, Step, What};
use crate::audit::receipt;
use crate::data::Opened;
use crate::door::keys::write_private;
use crate::kernel::text::count;

/// How often and how many times it is looked whether witnesses have signed.
const WITNESS_LOOK: Duration = Duration::from_millis(100);
const WITNESS_LOOKS: u32 = 100;

#[derive(Debug, Subcommand)]
pub(super) enum EvidenceCommand {
    /// Write records with their proofs into one file. The export is journaled.
    Export(ExportArgs),
    /// Check such a file, or the receipt of a replay: offline, with nothing but the file and the public key.
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["action", "from"]))]
pub(super) struct ExportArgs {
    #[command(flatten)]
    data: DataArg,
    /// Every record that concerns this action, from its proposal to its outcome.
    #[arg(long, value_name = "ID", conflicts_with_all = ["from", "to"])]
    action: Option<Id<Action>>,
    /// The first record of a range.
    #[arg(long, value_name = "SEQ", requires = "to")]
    from: Option<u64>,
    /// The last record of a range.
    #[arg(long, value_name = "SEQ", requires = "from")]
    to: Option<u64>,
    /// The file to write (mode 0600); it must not be there yet.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// The file.
    file: PathBuf,
    /// The log's public key, from somewhere else than the file: <name>+<id>+<base64>.
    #[arg(long, value_name = "TEXT")]
    key: Option<String>,
    /// Believe the key in the file itself: that only shows whether the file agrees with itself.
    #[arg(long, conflicts_with = "key")]
    trust_file_key: bool,
    /// The public key of a witness that must have cosigned the checkpoint. May be repeated.
    #[arg(long, value_name = "TEXT")]
    witness: Vec<String>,
    /// Print the page of the file, too.
    #[arg(long)]
    page: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: EvidenceCommand) -> Outcome {
    match command {
        EvidenceCommand::Export(args) => block_on(export(args)),
        EvidenceCommand::Verify(args) => verify(&args),
    }
}

/// The server that runs on the directory, or the directory, opened once for all that is asked.
pub(super) enum Asked {
    Server,
    Directory(Box<Opened>),
}

impl Asked {
    /// Asks for a checkpoint, and finds out whom.
    pub(super) async fn begin(data: &DataArg) -> Result<(Self, Signed), Failure> {
        let dir = data.dir();
        if !dir.exists() {
            return Err(
                Failure::new(format!("{}: there is no journal here", dir.0.display())).hint("say where with --data")
            );
        }
        if let Some(reply) = remote::ask(&dir, OperatorRequest::Checkpoint).await {
            return Ok((Self::Server, serde_json::from_value(reply.map_err(Failure::from)?)?));
        }
        let opened = Box::new(super::serve::open(&dir, &data.config()?)?);
        let signed = House::of(&opened).carry_out(OperatorRequest::Checkpoint).await?;
        Ok((Self::Directory(opened), serde_json::from_value(signed)?))
    }

    pub(super) async fn ask(&self, data: &DataArg, request: OperatorRequest) -> Result<Value, Failure> {
        match self {
            Self::Server => {
                let reply = remote::ask(&data.dir(), request).await;
                reply
                    .ok_or_else(|| Failure::new("the server went away; nothing was exported"))?
                    .map_err(Failure::from)
            }
            Self::Directory(opened) => House::of(opened).carry_out(request).await,
        }
    }

    pub(super) fn end(self) -> Outcome {
        match self {
            Self::Server => Ok(()),
            Self::Directory(opened) => Ok(opened.close()?),
        }
    }
}

async fn export(args: ExportArgs) -> Outcome {
    let what = match (&args.action, args.from, args.to) {
        (Some(id), ..) => What::Action(id.to_string()),
        (None, Some(from), Some(to)) => What::Range { from, to },
        _ => return Err(Failure::new("say --action, or --from and --to")),
    };
    expect_new(&args.out)?;
    let (asked, signed) = Asked::begin(&args.data).await?;
    let made = make(&args.data, &asked, &signed, what).await;
    asked.end()?;
    let (bundle, sealed) = made?;
    let text = bundle.text()?;
    // What is written must be what others can check.
    let key = VerifyingKey::parse(&bundle.key)?;
    evidence::verify(text.as_bytes(), Some(&key))
        .map_err(|fault| Failure::new(format!("{fault}; nothing was written")))?;
    write_private(&args.out, &text).map_err(|cause| Failure::new(format!("{}: {cause}", args.out.display())))?;
    tell(&args, &bundle, &sealed)
}

pub(super) fn expect_new(out: &Path) -> Outcome {
    if std::fs::symlink_metadata(out).is_ok() {
        let said = format!(
            "{} is there already, and evidence is not written over anything",
            out.display()
        );
        return Err(Failure::new(said).hint("choose another name with --out"));
    }
    Ok(())
}

async fn make(data: &DataArg, asked: &Asked, signed: &Signed, what: What) -> Result<(Bundle, Sealed), Failure> {
    let config = data.config()?;
    let look = data.look()?;
    let mut checkpoint = Checkpoint::parse(&signed.note)?;
    if matches!(asked, Asked::Server) {
        checkpoint = witnessed(&look, checkpoint, &config.evidence.witness).await?;
    }
    let bar = progress::records(checkpoint.root.size);
    let gathered = evidence::gather(&look, &checkpoint, &signed.key, what.clone(), &mut |step| match step {
        Step::Hashed(done) | Step::Read(done) => bar.set_position(done),
        Step::Proven(done, all) => {
            bar.set_length(all);
            bar.set_position(done);
        }
    });
    bar.finish_and_clear();
    let mut bundle = gathered?;
    let seq = |entry: Option<&evidence::Entry>| entry.map_or(0, |entry| entry.seq);
    let export = Export {
        contents: bundle.contents()?,
        what,
        from: seq(bundle.records.first()),
        to: seq(bundle.records.last()),
        records: bundle.records.len() as u64,
        size: checkpoint.root.size,
    };
    let reply = asked.ask(data, OperatorRequest::Seal(Box::new(export))).await?;
    let sealed: Sealed = serde_json::from_value(reply)?;
    bundle.seal.clone_from(&sealed.seal);
    Ok((bundle, sealed))
}

/// The same checkpoint with what witnesses have to say of it, if they say it soon.
async fn witnessed(look: &Look, signed: Checkpoint, witnesses: &[evidence::Witness]) -> Result<Checkpoint, Failure> {
    let keys = witnesses
        .iter()
        .map(|witness| WitnessKey::parse(&witness.key))
        .collect::<Result<Vec<_>, _>>()?;
    let mut signed = signed;
    for _ in 0..WITNESS_LOOKS {
        if let Some(kept) = look.newest_checkpoint()?.filter(|kept| kept.root == signed.root) {
            signed = kept;
        }
        if keys
            .iter()
            .all(|key| signed.seen_by(key).is_ok_and(|seen| seen.is_some()))
        {
            return Ok(signed);
        }
        tokio::time::sleep(WITNESS_LOOK).await;
    }
    note("not every witness has signed the checkpoint; the evidence goes without");
    Ok(signed)
}

fn tell(args: &ExportArgs, bundle: &Bundle, sealed: &Sealed) -> Outcome {
    let (file, records) = (args.out.display().to_string(), bundle.records.len());
    if args.json {
        let digest = bundle.contents()?.digest().to_string();
        let shown =
            json!({"file": file, "records": records, "digest": digest, "record": sealed.record, "key": bundle.key});
        print(&shown.to_string());
    } else {
        note(&format!(
            "{} in {file}; record {} of the journal tells of it\nwho gets it checks it with: orkestra evidence verify FILE --key '{}'",
            count(records, "record"),
            sealed.record,
            bundle.key
        ));
    }
    Ok(())
}

fn verify(args: &VerifyArgs) -> Outcome {
    let named = |cause: &dyn std::fmt::Display| Failure::new(format!("{}: {cause}", args.file.display()));
    let file = std::fs::read(&args.file).map_err(|cause| named(&cause))?;
    let key = args.key.as_deref().map(VerifyingKey::parse).transpose()?;
    if file.starts_with(receipt::RECEIPT.as_bytes()) {
        return verify_receipt(args, &file, key.as_ref());
    }
    let witnesses = args
        .witness
        .iter()
        .map(|text| WitnessKey::parse(text))
        .collect::<Result<Vec<_>, _>>()?;
    match evidence::verify_witnessed(&file, key.as_ref(), &witnesses) {
        Ok(proven) if proven.key_trusted_from_file && !args.trust_file_key => Err(untrusted(args, &proven)),
        Ok(proven) => {
            if args.page {
                print(&(proven.page.join("\n") + "\n"));
            }
            if args.json {
                let mut shown = serde_json::to_value(&proven)?;
                if let Some(members) = shown.as_object_mut() {
                    members.insert("ok".to_owned(), true.into());
                }
                print(&shown.to_string());
            } else {
                print(&said(&proven));
            }
            Ok(())
        }
        Err(fault) => {
            if args.json {
                print(&json!({"ok": false, "part": fault.part, "why": fault.why}).to_string());
            }
            Err(named(&fault).hint("it is not as it was sealed, or not by this key: prove nothing with it"))
        }
    }
}

/// A receipt holds no key, so one must be given.
fn verify_receipt(args: &VerifyArgs, file: &[u8], key: Option<&VerifyingKey>) -> Outcome {
    let name = args.file.display();
    let key = key.ok_or_else(|| Failure {
        code: 2,
        ..Failure::new(format!("{name}: this is the receipt of a replay, and it holds no key"))
            .hint("get the log's key from somewhere else and give it with --key")
    })?;
    let stated = receipt::open(&String::from_utf8_lossy(file), key);
    let told = match &stated {
        Ok(lines) => json!({"ok": true, "key": key.encode(), "states": lines}),
        Err(cause) => json!({"ok": false, "part": "receipt", "why": cause.to_string()}),
    };
    if args.json {
        print(&told.to_string());
    }
    let lines = stated.map_err(|cause| {
        Failure::new(format!("{name}: {cause}"))
            .hint("it is not as it was signed, or not by this key: prove nothing with it")
    })?;
    if !args.json {
        print(&format!("good: signed by {}\n{}", key.encode(), lines.join("\n")));
    }
    Ok(())
}

/// Whoever made the file chose the key in it.
fn untrusted(args: &VerifyArgs, proven: &Proven) -> Failure {
    let why = format!(
        "nothing is proven: the key stands in the file itself, {}, and anybody can make a file that agrees with itself",
        proven.key
    );
    if args.json {
        print(&json!({"ok": false, "part": "key", "why": why}).to_string());
    }
    Failure::new(format!("{}: key: {why}", args.file.display())).hint(
        "get the log's key from somewhere else and give it with --key; --trust-file-key believes the one in the file",
    )
}

fn said(proven: &Proven) -> String {
    let what = match &proven.what {
        What::Action(id) => format!("{} concerning action {id}", count(proven.records, "record")),
        What::Range { from, to } => format!("records {from} to {to}, {}", count(proven.records, "record")),
    };
    let trust = if proven.key_trusted_from_file {
        "that key stands in the file itself and was believed: this shows only that the file agrees with itself.\n\
         Get the key from somewhere else and give it with --key"
    } else if proven.trusted == proven.key {
        "that key was given, not taken from the file"
    } else {
        "that key follows on the one that was given, by records of the file that name it"
    };
    let seen = proven.witnesses.iter().fold(String::new(), |said, one| {
        format!("{said}\nseen by {} at {}", one.name, one.at)
    });
    let good = if proven.key_trusted_from_file {
        "agrees with itself"
    } else {
        "good"
    };
    format!(
        "{good}: {what}, {} to {}\neach is, under its number, among the first {} of journal {}, root {}\n\
         signed by {}{seen}\n{trust}\nexported at {} by {}, told in record {}, digest {}",
        proven.from,
        proven.to,
        count(usize::try_from(proven.size).unwrap_or(usize::MAX), "record"),
        proven.journal,
        proven.root,
        proven.key,
        proven.exported_at,
        proven.exported_by,
        proven.export_record,
        proven.digest
    )
}
