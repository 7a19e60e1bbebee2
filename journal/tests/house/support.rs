//! What the tests share: small journals on simulated disks, and what was acknowledged on them.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use journal::disk::SimulatedDisk;
use journal::{Error, Journal, Log, Options, Recovery};

pub const ORIGIN: &str = "example.org/log";

/// Segments of four kibibytes.
pub fn small() -> Options {
    Options {
        segment_bytes: 4096,
        record_bytes_max: 1024,
        reserve_bytes: 512,
        ..Options::default()
    }
}

pub fn open(disk: &SimulatedDisk) -> Result<(Journal, Recovery), Error> {
    Journal::open_on(Arc::new(disk.clone()), small(), ORIGIN)
}

/// The body of a record that is recognised again; its length varies with its number.
pub fn body(number: u64) -> String {
    let fill = "x".repeat(usize::try_from(number * 37 % 201).unwrap());
    format!(r#"{{"number":{number},"fill":"{fill}"}}"#)
}

/// Whether a text is the record of a number.
pub fn is_record(text: &str, number: u64) -> bool {
    text.starts_with(&format!(r#"{{"seq":{number},"batch":"#)) && text.ends_with(&body(number)[1..])
}

/// Appends records `from..=to` as one hand-over and waits.
pub fn append(log: &dyn Log, from: u64, to: u64) -> Result<u64, Error> {
    let (done, result) = mpsc::channel();
    log.append(
        (from..=to).map(body).collect(),
        Box::new(move |said| drop(done.send(said))),
    )?;
    result.recv().expect("the callback runs")
}

/// Appends `count` records in hand-overs of 1 to 5 until one fails; gives the last one that was acknowledged.
pub fn append_until_failure(log: &dyn Log, count: u64) -> u64 {
    let mut last = log.durable();
    let end = last + count;
    while last < end {
        let to = end.min(last + 1 + last % 5);
        match append(log, last + 1, to) {
            Ok(seq) => last = seq,
            Err(_) => return last.max(log.durable()),
        }
    }
    last
}

/// All records of a log, each checked to be what was appended under its number. Gives how many there are.
pub fn check_all(log: &dyn Log) -> u64 {
    let mut count = 0;
    for line in log.read(1).unwrap() {
        let line = line.unwrap();
        count += 1;
        assert_eq!(line.seq, count);
        assert!(is_record(&line.text, count), "{}", line.text);
    }
    assert_eq!(count, log.durable());
    count
}

/// A disk with `count` acknowledged records, closed cleanly or not.
pub fn filled(count: u64, closed: bool) -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let (journal, _) = open(&disk).unwrap();
    assert_eq!(append_until_failure(&journal, count), count);
    if closed {
        journal.close().unwrap();
        return disk.after_kill();
    }
    let killed = disk.after_kill();
    drop(journal);
    killed
}

/// The names of the segments on a disk.
pub fn segments(disk: &SimulatedDisk) -> Vec<String> {
    let is_segment = |name: &String| name.as_bytes().ends_with(b".log") && name.len() == 24;
    disk.files().into_keys().filter(is_segment).collect()
}

/// What was told to callbacks, in order.
pub type Heard = Arc<Mutex<Vec<Result<u64, String>>>>;

/// A deterministic coin for power cuts.
pub fn coin(seed: u64) -> impl FnMut() -> bool {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state & 64 != 0
    }
}
