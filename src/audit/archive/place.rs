//! Where archives may be: a directory, or a bucket of an object store that speaks S3.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use journal::disk::RealDisk;
use journal::{Archived, Look, Places, Target};

use super::store::Store;

/// A place as it is written: a directory, `file:///directory` or `s3://bucket/prefix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A directory.
    Directory(PathBuf),
    /// A bucket, and what stands before the names in it; empty for nothing.
    Bucket(String, String),
}

impl Place {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence. It never repeats the text: that may hold what was not meant to be shown.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self::Directory(text.into()));
        };
        match scheme {
            "file" if rest.starts_with('/') && !rest.contains(['%', '?', '#']) => Ok(Self::Directory(rest.into())),
            "file" => Err("a file URL is file:///absolute/directory, without %, ? and #"),
            "s3" if rest.contains(['@', ':', '?', '#', '%']) => Err(
                "the address of a bucket is s3://bucket/prefix and nothing else: endpoint and credentials are taken \
                     from the environment (AWS_…)",
            ),
            "s3" => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                let prefix = prefix.trim_end_matches('/');
                let is_odd = |part: &str| part.is_empty() || part == "." || part == "..";
                if bucket.is_empty() || (!prefix.is_empty() && prefix.split('/').any(is_odd)) {
                    return Err("the address of a bucket is s3://bucket/prefix");
                }
                Ok(Self::Bucket(bucket.to_owned(), prefix.to_owned()))
            }
            _ => Err("an archive is kept in a directory, or in a bucket: s3://bucket/prefix"),
        }
    }

    /// Opens what is there.
    ///
    /// # Errors
    /// `NotFound` for a directory that is missing; what is wrong with the environment of a bucket.
    pub fn open(&self) -> io::Result<Arc<dyn Target>> {
        Ok(match self {
            Self::Directory(path) => Arc::new(RealDisk::existing(path)?),
            Self::Bucket(bucket, prefix) => Arc::new(Store::open(bucket, prefix)?),
        })
    }
}

/// Whether what the configuration says can be a place.
///
/// # Errors
/// What is wrong with it, as a sentence.
pub fn check(place: Option<&str>) -> Result<(), String> {
    let wrong = |why| format!("journal.archive: {why}");
    place.map_or(Ok(()), |place| Place::parse(place).map(|_| ()).map_err(wrong))
}

/// Finds archives by the name that a manifest gives; `moved` in place of it where that is given.
pub fn places(moved: Option<&str>) -> Places {
    let moved = moved.map(ToOwned::to_owned);
    // A store has connections and what it knows of credentials; a directory is looked for each time, it may be mounted again.
    let held: Mutex<Option<(String, Arc<dyn Target>)>> = Mutex::new(None);
    Arc::new(move |named| {
        let name = moved.as_deref().unwrap_or(named);
        let place = Place::parse(name).map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, target)) = held.as_ref().filter(|(of, _)| of == name) {
            return Ok(Arc::clone(target));
        }
        let target = place.open()?;
        if matches!(place, Place::Bucket(..)) {
            *held = Some((name.to_owned(), Arc::clone(&target)));
        }
        Ok(target)
    })
}

/// A journal's directory that is there, with its archive before it.
///
/// # Errors
/// [`journal::Error::Io`] where it is not there.
pub fn disk(journal: &Path, moved: Option<&str>) -> Result<Archived, journal::Error> {
    let disk = RealDisk::existing(journal).map_err(|cause| journal::Error::Io {
        action: "open",
        file: journal.display().to_string(),
        source: Arc::new(cause),
    })?;
    Ok(Archived::over(Arc::new(disk), places(moved)))
}

/// A look at the journal in a directory, its archive included; the largest record in bytes.
///
/// # Errors
/// As for [`Look::at`].
pub fn look(journal: &Path, moved: Option<&str>, line_max: u64) -> Result<Look, journal::Error> {
    Look::on(Arc::new(disk(journal, moved)?), line_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_place_is_refused_and_not_repeated() {
        let bucket = |bucket: &str, prefix: &str| Ok(Place::Bucket(bucket.to_owned(), prefix.to_owned()));
        assert_eq!(
            Place::parse("/srv/archive"),
            Ok(Place::Directory("/srv/archive".into()))
        );
        assert_eq!(Place::parse("file:///srv/a"), Ok(Place::Directory("/srv/a".into())));
        assert_eq!(Place::parse("s3://records"), bucket("records", ""));
        assert_eq!(Place::parse("s3://records/a/b/"), bucket("records", "a/b"));
        for wrong in [
            "s3://",
            "s3:///a",
            "s3://records//a",
            "s3://records/../a",
            "s3://KEY:hidden@records/a",
            "s3://records?secret=hidden",
            "file://host/a",
            "file:///a%20b",
            "gs://records",
        ] {
            let why = Place::parse(wrong).unwrap_err();
            assert!(!why.contains("hidden") && !why.is_empty(), "{wrong}");
        }
    }
}
