//! `orkestra journal archive`: sealed segments are compressed, kept elsewhere, and removed only when their copies are good.

use std::path::{Path, PathBuf};

use clap::Args;
use journal::disk::RealDisk;
use journal::{Manifest, archive, remove_archived};
use serde_json::json;

use super::there;
use crate::audit::archive::Told;
use crate::cli::operator::{self, OperatorRequest};
use crate::cli::{DataArg, Failure, Outcome, block_on_value, note, print, progress};
use crate::door::keys::private_dir;
use crate::kernel::text::count;

#[derive(Debug, Args)]
pub(in crate::cli) struct ArchiveArgs {
    #[command(flatten)]
    data: DataArg,
    /// The directory that holds the archive; it is made where it is missing.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// How many of the newest sealed segments stay out of it.
    #[arg(long, value_name = "SEGMENTS", default_value_t = 0)]
    keep: usize,
    /// Remove the plain files of what is archived, once every copy was read back and the removal is journaled.
    #[arg(long)]
    remove: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ArchiveArgs) -> Outcome {
    let path = there(&args.data)?;
    if args.to.to_string_lossy().contains("://") {
        let said = format!("{}: only directories can hold an archive", args.to.display());
        return Err(Failure::new(said).hint("archive to a directory, and copy that to the object store"));
    }
    outside(&std::path::absolute(&args.to)?, &path)?;
    // The copies are as private as the records.
    private_dir(&args.to).map_err(|cause| Failure::new(&cause))?;
    let target = RealDisk::create(&args.to)?;
    let place = args.to.canonicalize()?;
    let name = place
        .to_str()
        .ok_or_else(|| Failure::new("the directory's name is not Unicode"))?;
    outside(&place, &path)?;
    let disk = RealDisk::existing(&path)?;
    let bar = progress::steps();
    let made = archive(&disk, (&target, name), args.keep, &mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    let Some(manifest) = made else {
        note("there is no sealed segment to archive yet");
        return Ok(());
    };
    let removed = if args.remove {
        removed(args, &manifest, &disk, &target)?
    } else {
        Vec::new()
    };
    tell(args, &manifest, &removed);
    Ok(())
}

/// A copy beside what it is a copy of is lost with it.
fn outside(place: &Path, journal: &Path) -> Result<(), Failure> {
    if place.starts_with(journal.canonicalize()?) {
        let said = format!("{} is where the journal itself is", place.display());
        return Err(Failure::new(said).hint("choose a directory outside it, on another disk if you can"));
    }
    Ok(())
}

/// Journaled first: a stop in between leaves files that a second run removes.
fn removed(
    args: &ArchiveArgs,
    manifest: &Manifest,
    disk: &RealDisk,
    target: &RealDisk,
) -> Result<Vec<String>, Failure> {
    let journal = args.data.dir().journal();
    if !manifest
        .segments
        .iter()
        .any(|segment| journal.join(&segment.name).exists())
    {
        return Ok(Vec::new());
    }
    let told = OperatorRequest::Archived(Told::of(manifest));
    block_on_value(operator::ask(&args.data, told))??;
    Ok(remove_archived(disk, target)?)
}

fn tell(args: &ArchiveArgs, manifest: &Manifest, removed: &[String]) {
    let told = Told::of(manifest);
    let sum = |of: fn(&journal::ArchivedSegment) -> u64| manifest.segments.iter().map(of).sum::<u64>();
    let (bytes, packed) = (sum(|segment| segment.bytes), sum(|segment| segment.packed_bytes));
    if args.json {
        let shown = json!({"target": told.target, "segments": told.segments, "from": told.from, "to": told.to,
            "digest": told.digest, "bytes": bytes, "packedBytes": packed, "removed": removed});
        print(&shown.to_string());
        return;
    }
    let segments = count(manifest.segments.len(), "segment");
    print(&format!(
        "archived: {segments}, records {} to {}, {bytes} bytes as {packed} in {}\n{} removed",
        told.from,
        told.to,
        told.target,
        count(removed.len(), "plain file")
    ));
}
