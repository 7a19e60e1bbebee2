//! The real disk: the lock, the files as people see them, a process that is killed, records of every size.

use std::fs;
use std::process::Command;

use journal::{Error, Journal, Log, Options, Verification, verify};

use crate::support::{ORIGIN, append_until_failure, check_all, small};

#[test]
fn a_directory_is_taken_by_one_and_free_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/journal");
    let (journal, recovery) = Journal::open(&path, small(), ORIGIN).unwrap();
    assert_eq!((recovery.records, recovery.segments), (0, 1));
    let refused = Journal::open(&path, small(), ORIGIN).map(|_| ()).unwrap_err();
    assert!(
        matches!(&refused, Error::Locked { dir } if *dir == path.display().to_string()),
        "{refused}"
    );
    append_until_failure(&journal, 50);
    journal.clone().close().unwrap();
    let (journal, recovery) = Journal::open(&path, small(), ORIGIN).unwrap();
    assert_eq!((recovery.last_seq, check_all(&journal)), (50, 50));
    drop(journal);
    assert!(
        verify(&path, &Verification::default(), &mut |_, _| ())
            .unwrap()
            .is_good()
    );
    // What a closed journal leaves is text.
    let text: String = segments(&path).map(|file| fs::read_to_string(file).unwrap()).collect();
    assert!(
        text.lines()
            .all(|line| line.as_bytes()[8] == b' ' && line.ends_with('}')),
        "{text}"
    );
    assert_eq!(text.matches("\"number\"").count(), 50);
}

fn segments(dir: &std::path::Path) -> impl Iterator<Item = std::path::PathBuf> {
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "log"))
}

#[test]
fn a_callback_may_drop_the_last_handle() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), small(), ORIGIN).unwrap();
    let (done, result) = std::sync::mpsc::channel();
    let held = journal.clone();
    let then = Box::new(move |said| {
        drop(held);
        drop(done.send(said));
    });
    journal.append(vec!["{}".to_owned()], then).unwrap();
    drop(journal);
    assert_eq!(result.recv().unwrap().unwrap(), 1);
}

#[test]
fn a_callback_that_panics_harms_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = Journal::open(dir.path(), small(), ORIGIN).unwrap();
    journal
        .append(vec!["{}".to_owned()], Box::new(|_| panic!("on purpose")))
        .unwrap();
    crate::support::append(&journal, 2, 2).unwrap();
    assert_eq!((journal.durable(), journal.closed()), (2, None));
}

#[test]
fn records_up_to_the_largest() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        segment_bytes: 4 << 20,
        ..Options::default()
    };
    let (journal, _) = Journal::open(dir.path(), options.clone(), ORIGIN).unwrap();
    for size in [0, 1, 511, 512, 65_536, (1 << 20) - 80] {
        let body = format!("{{\"a\":\"{}\"}}", "x".repeat(size));
        let (done, result) = std::sync::mpsc::channel();
        journal
            .append(vec![body.clone()], Box::new(move |said| drop(done.send(said))))
            .unwrap();
        let seq = result.recv().unwrap().unwrap();
        assert!(journal.get(seq).unwrap().unwrap().text.ends_with(&body[1..]));
    }
    drop(journal);
    let (_, recovery) = Journal::open(dir.path(), options, ORIGIN).unwrap();
    assert_eq!(recovery.last_seq, 6);
}

/// The other side of the test below: appends until it is killed, and says what was acknowledged.
#[test]
fn appends_until_it_is_killed() {
    let Ok(dir) = std::env::var("JOURNAL_KILLED_DIR") else {
        return;
    };
    let (journal, _) = Journal::open(dir.as_ref(), small(), ORIGIN).unwrap();
    loop {
        let last = append_until_failure(&journal, 1);
        fs::write(format!("{dir}/acknowledged"), last.to_string()).unwrap();
        fs::rename(format!("{dir}/acknowledged"), format!("{dir}/known")).unwrap();
    }
}

#[test]
fn kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut before = 0;
    for round in 1..=5 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["real::appends_until_it_is_killed", "--exact"])
            .env("JOURNAL_KILLED_DIR", dir.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let known = || {
            fs::read_to_string(dir.path().join("known"))
                .ok()
                .and_then(|text| text.parse::<u64>().ok())
                .unwrap_or(0)
        };
        while known() < before + 20 * round {
            std::thread::yield_now();
            assert!(child.try_wait().unwrap().is_none(), "it goes on until it is killed");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let acknowledged = known();
        let (journal, recovery) = Journal::open(dir.path(), small(), ORIGIN).unwrap();
        assert!(
            recovery.last_seq >= acknowledged,
            "{acknowledged} acknowledged, {recovery:?}"
        );
        before = check_all(&journal);
    }
}
