//! A disk that loses power, flips bits, fills up and fails; what was acknowledged must survive it or be refused by name.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, mpsc};

use journal::disk::{Disk, DiskFile};
use journal::{Error, Journal, Log, Options, Recovery};
use proptest::prelude::*;

const SECTOR: usize = 512;

#[derive(Clone, Default, Debug)]
struct Content {
    live: Vec<u8>,
    durable: Vec<u8>,
    last_write: Option<(usize, Vec<u8>)>,
}

#[derive(Default)]
struct Inner {
    files: BTreeMap<String, Arc<Mutex<Content>>>,
    durable_names: BTreeMap<String, Arc<Mutex<Content>>>,
    syncs: usize,
    fail_sync: Option<usize>,
    full: bool,
}

/// The simulated disk; clones are the same disk.
#[derive(Clone, Default)]
struct Simulated(Arc<Mutex<Inner>>);

struct Open {
    disk: Simulated,
    content: Arc<Mutex<Content>>,
}

impl Simulated {
    /// The disk as a new machine would find it, each unsynced sector kept or lost as `keep` says.
    fn after_power_cut(&self, keep: impl Fn(usize) -> bool) -> Self {
        self.rebuilt(|content| {
            let mut bytes = content.durable.clone();
            bytes.resize(content.live.len().max(bytes.len()), 0);
            for (sector, chunk) in content.live.chunks(SECTOR).enumerate() {
                if keep(sector) {
                    bytes[sector * SECTOR..sector * SECTOR + chunk.len()].copy_from_slice(chunk);
                }
            }
            bytes
        })
    }

    /// As above, but of the last write only the first `kept` bytes reached the disk.
    fn after_torn_write(&self, kept: usize) -> Self {
        self.rebuilt(|content| {
            let mut bytes = content.durable.clone();
            if let Some((offset, data)) = &content.last_write {
                let kept = kept.min(data.len());
                bytes[*offset..offset + kept].copy_from_slice(&data[..kept]);
            }
            bytes
        })
    }

    fn rebuilt(&self, make: impl Fn(&Content) -> Vec<u8>) -> Self {
        let inner = self.0.lock().unwrap();
        let files: BTreeMap<String, Arc<Mutex<Content>>> = inner
            .durable_names
            .iter()
            .map(|(name, content)| {
                let bytes = make(&content.lock().unwrap());
                (
                    name.clone(),
                    Arc::new(Mutex::new(Content {
                        live: bytes.clone(),
                        durable: bytes,
                        last_write: None,
                    })),
                )
            })
            .collect();
        Self(Arc::new(Mutex::new(Inner {
            files: files.clone(),
            durable_names: files,
            ..Inner::default()
        })))
    }

    fn copy(&self) -> Self {
        self.rebuilt(|content| content.durable.clone())
    }

    fn content(&self, name: &str) -> Arc<Mutex<Content>> {
        self.0.lock().unwrap().files[name].clone()
    }

    fn last_write(&self) -> usize {
        let inner = self.0.lock().unwrap();
        let lengths = inner.files.values().map(|content| {
            content
                .lock()
                .unwrap()
                .last_write
                .as_ref()
                .map_or(0, |(_, data)| data.len())
        });
        lengths.max().unwrap_or(0)
    }
}

impl Disk for Simulated {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().unwrap().files.keys().cloned().collect())
    }
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let content = self
            .0
            .lock()
            .unwrap()
            .files
            .get(name)
            .cloned()
            .ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(Open {
            disk: self.clone(),
            content,
        }))
    }
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        if self.0.lock().unwrap().full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.lock().unwrap().files.insert(name.to_owned(), Arc::default());
        self.open(name)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut inner = self.0.lock().unwrap();
        let content = inner.files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        inner.files.insert(to.to_owned(), content);
        Ok(())
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.0
            .lock()
            .unwrap()
            .files
            .remove(name)
            .map(|_| ())
            .ok_or(io::ErrorKind::NotFound.into())
    }
    fn sync_names(&self) -> io::Result<()> {
        let mut inner = self.0.lock().unwrap();
        inner.durable_names = inner.files.clone();
        Ok(())
    }
}

impl DiskFile for Open {
    fn len(&self) -> io::Result<u64> {
        Ok(self.content.lock().unwrap().live.len() as u64)
    }
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let content = self.content.lock().unwrap();
        let rest = content.live.get(offset as usize..).unwrap_or_default();
        let got = rest.len().min(into.len());
        into[..got].copy_from_slice(&rest[..got]);
        Ok(got)
    }
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut content = self.content.lock().unwrap();
        let end = offset as usize + bytes.len();
        if content.live.len() < end {
            content.live.resize(end, 0);
        }
        content.live[offset as usize..end].copy_from_slice(bytes);
        content.last_write = Some((offset as usize, bytes.to_vec()));
        Ok(())
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.content.lock().unwrap().live.resize(len as usize, 0);
        Ok(())
    }
    fn sync(&self) -> io::Result<()> {
        let failed = {
            let mut inner = self.disk.0.lock().unwrap();
            inner.syncs += 1;
            inner.fail_sync == Some(inner.syncs)
        };
        if failed {
            return Err(io::Error::other("simulated"));
        }
        let mut content = self.content.lock().unwrap();
        content.durable = content.live.clone();
        content.last_write = None;
        Ok(())
    }
}

fn options() -> Options {
    Options {
        segment_bytes: 8192,
        record_bytes_max: 4096,
    }
}

fn open(disk: &Simulated) -> Result<(Journal, Recovery), Error> {
    Journal::open_on(Arc::new(disk.clone()), options(), "seed")
}

/// Appends one batch and waits; true where it was acknowledged.
fn append(journal: &Journal, bodies: &[String]) -> bool {
    let (done, heard) = mpsc::channel();
    match journal.append(
        bodies.to_vec(),
        Box::new(move |result| done.send(result.is_ok()).unwrap()),
    ) {
        Ok(_) => heard.recv().unwrap(),
        Err(_) => false,
    }
}

fn body(n: usize, length: usize) -> String {
    format!("{{\"n\":{n},\"text\":\"{}\"}}", "x".repeat(length))
}

fn all(journal: &Journal) -> Vec<String> {
    journal.read(1).unwrap().map(|line| line.unwrap().text).collect()
}

/// What was appended, without the numbers that the journal adds.
fn bodies_of(texts: &[String]) -> Vec<String> {
    texts
        .iter()
        .map(|text| format!("{{{}", &text[text.find("\"n\"").unwrap()..]))
        .collect()
}

/// Writes batches of the given sizes until the `fail`th sync fails; what was acknowledged, and what was tried.
fn workload(disk: &Simulated, batches: &[(usize, usize)], fail: Option<usize>) -> (Vec<String>, Vec<String>) {
    disk.0.lock().unwrap().fail_sync = fail;
    let (mut acknowledged, mut tried) = (Vec::new(), Vec::new());
    let Ok((journal, _)) = open(disk) else {
        return (acknowledged, tried);
    };
    for (count, length) in batches {
        let bodies: Vec<String> = (0..*count)
            .map(|_| 0)
            .enumerate()
            .map(|(n, _)| body(tried.len() + n, *length))
            .collect();
        let good = append(&journal, &bodies);
        tried.extend(bodies.clone());
        if good {
            acknowledged.extend(bodies);
        } else {
            break;
        }
    }
    (acknowledged, tried)
}

/// Everything acknowledged is there, and nothing that nobody wrote; appending goes on.
fn survives(disk: &Simulated, acknowledged: &[String], tried: &[String]) {
    let (journal, _) = open(disk).unwrap_or_else(|cause| panic!("a torn write must open: {cause}"));
    let found = bodies_of(&all(&journal));
    assert!(
        found.len() >= acknowledged.len(),
        "{} of {} records are left",
        found.len(),
        acknowledged.len()
    );
    assert_eq!(found, tried[..found.len()], "never a wrong one");
    assert!(append(&journal, &[body(999, 5)]), "appending goes on");
    drop(journal);
    let again = all(&open(disk).unwrap().0);
    assert_eq!(again.len(), found.len() + 1);
}

#[test]
fn power_lost_after_any_byte_of_a_batch() {
    let mut torn = 0;
    for fail in 3..8 {
        let disk = Simulated::default();
        let (acknowledged, tried) = workload(&disk, &[(2, 30), (1, 700), (4, 300)], Some(fail));
        torn += usize::from(acknowledged.len() < tried.len());
        // A torn spare is no matter; the last write of the segment is.
        for kept in 0..=disk.last_write().min(2000) {
            survives(&disk.after_torn_write(kept), &acknowledged, &tried);
        }
    }
    assert!(torn >= 2, "several batches were torn");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn power_lost_with_any_sectors_unwritten(
        batches in prop::collection::vec((1usize..5, 0usize..900), 1..12),
        fail in 3usize..16,
        lost in prop::collection::vec(any::<bool>(), 32),
    ) {
        let disk = Simulated::default();
        let (acknowledged, tried) = workload(&disk, &batches, Some(fail));
        let cut = disk.after_power_cut(|sector| lost[sector % lost.len()]);
        survives(&cut, &acknowledged, &tried);
    }
}

#[test]
fn any_single_bit_flipped_is_found_or_harmless() {
    let disk = Simulated::default();
    let (acknowledged, _) = workload(&disk, &[(1, 10), (3, 40), (2, 5)], None);
    let name = "00000000000000000001.log";
    let used = disk
        .content(name)
        .lock()
        .unwrap()
        .live
        .iter()
        .rposition(|byte| *byte != 0)
        .unwrap()
        + 40;
    for bit in 0..used * 8 {
        let flipped = disk.copy();
        {
            let content = flipped.content(name);
            let mut content = content.lock().unwrap();
            content.live[bit / 8] ^= 1 << (bit % 8);
            content.durable[bit / 8] ^= 1 << (bit % 8);
        }
        match open(&flipped) {
            Ok((journal, _)) => assert_eq!(bodies_of(&all(&journal)), acknowledged, "bit {bit}"),
            Err(Error::Damaged { file, .. } | Error::Future { file, .. }) => assert_eq!(file, name),
            Err(other) => panic!("bit {bit}: {other}"),
        }
    }
}

#[test]
fn a_failing_sync_closes_for_good_and_loses_nothing_acknowledged() {
    for fail in 3..12 {
        let disk = Simulated::default();
        let batches = vec![(2, 400); 10];
        disk.0.lock().unwrap().fail_sync = Some(fail);
        let (journal, _) = open(&disk).unwrap();
        let mut acknowledged = Vec::new();
        let mut closed = false;
        for (number, (count, length)) in batches.iter().enumerate() {
            let bodies: Vec<String> = (0..*count).map(|n| body(number * 2 + n, *length)).collect();
            let good = append(&journal, &bodies);
            assert!(!(closed && good), "nothing is accepted after a failed sync");
            closed |= !good;
            if good {
                acknowledged.extend(bodies);
            }
        }
        drop(journal);
        // The dirty pages are gone, as after fsyncgate.
        let found = bodies_of(&all(&open(&disk.copy()).unwrap().0));
        assert!(found.starts_with(&acknowledged), "sync {fail}");
    }
}

#[test]
fn a_full_disk_refuses_before_writing_and_goes_on_when_there_is_room() {
    let disk = Simulated::default();
    let (journal, _) = open(&disk).unwrap();
    assert!(append(&journal, &[body(0, 100)]));
    // Let the preparer make the one spare it is at, then fill the disk.
    while !disk.list().unwrap().contains(&"spare".to_owned()) {
        std::thread::yield_now();
    }
    disk.0.lock().unwrap().full = true;
    let mut written = 1;
    let refused = loop {
        match journal.append(vec![body(written, 2000)], Box::new(|_| ())) {
            Ok(_) => written += 1,
            Err(cause) => break cause,
        }
    };
    assert!(matches!(refused, Error::Full { .. }), "{refused}");
    assert!(append(&journal, &[body(written, 5)]), "what still fits is taken");
    disk.0.lock().unwrap().full = false;
    let taken = (0..50).any(|_| append(&journal, &[body(written + 1, 2000)]));
    assert!(taken, "it works again once there is room");
    drop(journal);
    assert_eq!(all(&open(&disk).unwrap().0).len(), written + 2);
}
