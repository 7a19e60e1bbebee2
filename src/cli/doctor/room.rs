//! Whether the disk takes writes, and how much room is left on it.

use std::io::Write as _;

use indicatif::BinaryBytes;

use super::Finding;
use crate::data::DataDir;

const WHAT: &str = "disk";
/// The next segment is prepared while the newest one fills.
const SEGMENTS: u64 = 2;

/// Writes a little, durably, and looks at what is free for segments of so many bytes.
pub(super) fn left(dir: &DataDir, segment_bytes: u64) -> Finding {
    if let Err(cause) = tried(dir) {
        let fix = "free some space, or make the directory writable";
        return Finding::bad(WHAT, cause.to_string(), fix);
    }
    // The journal may be a mount of its own.
    match rustix::fs::statvfs(dir.journal()).or_else(|_| rustix::fs::statvfs(&dir.0)) {
        Ok(stand) => judged(stand.f_bavail.saturating_mul(stand.f_frsize), segment_bytes),
        Err(cause) => Finding::good(WHAT, format!("takes writes; how much is free cannot be told: {cause}")),
    }
}

fn tried(dir: &DataDir) -> std::io::Result<()> {
    let spare = dir.0.join(".doctor");
    let tried = std::fs::File::create(&spare).and_then(|mut file| {
        file.write_all(&[0; 4096])?;
        file.sync_all()
    });
    drop(std::fs::remove_file(&spare));
    tried
}

fn judged(free: u64, segment_bytes: u64) -> Finding {
    let said = format!("takes writes, {} free", BinaryBytes(free));
    let needed = segment_bytes.saturating_mul(SEGMENTS);
    if free < needed {
        let needed = BinaryBytes(needed);
        let fix = format!(
            "free some space, until {needed} are free: where no next segment can be prepared, calls that write are refused"
        );
        return Finding::bad(WHAT, said, fix);
    }
    Finding::good(WHAT, said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_than_two_segments_is_too_little() {
        let segment = 64 << 20;
        let enough = judged(128 << 20, segment);
        assert_eq!(
            (enough.said.as_str(), enough.fix),
            ("takes writes, 128.00 MiB free", None)
        );
        let short = judged((128 << 20) - 1, segment);
        assert!(short.fix.unwrap().contains("until 128.00 MiB are free"));
    }

    #[test]
    fn a_directory_that_is_not_there_takes_no_writes() {
        let dir = tempfile::tempdir().unwrap();
        let found = left(&DataDir(dir.path().join("gone")), 1);
        assert!(
            found.fix.is_some() && found.said.contains("No such file"),
            "{}",
            found.said
        );
        let found = left(&DataDir(dir.path().to_path_buf()), 1);
        assert!(found.fix.is_none() && found.said.ends_with(" free"), "{}", found.said);
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            0,
            "nothing is left behind"
        );
    }
}
