//! Room: segments roll, a full disk refuses before anything is written and works again when there is space.

use std::time::{Duration, Instant};

use journal::disk::{Fate, SimulatedDisk};
use journal::{Error, Journal, Log, Options, Priority};

use crate::support::{append, append_until_failure, body, check_all, open, segments, small};

#[test]
fn segments_follow_each_other_and_are_cut_to_their_length() {
    let disk = SimulatedDisk::new();
    let (journal, _) = open(&disk).unwrap();
    append_until_failure(&journal, 100);
    let names = segments(&disk);
    assert!(names.len() > 3, "{names:?}");
    let files = disk.files();
    for name in &names[..names.len() - 1] {
        assert!(files[name].ends_with(b"}\n") && files[name].len() <= 4096, "{name}");
    }
    assert_eq!(files[names.last().unwrap()].len(), 4096);
    journal.close().unwrap();
    assert!(disk.files()[names.last().unwrap()].ends_with(b"}\n"));
    drop(journal);
    let (journal, recovery) = open(&disk).unwrap();
    assert_eq!(
        (recovery.last_seq, recovery.torn, recovery.segments),
        (100, None, names.len() as u64)
    );
    append_until_failure(&journal, 100);
    assert_eq!(check_all(&journal), 200);
}

#[test]
fn an_append_is_written_whole_or_refused_whole() {
    let disk = SimulatedDisk::new();
    let (journal, _) = open(&disk).unwrap();
    disk.set(Fate {
        space_bytes: Some(0),
        ..Fate::default()
    });
    let many = |count: usize| vec![format!(r#"{{"fill":"{}"}}"#, "x".repeat(320)); count];
    let tell = |bodies| {
        let (done, result) = std::sync::mpsc::channel();
        let given = journal.append(bodies, Box::new(move |said| drop(done.send(said))));
        given.and_then(|_| result.recv().unwrap())
    };
    // Nobody has asked for a next segment yet, so only the writer finds out that eight of nine would fit.
    assert_eq!(tell(many(2)).unwrap(), 2);
    let refused = tell(many(9)).unwrap_err();
    assert!(matches!(refused, Error::Full { .. }), "{refused}");
    assert_eq!((journal.durable(), journal.closed()), (2, None));
    // No segment will ever hold so much.
    let refused = tell(many(20)).unwrap_err();
    assert!(matches!(refused, Error::TooLarge { max: 3840, .. }), "{refused}");
    assert_eq!(tell(many(1)).unwrap(), 3);
}

#[test]
fn an_append_is_one_batch_whatever_the_caps() {
    let options = Options {
        batch_records_max: 2,
        ..small()
    };
    let (journal, _) = Journal::open_on(
        std::sync::Arc::new(SimulatedDisk::new()),
        options,
        crate::support::ORIGIN,
    )
    .unwrap();
    for first in [1, 6, 11, 16, 21] {
        append(&journal, first, first + 4).unwrap();
    }
    for line in journal.read(1).unwrap().map(Result::unwrap) {
        let batch = (line.seq - 1) / 5 * 5 + 1;
        assert!(line.text.contains(&format!(r#","batch":{batch},"#)), "{}", line.text);
    }
}

/// Appends single records until one is refused for want of room.
fn fill(journal: &Journal, priority: Priority) -> u64 {
    loop {
        let next = journal.durable() + 1;
        let (done, result) = std::sync::mpsc::channel();
        let done = Box::new(move |said| drop(done.send(said)));
        match journal.append_as(priority, vec![body(next)], done) {
            Err(Error::Full { .. }) => return next - 1,
            given => assert_eq!((given.unwrap(), result.recv().unwrap().unwrap()), (next, next)),
        }
        // The reserve is kept from when the helper has found out that no segment can be had.
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_full_disk_refuses_work_keeps_room_for_refusals_and_recovers() {
    let disk = SimulatedDisk::new();
    let (journal, _) = open(&disk).unwrap();
    append_until_failure(&journal, 30);
    disk.set(Fate {
        space_bytes: Some(2000),
        ..Fate::default()
    });
    let worked = fill(&journal, Priority::Normal);
    let health = journal.health();
    assert!(
        health.full.is_some() && health.closed.is_none() && health.room_bytes >= 512,
        "{health:?}"
    );
    let refused = fill(&journal, Priority::Refusal);
    assert!(refused > worked, "{worked} {refused}");
    assert_eq!(check_all(&journal), refused);
    disk.set(Fate::default());
    let until = Instant::now() + Duration::from_secs(10);
    while append(&journal, refused + 1, refused + 1).is_err() {
        assert!(Instant::now() < until, "there is room again");
    }
    append_until_failure(&journal, 50);
    assert_eq!(check_all(&journal), refused + 51);
}

/// Fills a disk with a writer that does not wait: each record is decided on the one before, durable or not. Says whether
/// accepted records were taken back.
fn pipelined() -> bool {
    let disk = SimulatedDisk::new();
    let (journal, _) = open(&disk).unwrap();
    append_until_failure(&journal, 10);
    disk.set(Fate {
        space_bytes: Some(2000),
        ..Fate::default()
    });
    let (done, said) = std::sync::mpsc::channel();
    let mut after = journal.durable();
    let refused = loop {
        let done = done.clone();
        let done = Box::new(move |heard| drop(done.send(heard)));
        match journal.append_after(Priority::Normal, after, vec![body(after + 1)], done) {
            Ok(given) => after = given,
            Err(cause) => break cause,
        }
    };
    drop(done);
    assert!(matches!(refused, Error::Full { .. } | Error::Moved { .. }), "{refused}");
    let heard: Vec<_> = said.into_iter().collect();
    let good = heard.iter().take_while(|heard| heard.is_ok()).count();
    let (_, taken_back) = heard.split_at(good);
    assert!(taken_back.iter().all(|heard| matches!(heard, Err(Error::Full { .. }))));
    assert_eq!(
        check_all(&journal),
        10 + good as u64,
        "a prefix, and nothing behind a gap"
    );
    assert_eq!(journal.closed(), None);
    !taken_back.is_empty()
}

#[test]
fn nothing_that_builds_on_refused_records_is_written() {
    let taken_back = (0..100).filter(|_| pipelined()).count();
    assert!(taken_back > 0, "some round takes back what it had accepted");
}

#[test]
fn a_full_disk_can_be_opened_and_read() {
    for closed in [true, false] {
        let disk = crate::support::filled(40, closed);
        disk.set(Fate {
            space_bytes: Some(0),
            ..Fate::default()
        });
        let (journal, _) = open(&disk).unwrap();
        assert_eq!(check_all(&journal), 40);
        let said = append(&journal, 41, 41);
        assert!(said.is_ok() || matches!(said, Err(Error::Full { .. })), "{said:?}");
        assert_eq!(journal.closed(), None);
    }
}

#[test]
fn short_writes_are_normal() {
    let disk = SimulatedDisk::new();
    disk.set(Fate {
        write_bytes_max: Some(7),
        ..Fate::default()
    });
    let (journal, _) = open(&disk).unwrap();
    assert_eq!(append_until_failure(&journal, 30), 30);
    assert_eq!(check_all(&journal), 30);
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let bad = [
        Options {
            segment_bytes: 1024,
            ..small()
        },
        Options {
            record_bytes_max: 10,
            ..small()
        },
        Options {
            batch_records_max: 0,
            ..small()
        },
    ];
    for options in bad {
        assert!(matches!(options.check(), Err(Error::Options { .. })), "{options:?}");
    }
    Options::default().check().unwrap();
}
