//! A data directory: journal, rows, keys, lock and socket, opened together or looked at.

mod checkpoint;

pub use crate::door::signing::ORIGIN;
pub use checkpoint::{Restoring, agrees, wanted};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use journal::disk::RealDisk;
use journal::{Archived, Journal, Log as _, Options};
use projections::store::Store;
use thiserror::Error;

use crate::audit::travel::{self, Stretches};
use crate::audit::{archive, custody};
use crate::door::keys::{self, Keys};
use crate::door::limits::Rates;
use crate::door::signer::Signer;
use crate::door::signing;
use crate::followers::clerk::{Clerk, Desk};
use crate::followers::notary::Notary;
use crate::kernel::Registry;
use crate::kernel::execution::Terms;
use crate::modules::organizations::founding::Founding;
use crate::processor::{self, Handle, Opening};
use crate::subjects::{self, Ring, Sealing};

/// Where everything of one server lives.
#[derive(Clone, Debug)]
pub struct DataDir(pub PathBuf);

impl DataDir {
    /// The segments; with `keys` this is the backup.
    pub fn journal(&self) -> PathBuf {
        self.0.join("journal")
    }

    /// The secret keys.
    pub fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }

    /// The rows that are derived from the journal; they may be deleted at any time.
    pub fn projections(&self) -> PathBuf {
        self.0.join("projections")
    }

    /// The states of the past that are kept there.
    pub fn past(&self, settings: &travel::Settings) -> Stretches {
        Stretches::new(&self.projections(), &checkpoint::program(), settings)
    }

    /// The keys of the people whose mail addresses stand in the journal.
    pub fn subjects(&self) -> PathBuf {
        self.0.join("subjects")
    }

    /// Where a running server takes its siblings' calls.
    pub fn socket(&self) -> PathBuf {
        self.0.join("orkestra.sock")
    }

    /// Whether something was ever written here.
    pub fn exists(&self) -> bool {
        self.journal().is_dir()
    }
}

/// Why a data directory cannot be opened.
#[derive(Debug, Error)]
pub enum Error {
    /// The keys.
    #[error(transparent)]
    Keys(#[from] keys::Error),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The keys of the people in it.
    #[error(transparent)]
    Subjects(#[from] subjects::Error),
    /// The key that signs the log.
    #[error(transparent)]
    Signing(#[from] custody::Error),
    /// The state.
    #[error(transparent)]
    Opening(#[from] processor::Failed),
    /// The operating system gives no thread.
    #[error("no thread could be started: {0}")]
    Thread(std::io::Error),
}

/// An open data directory.
pub struct Opened {
    /// The way to the processor.
    pub handle: Handle,
    /// The keys.
    pub keys: Keys,
    /// The journal itself.
    pub journal: Journal,
    /// The keys of the people in it.
    pub ring: Arc<Ring>,
    /// Who signs for it.
    pub signer: Signer,
    /// Where the rows are read.
    pub desk: Desk,
    clerk: Option<Clerk>,
    notary: Notary,
}

impl Opened {
    /// Writes the last rows, signs a last checkpoint, writes what is waiting, and closes the journal.
    ///
    /// # Errors
    /// [`journal::Error::Closed`] when a failure had closed it before.
    pub fn close(self) -> Result<(), journal::Error> {
        drop(self.clerk);
        drop(self.notary);
        self.journal.close()
    }
}

/// How to open.
pub struct How {
    /// Whether a read's answer waits until it is journaled durably.
    pub wait_for_reads: bool,
    /// Sizes of the journal.
    pub options: Options,
    /// Limits, for the tools that tell of them.
    pub rates: Rates,
    /// On what terms work is given to workers.
    pub terms: Terms,
    /// A file with the key that signs the log, where that is not in the data directory.
    pub signing_key_file: Option<PathBuf>,
    /// What is kept for journeys to the past.
    pub past: travel::Settings,
    /// Where the archive is, if elsewhere than the journal knows.
    pub archive: Option<String>,
}

impl Default for How {
    fn default() -> Self {
        Self {
            wait_for_reads: true,
            options: Options::default(),
            rates: Rates::default(),
            terms: Terms::default(),
            signing_key_file: None,
            past: travel::Settings::default(),
            archive: None,
        }
    }
}

/// Who hears how far an opening is.
pub trait Watch {
    /// So many bytes of the journal, of so many, were read and checked.
    fn checked(&mut self, _bytes: u64, _all: u64) {}
    /// So many records, of so many, were folded into the state.
    fn folded(&mut self, _records: u64, _all: u64) {}
}

/// Nobody.
impl Watch for () {}

/// Opens a data directory and starts its processor; founds the first organisation in an empty one.
pub fn open(dir: &DataDir, how: &How) -> Result<Opened, Error> {
    open_watched(dir, how, &mut ())
}

/// [`open`], with somebody who hears how far it is.
pub fn open_watched(dir: &DataDir, how: &How, watch: &mut dyn Watch) -> Result<Opened, Error> {
    keys::private_dir(&dir.0)?;
    let mut checked = |bytes, all| watch.checked(bytes, all);
    let folder = Arc::new(Archived::over(
        Arc::new(disk(&dir.journal())?),
        archive::places(how.archive.as_deref()),
    ));
    let (journal, recovery) = Journal::open_watched(folder, how.options.clone(), ORIGIN, &mut checked)?;
    let keys = Keys::open(&dir.keys())?;
    let source = signing::source(&dir.keys(), how.signing_key_file.as_deref());
    let signing = custody::open(&source, &journal, true)?;
    let ring = Arc::new(Ring::open(&dir.subjects())?);
    subjects::finish(&ring, &journal, &dir.projections())?;
    let torn = recovery.torn.map(|torn| (torn.file, torn.offset, torn.bytes));
    let mut registry = registry();
    registry.quotas.normal_per_minute = how.rates.normal_per_minute.get();
    registry.quotas.sensitive_per_minute = how.rates.sensitive_per_minute.get();
    registry.terms = how.terms.clone();
    let wanted = wanted(&recovery.journal);
    let found = checkpoint::open(&dir.projections(), &wanted, &journal, &registry.kinds());
    let (restored, no_store) = (found.state.is_some(), found.doubt.clone().unwrap_or_default());
    let opening = Opening {
        log: Arc::new(Sealing::over(journal.clone(), Arc::clone(&ring))),
        registry: Arc::new(registry),
        key: keys.confirm.clone(),
        clock: Arc::new(now),
        checkpoint: found.state,
        doubt: found.doubt,
        torn,
        founding: Some(first()),
        wait_for_reads: how.wait_for_reads,
    };
    let handle = processor::open_watched(opening, &mut |records, all| watch.folded(records, all))?;
    let store = match found.store {
        // The journal did not go on from what it holds.
        Some(_) if restored && handle.boot().rebuilt.is_some() => checkpoint::begin(&dir.projections(), &wanted),
        store => store,
    };
    let desk = Desk::new(dir.projections(), store.as_ref().map(Store::rows));
    let desk = desk.keeping(dir.past(&how.past));
    if let Some(rows) = desk.rows() {
        handle.attach(rows.clone());
    }
    handle.travel(states(&handle, dir.past(&how.past)));
    if store.is_none() {
        desk.give_up(&no_store);
    }
    let clerk = store.map(|store| Clerk::start(handle.clone(), store, desk.clone()));
    let clerk = clerk.transpose().map_err(Error::Thread)?;
    let signer = Signer::new(journal.clone(), source, signing);
    let notary = Notary::start(signer.clone()).map_err(Error::Thread)?;
    Ok(Opened {
        handle,
        keys,
        journal,
        ring,
        signer,
        desk,
        clerk,
        notary,
    })
}

fn disk(dir: &Path) -> Result<RealDisk, journal::Error> {
    RealDisk::create(dir).map_err(|cause| journal::Error::Io {
        action: "open",
        file: shown(dir),
        source: Arc::new(cause),
    })
}

/// Everything there is to call.
pub fn registry() -> Registry {
    crate::modules::registry()
}

/// The hour, in milliseconds: finer would only make records longer.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

fn first() -> Founding {
    Founding {
        name: "My organisation".to_owned(),
        slug: "my-organisation".to_owned(),
        timezone: "UTC".to_owned(),
        currency: "EUR".to_owned(),
        locale: None,
        owner: ("Owner".to_owned(), "owner".to_owned(), None),
    }
}

/// Whether a directory looks like a data directory that another process holds.
pub fn is_locked(cause: &Error) -> bool {
    matches!(cause, Error::Journal(journal::Error::Locked { .. }))
}

/// The directory as given, for messages.
pub fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// States of the past, for reads that ask for an hour.
fn states(handle: &Handle, kept: travel::Stretches) -> processor::States {
    let machine = travel::Machine::new(handle.registry()).keeping(kept);
    let log = Arc::clone(handle.log());
    Box::new(move |position| {
        let state = machine.at(log.as_ref(), position, &mut |_, _| ());
        state.map_err(|cause| processor::unavailable(&cause.to_string()))
    })
}
