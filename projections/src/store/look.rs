//! A look at a store that another process may hold: from a copy, so that nothing in its directory is touched.

use std::fs;
use std::path::Path;

use super::opening::{self, Doubt, Reading, Wanted};
use super::{Error, Store};

/// Copies the newest store in `dir` to `aside`, which must be there and empty, and hands its rows of the state to
/// `reading`; `None` where there is no store. A store that is written meanwhile is in doubt.
///
/// # Errors
/// When it cannot be copied.
pub fn look<R: Reading>(
    dir: &Path,
    aside: &Path,
    wanted: &Wanted,
    reading: &mut R,
) -> Result<Option<Result<Store, Doubt>>, Error> {
    let Some(newest) = opening::numbers(dir)?.last().copied() else {
        return Ok(None);
    };
    copy(&opening::path(dir, newest), aside).map_err(Error::shelf("copy"))?;
    Ok(Some(opening::read(aside, wanted, reading)))
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&to)?;
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}
