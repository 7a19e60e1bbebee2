//! `orkestra journal archive`: sealed segments are compressed, kept elsewhere, and removed only when their copies are good.

use std::path::Path;
use std::sync::Arc;

use clap::Args;
use journal::disk::RealDisk;
use journal::{Manifest, Target, archive, remove_archived};
use serde_json::json;

use super::there;
use crate::audit::archive::{Place, Told};
use crate::cli::operator::{self, OperatorRequest};
use crate::cli::{DataArg, Failure, Outcome, block_on_value, note, print, progress};
use crate::door::keys::private_dir;
use crate::kernel::text::count;

#[derive(Debug, Args)]
pub(in crate::cli) struct ArchiveArgs {
    #[command(flatten)]
    data: DataArg,
    /// Where the archive is kept: a directory, which is made where it is missing, or s3://bucket/prefix (endpoint and credentials
    /// from the environment, AWS_…).
    #[arg(long, value_name = "PLACE")]
    to: String,
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
    let (target, name) = target(&args.to, &path)?;
    let disk = RealDisk::existing(&path)?;
    let bar = progress::steps();
    let made = archive(&disk, (target.as_ref(), &name), args.keep, &mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    })?;
    bar.finish_and_clear();
    let Some(manifest) = made else {
        note("there is no sealed segment to archive yet");
        return Ok(());
    };
    let removed = if args.remove {
        removed(args, &manifest, &disk, target.as_ref())?
    } else {
        Vec::new()
    };
    tell(args, &manifest, &removed);
    Ok(())
}

/// The place, and its name as the manifest keeps it.
fn target(to: &str, journal: &Path) -> Result<(Arc<dyn Target>, String), Failure> {
    let place = Place::parse(to).map_err(|why| Failure {
        code: 2,
        ..Failure::new(format!("--to: {why}"))
    })?;
    if let Place::Directory(path) = &place {
        outside(&std::path::absolute(path)?, journal)?;
        // The copies are as private as the records.
        private_dir(path).map_err(|cause| Failure::new(&cause))?;
        let whole = path.canonicalize()?;
        let name = whole
            .to_str()
            .ok_or_else(|| Failure::new("the directory's name is not Unicode"))?;
        outside(&whole, journal)?;
        return Ok((place.open()?, name.to_owned()));
    }
    let target = place.open()?;
    let name = target.called();
    Ok((target, name))
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
    target: &dyn Target,
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
