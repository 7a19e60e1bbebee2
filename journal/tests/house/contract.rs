//! The contract of every log; each check runs against the journal and the log in memory.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use journal::disk::SimulatedDisk;
use journal::{Error, Log, MemoryLog, Options, Priority, export, tail};

use crate::support::{Heard, append, body, check_all, is_record, open};

/// Runs a check against each log.
fn each(check: impl Fn(Arc<dyn Log>)) {
    let disk = SimulatedDisk::new();
    let (journal, _) = open(&disk).unwrap();
    check(Arc::new(journal));
    check(Arc::new(MemoryLog::new()));
}

#[test]
fn numbers_begin_at_one_and_have_no_gaps() {
    each(|log| {
        assert_eq!((log.durable(), log.get(1).unwrap()), (0, None));
        assert_eq!(append(&*log, 1, 1).unwrap(), 1);
        assert_eq!(append(&*log, 2, 9).unwrap(), 9);
        assert_eq!(check_all(&*log), 9);
        let line = log.get(7).unwrap().unwrap();
        assert!(line.seq == 7 && is_record(&line.text, 7), "{line:?}");
        assert_eq!((log.get(0).unwrap(), log.get(10).unwrap()), (None, None));
        assert_eq!(log.read(8).unwrap().count(), 2);
        assert_eq!(log.read(10).unwrap().count(), 0);
    });
}

#[test]
fn one_hand_over_is_one_batch() {
    each(|log| {
        append(&*log, 1, 2).unwrap();
        append(&*log, 3, 5).unwrap();
        let texts: Vec<_> = log.read(1).unwrap().map(|line| line.unwrap().text).collect();
        for (text, batch) in texts.iter().zip([1, 1, 3, 3, 3]) {
            assert!(text.contains(&format!(r#","batch":{batch},"number":"#)), "{text}");
        }
    });
}

#[test]
fn callbacks_come_in_order_whoever_appends() {
    each(|log| {
        let heard = Heard::default();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let heard = Arc::clone(&heard);
                        let done = move |result: Result<u64, Error>| {
                            heard.lock().unwrap().push(result.map_err(|cause| cause.to_string()));
                        };
                        log.append(vec!["{}".to_owned()], Box::new(done)).unwrap();
                    }
                });
            }
        });
        assert_eq!(log.wait(199, Duration::from_secs(10)), 200);
        log.close().unwrap();
        assert_eq!(*heard.lock().unwrap(), (1..=200).map(Ok).collect::<Vec<_>>());
    });
}

#[test]
fn hooks_and_waiters_hear_of_what_is_durable() {
    each(|log| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (sink, hooked) = (Arc::clone(&seen), mpsc::channel());
        log.on_durable(Box::new(move |seq| {
            sink.lock().unwrap().push(seq);
            hooked.0.send(()).unwrap();
        }));
        assert_eq!(log.wait(0, Duration::ZERO), 0);
        let waiting = {
            let log = Arc::clone(&log);
            thread::spawn(move || log.wait(0, Duration::from_secs(10)))
        };
        append(&*log, 1, 3).unwrap();
        hooked.1.recv().unwrap();
        assert_eq!(waiting.join().unwrap(), 3);
        assert_eq!(*seen.lock().unwrap(), [3]);
        assert_eq!(log.wait(2, Duration::MAX), 3);
    });
}

#[test]
fn what_cannot_be_a_record_is_refused_before_it_is_numbered() {
    each(|log| {
        let refused = |body: &str| log.append(vec!["{}".to_owned(), body.to_owned()], Box::new(|_| panic!("called")));
        for bad in ["", "[]", "{\"a\":\n1}", "{\"a\":1}\n", "{\"a\":\"\0\"}"] {
            assert!(matches!(refused(bad), Err(Error::Malformed { .. })), "{bad:?}");
        }
        let large = format!(
            "{{\"a\":\"{}\"}}",
            "x".repeat(usize::try_from(Options::default().record_bytes_max).unwrap())
        );
        assert!(matches!(refused(&large), Err(Error::TooLarge { .. })));
        assert!(log.append(Vec::new(), Box::new(|_| panic!("called"))).is_err());
        assert_eq!(append(&*log, 1, 1).unwrap(), 1);
    });
}

#[test]
fn what_was_decided_on_another_position_is_refused() {
    each(|log| {
        append(&*log, 1, 3).unwrap();
        for after in [0, 2, 4] {
            let refused = log.append_after(Priority::Normal, after, vec![body(4)], Box::new(|_| panic!("called")));
            assert!(
                matches!(refused, Err(Error::Moved { last: 3, .. })),
                "{after}: {refused:?}"
            );
        }
        assert_eq!(
            log.append_after(Priority::Normal, 3, vec![body(4)], Box::new(|_| ()))
                .unwrap(),
            4
        );
        assert_eq!(append(&*log, 5, 5).unwrap(), 5);
        assert_eq!(check_all(&*log), 5);
    });
}

#[test]
fn a_closed_log_says_so_and_can_be_read() {
    each(|log| {
        append(&*log, 1, 3).unwrap();
        assert_eq!(log.closed(), None);
        log.close().unwrap();
        log.close().unwrap();
        assert!(log.closed().is_some());
        let refused = log.append_as(Priority::Refusal, vec![body(4)], Box::new(|_| panic!("called")));
        assert!(matches!(refused, Err(Error::Closed { .. })));
        assert_eq!((check_all(&*log), log.wait(3, Duration::from_secs(10))), (3, 3));
    });
}

#[test]
fn what_was_waiting_is_written_before_it_closes() {
    each(|log| {
        let heard = Heard::default();
        for number in 1..=20 {
            let heard = Arc::clone(&heard);
            let done =
                move |said: Result<u64, Error>| heard.lock().unwrap().push(said.map_err(|cause| cause.to_string()));
            assert_eq!(log.append(vec![body(number)], Box::new(done)).unwrap(), number);
        }
        log.close().unwrap();
        assert_eq!(heard.lock().unwrap().len(), 20);
        assert_eq!(check_all(&*log), 20);
    });
}

#[test]
fn ways_out() {
    each(|log| {
        append(&*log, 1, 15).unwrap();
        append(&*log, 16, 30).unwrap();
        let last: Vec<_> = tail(&*log, 3).unwrap().map(|line| line.unwrap().seq).collect();
        assert_eq!(last, [28, 29, 30]);
        assert_eq!(tail(&*log, 99).unwrap().count(), 30);
        let (mut out, mut heard) = (Vec::new(), 0);
        assert_eq!(export(&*log, 5..=9, &mut out, &mut |count| heard = count).unwrap(), 5);
        assert_eq!(heard, 5);
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.lines().zip(5..).all(|(line, number)| is_record(line, number)) && text.ends_with("}\n"),
            "{text}"
        );
    });
}

#[test]
fn a_reader_goes_on_when_more_is_durable() {
    each(|log| {
        let mut reader = log.read(1).unwrap();
        // MemoryLog and Journal alike: the end is only the end for now, over segment borders too.
        for number in 1..=60 {
            append(&*log, number, number).unwrap();
            assert!(is_record(&reader.next().unwrap().unwrap().text, number));
            assert!(reader.next().is_none());
        }
    });
}
