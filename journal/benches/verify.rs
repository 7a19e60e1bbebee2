//! Reading back: one million records of about 590 bytes, verified, read and opened, on one core.
//!
//! `cargo bench -p journal --bench verify`; the directory is `JOURNAL_BENCH_DIR` or the system's temporary one. With
//! `-- DIR` the journal that lies there is verified instead, and the time of the processor is said beside the other.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench says what it measured, and stops where it cannot"
)]

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Instant;

use journal::{Journal, Log, Options, Verification, verify};

const RECORDS: u64 = 1_000_000;

fn body(number: u64) -> String {
    format!(
        r#"{{"at":"2026-01-01T00:00:00.{number:09}Z","v":1,"actor":{{"kind":"agent","principalId":"mem_{number:08}","via":"mcp","client":"claude-code 2.1"}},"org":"org_00000001","events":[{{"event":"task.state_changed","action":"act_{number:012}","entity":"task_{number:08}","version":3,"fields":{{"state":{{"before":"in_progress","after":"in_review"}},"assignee":{{"before":null,"after":"mem_00000042"}}}},"comment":"{}"}}],"digest":"{number:064x}"}}"#,
        "moved along ".repeat(4)
    )
}

fn fill(journal: &Journal) {
    let mut number = 0;
    while number < RECORDS {
        let (done, result) = mpsc::channel();
        let bodies = (number..number + 1000).map(body).collect();
        journal
            .append(bodies, Box::new(move |said| drop(done.send(said))))
            .unwrap();
        result.recv().unwrap().unwrap();
        number += 1000;
    }
}

fn timed<T>(what: &str, note: &str, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = run();
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let rate = RECORDS as f64 / start.elapsed().as_secs_f64() / 1000.0;
    println!("{what:<34} {rate:>9.0}k records/s  {note}");
    result
}

/// Seconds of processor time so far, of this process.
fn processor() -> f64 {
    let said = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    said.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn verified(dir: &Path) {
    for _ in 0..5 {
        let (start, used) = (Instant::now(), processor());
        let report = verify(dir, &Verification::default(), &mut |_, _| ()).unwrap();
        assert!(report.is_good());
        let (size, used) = (report.root.size as f64, processor() - used);
        println!(
            "verify {size} records: {:.0}/s, {:.0} for each second of the processor",
            size / start.elapsed().as_secs_f64(),
            size / used
        );
    }
}

fn main() {
    if let Some(dir) = std::env::args().skip(1).find(|arg| arg != "--bench") {
        return verified(Path::new(&dir));
    }
    let root = std::env::var_os("JOURNAL_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = tempfile::tempdir_in(root).unwrap();
    let (journal, _) = Journal::open(dir.path(), Options::default(), "bench").unwrap();
    timed("append, 1000 at a time", "", || fill(&journal));
    println!(
        "a record has {} bytes",
        journal.get(RECORDS / 2).unwrap().unwrap().text.len()
    );
    journal.close().unwrap();
    drop(journal);
    for _ in 0..3 {
        let report = timed("verify", "(bar: 600k)", || {
            verify(dir.path(), &Verification::default(), &mut |_, _| ()).unwrap()
        });
        assert!(report.is_good() && report.root.size == RECORDS);
    }
    let (journal, _) = timed("open (scan, checksums, index)", "", || {
        Journal::open(dir.path(), Options::default(), "bench").unwrap()
    });
    timed("read, owned", "", || {
        assert_eq!(journal.read(1).unwrap().flatten().count() as u64, RECORDS);
    });
    timed("read, borrowed", "", || {
        let (mut reader, mut bytes) = (journal.reader(1), 0);
        while let Some(line) = reader.next_ref().unwrap() {
            bytes += line.text.len();
        }
        assert!(bytes > 0);
    });
    let start = Instant::now();
    let mut seq = 1;
    for _ in 0..10_000 {
        seq = (seq * 48_271) % 999_983 + 1;
        assert_eq!(journal.get(seq).unwrap().unwrap().seq, seq);
    }
    println!(
        "get, any record                    {:>9.1} µs",
        start.elapsed().as_secs_f64() * 100.0
    );
}
