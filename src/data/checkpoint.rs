//! The start from the rows: which ones this program believes, and the state they hold.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use journal::{Journal, Line, Log as _};
use projections::Digest;
use projections::actions::Reader;
use projections::store::{self, Reading, Stand, Store, Understand, Wanted};

use crate::kernel::State;
use crate::kernel::state::{Kind, Loose};

/// How long reading the rows may take, beside what their size needs.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many records are folded with an index that is kept up; before more, none is made.
const FEW: u64 = 10_000;

/// What was found beside a journal.
pub struct Found {
    /// The store, empty where no state was found; `None` where none can be made.
    pub store: Option<Store>,
    /// The state as of the store's position.
    pub state: Option<State>,
    /// Why there is no state, although there were rows.
    pub doubt: Option<String>,
}

/// What rows must be to be believed here.
pub fn wanted(journal: &str) -> Wanted {
    Wanted {
        program: program(),
        journal: journal.to_owned(),
        patience: PATIENCE,
    }
}

/// This build: the shape of rows may change with every one, and the version changes seldom.
pub(super) fn program() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let file = std::env::current_exe().and_then(std::fs::metadata);
    let written = file.as_ref().ok().and_then(|file| file.modified().ok());
    let written = written.and_then(|when| when.duration_since(UNIX_EPOCH).ok());
    match (file, written) {
        (Ok(file), Some(written)) => format!("{version} {} {}", file.len(), written.as_nanos()),
        // Nothing equals it, so that rows of an unknown build are never believed.
        _ => format!("{version} unknown {:?}", std::time::SystemTime::now()),
    }
}

/// Opens the rows beside a journal. Whatever is wrong with them, the journal has everything.
pub fn open(dir: &Path, wanted: &Wanted, journal: &Journal, kinds: &[Kind]) -> Found {
    let agrees = |stand: &Stand| agrees(stand, journal.durable(), journal.get(stand.position));
    let mut restoring = Restoring::new(kinds, &agrees);
    restoring.last = Some(journal.durable());
    match store::open(dir, wanted, &mut restoring) {
        Ok(opened) => Found {
            store: Some(opened.store),
            state: opened.believed.then_some(restoring.state),
            doubt: opened.doubt.map(|doubt| doubt.to_string()),
        },
        Err(cause) => {
            let (store, state, doubt) = (None, None, Some(cause.to_string()));
            tracing::warn!(%cause, "the server goes on without rows");
            Found { store, state, doubt }
        }
    }
}

/// Begins an empty store where the one that was found turned out to be wrong.
pub(super) fn begin(dir: &Path, wanted: &Wanted) -> Option<Store> {
    let begun = store::begin(dir, wanted);
    begun
        .inspect_err(|cause| tracing::warn!(%cause, "the server goes on without rows"))
        .ok()
}

/// Whether a journal of so many records has the one that rows end with, given what stands there.
pub fn agrees(stand: &Stand, last: u64, line: Result<Option<Line>, journal::Error>) -> Result<(), String> {
    let position = stand.position;
    let line = line.map_err(|cause| cause.to_string())?;
    let line = line.ok_or_else(|| format!("they end with record {position}, and the journal with {last}"))?;
    if Digest::of(line.text.as_bytes()) == stand.digest {
        Ok(())
    } else {
        Err(format!("they come from another record {position} than the journal has"))
    }
}

/// Puts a state together from its rows.
pub struct Restoring<'a> {
    /// The state so far.
    pub state: State,
    kinds: Vec<Kind>,
    agrees: &'a dyn Fn(&Stand) -> Result<(), String>,
    /// The newest record; where little comes after the rows, words are indexed while the rest of the store is still checked.
    last: Option<u64>,
}

impl<'a> Restoring<'a> {
    /// Begins with the empty state; `agrees` says whether rows may stand where they do.
    pub fn new(kinds: &[Kind], agrees: &'a dyn Fn(&Stand) -> Result<(), String>) -> Self {
        Self {
            state: State::unindexed(kinds),
            kinds: kinds.to_vec(),
            agrees,
            last: None,
        }
    }
}

impl Reading for Restoring<'_> {
    type Row = Loose;

    fn stands(&mut self, stand: &Stand) -> Result<(), String> {
        (self.agrees)(stand)?;
        (self.state.position, self.state.at) = (stand.position, stand.at);
        Ok(())
    }

    fn understand(&self) -> Understand<Loose> {
        let (blank, mut actions) = (State::unindexed(&self.kinds), Reader::default());
        Box::new(move |kind, id, text| {
            let made = blank.understand(&mut actions, kind, id, text);
            made.map_err(|cause| cause.to_string())
        })
    }

    fn row(&mut self, row: Loose) -> Result<(), String> {
        self.state.put_back(row).map_err(|cause| cause.to_string())
    }

    fn told(&mut self) {
        if self
            .last
            .is_some_and(|last| last.saturating_sub(self.state.position) <= FEW)
        {
            self.state.index();
        }
        self.state.settle();
    }
}
