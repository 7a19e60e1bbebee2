//! What is read while others work: without holding them up, without more of the disk than it takes, one save after the other.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use journal::disk::{Disk, DiskFile, Lock, SimulatedDisk};
use journal::{Checkpoint, Journal, Log, Look, Signers, SigningKey, Verification, VerifyingKey, verify, verify_signed};

use crate::support::{ORIGIN, append_until_failure, filled, small};

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(ORIGIN, [seed; 32]).unwrap()
}

/// Who opens a file with this beginning says so, and waits to be let on.
struct Held {
    name: &'static str,
    came: Sender<()>,
    go: Receiver<()>,
}

/// A disk that counts what is opened and listed, and holds somebody up where it is told to.
struct Watched {
    disk: SimulatedDisk,
    opened: Mutex<BTreeMap<String, u64>>,
    listed: Mutex<BTreeMap<String, u64>>,
    held: Mutex<Option<Held>>,
}

impl Watched {
    fn over(disk: SimulatedDisk) -> Arc<Self> {
        Arc::new(Self {
            disk,
            opened: Mutex::default(),
            listed: Mutex::default(),
            held: Mutex::default(),
        })
    }

    /// How often files were opened whose names begin so.
    fn opened(&self, name: &str) -> u64 {
        let all = self.opened.lock().unwrap();
        all.iter()
            .filter(|(file, _)| file.starts_with(name))
            .map(|(_, count)| count)
            .sum()
    }
}

impl Disk for Watched {
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        *self.listed.lock().unwrap().entry(folder.to_owned()).or_default() += 1;
        self.disk.list(folder)
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        *self.opened.lock().unwrap().entry(name.to_owned()).or_default() += 1;
        let mut held = self.held.lock().unwrap();
        if held.as_ref().is_some_and(|held| name.starts_with(held.name))
            && let Some(held) = held.take()
        {
            held.came.send(()).unwrap();
            held.go.recv().unwrap();
        }
        drop(held);
        self.disk.open(name)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        self.disk.create(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.disk.sync_folder(folder)
    }

    fn lock(&self, name: &str) -> io::Result<Option<Lock>> {
        self.disk.lock(name)
    }

    fn describe(&self) -> String {
        self.disk.describe()
    }
}

/// Whoever reads a tile from a slow disk keeps nobody from the tree: the writer needs it for its next segment.
#[test]
fn a_tile_that_is_read_keeps_nobody_from_the_tree() {
    let disk = Watched::over(filled(600, true));
    let (journal, _) = Journal::open_on(Arc::clone(&disk) as _, small(), ORIGIN).unwrap();
    let (came, coming) = channel();
    let (let_on, go) = channel();
    let name = "tiles/tile/0/000";
    *disk.held.lock().unwrap() = Some(Held { name, came, go });
    let reader = journal.clone();
    let tile = std::thread::spawn(move || reader.tile(0, 0, 256).unwrap().unwrap());
    coming.recv().unwrap();
    let (rooted, root) = channel();
    let other = journal.clone();
    let asked = std::thread::spawn(move || rooted.send(other.root(None).unwrap()).unwrap());
    let had = root.recv_timeout(std::time::Duration::from_secs(20));
    let_on.send(()).unwrap();
    assert_eq!(tile.join().unwrap().len(), 256 * 32);
    asked.join().unwrap();
    assert_eq!(had.expect("the tree is free while the tile is read").size, 600);
}

/// The newest checkpoint has a file of its own; the others, which become very many, are listed only where that is missing.
#[test]
fn the_newest_checkpoint_is_read_and_not_searched_for() {
    let disk = Watched::over(filled(20, false));
    let (journal, _) = Journal::open_on(Arc::clone(&disk) as _, small(), ORIGIN).unwrap();
    let first = journal.checkpoint(&key(7)).unwrap();
    append_until_failure(&journal, 5);
    let newest = journal.checkpoint(&key(7)).unwrap();
    let listed = || disk.listed.lock().unwrap().get("checkpoints").copied();
    let before = listed();
    assert_eq!(journal.newest_checkpoint().unwrap(), Some(newest.clone()));
    assert_eq!(listed(), before);
    for spoilt in ["", "nonsense", &newest.note[..20]] {
        let file = disk.create("tiles/checkpoint").unwrap();
        file.write_at(spoilt.as_bytes(), 0).unwrap();
        assert_eq!(journal.newest_checkpoint().unwrap(), Some(newest.clone()), "{spoilt}");
    }
    disk.remove("tiles/checkpoint").unwrap();
    assert_eq!(journal.newest_checkpoint().unwrap(), Some(newest));
    assert_ne!(first.root.size, journal.durable());
}

/// Neighbours share their tiles: a proof for each of many records opens each tile about once.
#[test]
fn proofs_of_many_records_read_each_tile_once() {
    let disk = Watched::over(filled(600, true));
    let look = Look::on(Arc::clone(&disk) as _, 1024).unwrap();
    let prover = look.prover(600, &mut |_| ()).unwrap();
    let root = prover.root(600).unwrap();
    let before = disk.opened("tiles/tile/");
    for seq in 1..=512 {
        let text = look.get(seq).unwrap().unwrap().text;
        prover.inclusion(seq, 600).unwrap().check(&text, &root).unwrap();
    }
    let opened = disk.opened("tiles/tile/") - before;
    assert!(opened <= 4, "{opened} tiles were opened for 512 proofs");
}

/// Two who save checkpoints at once: the notary and a witness's answer, or an operator.
#[test]
fn checkpoints_that_are_saved_at_once_are_all_saved() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), small(), ORIGIN).unwrap();
    append_until_failure(&journal, 20);
    let kept = journal.checkpoint(&key(7)).unwrap();
    let savers: Vec<_> = (0..6)
        .map(|_| {
            let (journal, kept) = (journal.clone(), kept.clone());
            std::thread::spawn(move || (0..40).try_for_each(|_| journal.keep_checkpoint(&kept)))
        })
        .collect();
    for saver in savers {
        saver.join().unwrap().unwrap();
    }
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    assert_eq!(Checkpoint::parse(&read("tiles/checkpoint")).unwrap(), kept);
}

/// Takes the key that the third record stands for.
#[derive(Default)]
struct Named(Vec<u64>, Option<VerifyingKey>);

impl Signers for Named {
    fn heard(&mut self, seq: u64, text: &str) {
        self.0.push(seq);
        assert!(text.starts_with(&format!(r#"{{"seq":{seq},"#)), "{text}");
        if seq == 3 {
            self.1 = Some(key(7).verifying_key().unwrap());
        }
    }

    fn at(&self, _: u64) -> Option<VerifyingKey> {
        self.1.clone()
    }
}

/// The keys of a log stand in its records: a verification finds them in the one reading that it does.
#[test]
fn a_verification_hears_of_keys_while_it_reads() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), small(), ORIGIN).unwrap();
    append_until_failure(&journal, 40);
    journal.checkpoint(&key(7)).unwrap();
    journal.close().unwrap();
    let (against, mut named) = (Verification::default(), Named::default());
    let report = verify_signed(dir.path(), &against, &mut named, &mut |_, _| ()).unwrap();
    assert!(
        report.is_good() && report.checkpoints.iter().all(|held| held.signed),
        "{report:?}"
    );
    assert_eq!(named.0, (1..=40).collect::<Vec<_>>());
    let (journal, _) = Journal::open(dir.path(), small(), ORIGIN).unwrap();
    append_until_failure(&journal, 1);
    journal.checkpoint(&key(8)).unwrap();
    journal.close().unwrap();
    let report = verify_signed(dir.path(), &against, &mut Named::default(), &mut |_, _| ()).unwrap();
    assert!(!report.is_good(), "another key signed the second: {report:?}");
    assert!(verify(dir.path(), &against, &mut |_, _| ()).unwrap().is_good());
}
