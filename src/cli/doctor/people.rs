//! Whether the keys of people are all there whose addresses are sealed in records.

use journal::Look;

use super::Finding;
use crate::data::DataDir;
use crate::kernel::text::count;
use crate::subjects::{Ring, lost};

/// What is found; nothing where the journal cannot be read, which is said elsewhere.
pub(super) fn keys(dir: &DataDir, look: Option<&Look>) -> Option<Finding> {
    let (what, look) = ("addresses", look?);
    let missing = Ring::look(&dir.subjects()).and_then(|ring| lost(&ring, look));
    Some(match missing {
        Ok(0) => Finding::good(what, "every key of a sealed address is there, or erased for good"),
        Ok(lost) => Finding::bad(
            what,
            format!(
                "records hold addresses sealed under {} that is not there and was never erased",
                count(lost, "key")
            ),
            format!(
                "restore {} from the backup that the journal is from; without it they cannot be read",
                dir.subjects().display()
            ),
        ),
        Err(cause) => Finding::bad(what, cause.to_string(), "run as the user that owns the directory"),
    })
}
