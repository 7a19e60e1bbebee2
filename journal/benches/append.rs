//! Durable appends with 64 writers: the journal against a bare loop of batched write and `fdatasync`, and against sled.
//!
//! `cargo bench -p journal --bench append`; the directory is `JOURNAL_BENCH_DIR` or the system's temporary one. Rates are in
//! appends per second and depend on the disk; the ratios of one run are what counts. Rounds are interleaved, and the ratios
//! are of medians.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench says what it measured, and stops where it cannot"
)]

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use journal::{Journal, Log, Options};

const WRITERS: usize = 64;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);
/// With what the journal adds, a line has about 512 bytes.
const BODY_BYTES: usize = 460;

type Measure = fn(&Path) -> f64;
type Done = Box<dyn FnOnce() + Send>;

/// Something that appends a body durably, then calls back.
trait Store: Sync {
    fn append(&self, body: String, done: Done);
}

/// A writer's own bell: it rings when its append is durable.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rung.lock().unwrap() = true;
        self.changed.notify_one();
    }

    fn wait(&self) {
        let mut rung = self
            .changed
            .wait_while(self.rung.lock().unwrap(), |rung| !*rung)
            .unwrap();
        *rung = false;
    }
}

/// Appends per second of 64 writers, each waiting for its own.
fn measure(store: &dyn Store) -> f64 {
    let (stop, count, body) = (AtomicBool::new(false), AtomicU64::new(0), body());
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                let bell = Arc::new(Bell::default());
                while !stop.load(Ordering::Relaxed) {
                    let rings = Arc::clone(&bell);
                    store.append(body.clone(), Box::new(move || rings.ring()));
                    bell.wait();
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        thread::sleep(ROUND);
        stop.store(true, Ordering::Relaxed);
    });
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let total = count.load(Ordering::Relaxed) as f64;
    total / start.elapsed().as_secs_f64()
}

fn body() -> String {
    format!(
        r#"{{"at":"2026-01-01T00:00:00Z","fill":"{}"}}"#,
        "x".repeat(BODY_BYTES - 43)
    )
}

struct Ours(Journal);

impl Store for Ours {
    fn append(&self, body: String, done: Done) {
        self.0
            .append(
                vec![body],
                Box::new(move |said| {
                    said.unwrap();
                    done();
                }),
            )
            .unwrap();
    }
}

/// The least that can be done: take all, write once into a zero-filled file, sync, tell everybody.
#[derive(Default)]
struct Loop {
    waiting: Mutex<(Vec<(String, Done)>, bool)>,
    work: Condvar,
}

impl Store for Loop {
    fn append(&self, body: String, done: Done) {
        let mut waiting = self.waiting.lock().unwrap();
        waiting.0.push((body, done));
        let first = waiting.0.len() == 1;
        drop(waiting);
        if first {
            self.work.notify_one();
        }
    }
}

impl Loop {
    fn take(&self, into: &mut Vec<(String, Done)>) -> bool {
        let waiting = self.waiting.lock().unwrap();
        let mut waiting = self
            .work
            .wait_while(waiting, |waiting| waiting.0.is_empty() && !waiting.1)
            .unwrap();
        std::mem::swap(&mut waiting.0, into);
        !into.is_empty()
    }

    fn stop(&self) {
        self.waiting.lock().unwrap().1 = true;
        self.work.notify_all();
    }

    fn write(&self, file: &File) {
        let (mut taken, mut lines, mut at) = (Vec::new(), Vec::new(), 0);
        while self.take(&mut taken) {
            lines.clear();
            for (body, _) in &taken {
                writeln!(
                    lines,
                    "00000000 {{\"seq\":1234567,\"batch\":1234567,{}",
                    body.get(1..).unwrap()
                )
                .unwrap();
            }
            file.write_all_at(&lines, at).unwrap();
            at += lines.len() as u64;
            file.sync_data().unwrap();
            taken.drain(..).for_each(|(_, done)| done());
        }
    }

    /// sled: one thread inserts a batch and flushes.
    fn insert(&self, tree: &sled::Db) {
        let (mut taken, mut next) = (Vec::new(), 0_u64);
        while self.take(&mut taken) {
            let mut batch = sled::Batch::default();
            for (body, _) in &taken {
                batch.insert(&next.to_be_bytes(), body.as_bytes());
                next += 1;
            }
            tree.apply_batch(batch).unwrap();
            tree.flush().unwrap();
            taken.drain(..).for_each(|(_, done)| done());
        }
    }
}

fn zero_filled(path: &Path, bytes: u64) -> File {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .unwrap();
    let zeros = vec![0; 1 << 20];
    for chunk in 0..bytes >> 20 {
        file.write_all_at(&zeros, chunk << 20).unwrap();
    }
    file.sync_all().unwrap();
    file
}

fn journal(dir: &Path) -> f64 {
    let (journal, _) = Journal::open(
        dir,
        Options {
            segment_bytes: std::env::var("SEG").map_or(64 << 20, |v| v.parse().unwrap()),
            ..Options::default()
        },
        "bench",
    )
    .unwrap();
    let rate = measure(&Ours(journal.clone()));
    journal.close().unwrap();
    rate
}

fn bare(dir: &Path) -> f64 {
    let (file, shared) = (zero_filled(&dir.join("bare"), 2 << 30), Loop::default());
    thread::scope(|scope| {
        scope.spawn(|| shared.write(&file));
        let rate = measure(&shared);
        shared.stop();
        rate
    })
}

fn sled_batched(dir: &Path) -> f64 {
    let (tree, shared) = (sled::open(dir).unwrap(), Loop::default());
    thread::scope(|scope| {
        scope.spawn(|| shared.insert(&tree));
        let rate = measure(&shared);
        shared.stop();
        rate
    })
}

fn main() {
    let root = std::env::var_os("JOURNAL_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let stores: [(&str, Measure); 3] = [
        ("bare loop", bare),
        ("journal", journal),
        ("sled, batch + flush", sled_batched),
    ];
    if let Ok(only) = std::env::var("ONLY") {
        for (name, run) in stores {
            if name == only {
                let dir = tempfile::tempdir_in(&root).unwrap();
                println!("{name} {}", run(dir.path()));
            }
        }
        return;
    }
    let mut rates = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for ((_, run), rates) in stores.iter().zip(&mut rates) {
            let dir = tempfile::tempdir_in(&root).unwrap();
            rates.push(run(dir.path()));
        }
    }
    let [bare, journal, sled] = rates.map(|mut rates| {
        rates.sort_by(f64::total_cmp);
        rates.get(ROUNDS / 2).copied().unwrap()
    });
    for ((name, _), rate) in stores.iter().zip([bare, journal, sled]) {
        println!("{name:<22} {:>8.1}k/s", rate / 1000.0);
    }
    println!("journal / bare loop    {:>8.2}  (bar: 0.8)", journal / bare);
    println!("journal / sled         {:>8.2}  (bar: 2)", journal / sled);
}
