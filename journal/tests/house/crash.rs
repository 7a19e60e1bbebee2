//! Power lost after any byte, with any sectors; failed writes and syncs; full disks; killed processes. What was acknowledged
//! is there again, what is there is what was appended, and nothing else.

use journal::disk::{Fate, SimulatedDisk};
use journal::{Log, Recovery};
use proptest::prelude::*;

use crate::support::{append_until_failure, check_all, coin, open};

/// Runs a journal until its fate, and gives the disk and what was acknowledged before.
fn run(fate: Fate, start: u64, count: u64) -> (SimulatedDisk, u64) {
    let disk = SimulatedDisk::new();
    if start > 0 {
        let (journal, _) = open(&disk).unwrap();
        assert_eq!(append_until_failure(&journal, start), start);
    }
    disk.set(fate);
    let acknowledged = match open(&disk) {
        Ok((journal, _)) => append_until_failure(&journal, count),
        Err(_) => start,
    };
    (disk, acknowledged)
}

/// The disk opens, holds what was acknowledged, and takes more. Gives what the open found.
fn survives(disk: &SimulatedDisk, acknowledged: u64, note: &str) -> Recovery {
    let (journal, recovery) = open(disk).unwrap_or_else(|cause| panic!("{note}: {cause}"));
    let found = check_all(&journal);
    assert!(
        found >= acknowledged,
        "{note}: {acknowledged} acknowledged, {found} found"
    );
    append_until_failure(&journal, 7);
    assert_eq!(check_all(&journal), found + 7, "{note}");
    journal.close().unwrap();
    recovery
}

#[test]
fn power_lost_after_any_byte() {
    let (whole, _) = run(Fate::default(), 12, 6);
    let (bytes, _, _) = whole.counts();
    // Zero-filling and tiles are the bulk, and there every 97th byte will do.
    for after in (0..bytes).filter(|byte| *byte < 1500 || byte % 97 == 0) {
        let fate = Fate {
            power_after_bytes: Some(after),
            ..Fate::default()
        };
        let (disk, acknowledged) = run(fate, 12, 6);
        survives(
            &disk.after_power_cut(|| true),
            acknowledged,
            &format!("all arrived, {after}"),
        );
        survives(
            &disk.after_power_cut(|| false),
            acknowledged,
            &format!("nothing arrived, {after}"),
        );
        survives(
            &disk.after_power_cut(coin(after)),
            acknowledged,
            &format!("some arrived, {after}"),
        );
    }
}

#[test]
fn any_sectors_of_the_last_batch() {
    // One batch of about eight sectors, all of its subsets.
    let disk = SimulatedDisk::new();
    let (journal, _) = open(&disk).unwrap();
    append_until_failure(&journal, 3);
    disk.set(Fate {
        fail_sync: Some(0),
        ..Fate::default()
    });
    drop(crate::support::append(&journal, 4, 20));
    drop(journal);
    let dropped = disk.after_kill();
    let full = dropped
        .files()
        .into_iter()
        .find(|(name, _)| name.starts_with("0000"))
        .unwrap();
    let start = full.1.windows(9).position(|window| window == b"{\"seq\":4,").unwrap() - 9;
    let end = full.1.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let sectors: Vec<usize> = (start / 512..=(end - 1) / 512).collect();
    assert!((4..=8).contains(&sectors.len()), "{sectors:?}");
    for subset in 0..1_u32 << sectors.len() {
        let mut content = full.1.clone();
        for (place, sector) in sectors.iter().enumerate() {
            if subset >> place & 1 == 0 {
                content[(sector * 512).max(start)..end.min(sector * 512 + 512)].fill(0);
            }
        }
        let disk = SimulatedDisk::with_files([(full.0.clone(), content)]);
        let recovery = survives(&disk, 3, &format!("subset {subset:b}"));
        assert_eq!(
            recovery.torn.is_some(),
            (recovery.last_seq < 20) && subset != 0,
            "subset {subset:b} {recovery:?}"
        );
    }
    for cut in start..end {
        let mut content = full.1.clone();
        content[cut..].fill(0);
        survives(
            &SimulatedDisk::with_files([(full.0.clone(), content)]),
            3,
            &format!("prefix {cut}"),
        );
        let shortened = full.1[..cut].to_vec();
        survives(
            &SimulatedDisk::with_files([(full.0.clone(), shortened)]),
            3,
            &format!("shortened {cut}"),
        );
    }
}

#[test]
fn any_write_fails() {
    for number in 0..60 {
        let (disk, acknowledged) = run(
            Fate {
                fail_write: Some(number),
                ..Fate::default()
            },
            0,
            60,
        );
        for (survivor, note) in [(disk.after_kill(), "kill"), (disk.after_power_cut(coin(number)), "cut")] {
            survives(&survivor, acknowledged, &format!("write {number}, {note}"));
        }
    }
}

#[test]
fn any_sync_fails_and_is_not_tried_again() {
    for number in 0..60 {
        let (disk, acknowledged) = run(
            Fate {
                fail_sync: Some(number),
                ..Fate::default()
            },
            0,
            60,
        );
        // A restart after a failed sync reads pages that the disk does not hold; then the power goes as well.
        let killed = disk.after_kill();
        let later = match open(&killed) {
            Ok((journal, _)) => append_until_failure(&journal, 5).max(acknowledged),
            Err(cause) => panic!("sync {number}: {cause}"),
        };
        survives(
            &killed.after_power_cut(coin(number)),
            later,
            &format!("sync {number}, kill, cut"),
        );
        survives(
            &disk.after_power_cut(coin(number + 1)),
            acknowledged,
            &format!("sync {number}, cut"),
        );
    }
}

#[test]
fn a_failure_is_for_good_and_everybody_hears() {
    let disk = SimulatedDisk::new();
    let (journal, _) = open(&disk).unwrap();
    append_until_failure(&journal, 3);
    disk.set(Fate {
        fail_sync: Some(0),
        ..Fate::default()
    });
    let other = journal.clone();
    let first = crate::support::append(&journal, 4, 4).unwrap_err();
    assert!(
        matches!(&first, journal::Error::Uncertain { reason } if reason.contains("cannot sync 00000000000000000001.log")),
        "{first}"
    );
    assert!(matches!(
        crate::support::append(&other, 4, 4),
        Err(journal::Error::Closed { .. })
    ));
    assert_eq!(disk.counts().2, 1, "the sync is not tried again");
    assert!(other.closed().is_some() && other.close().is_err());
    assert_eq!((other.durable(), check_all(&other)), (3, 3));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_life(start in 0_u64..80, bytes in 0_u64..40_000, seed in any::<u64>(), short in 1_usize..5000, again in 0_u64..9000) {
        let fate = Fate { power_after_bytes: Some(bytes), write_bytes_max: Some(short), ..Fate::default() };
        let (disk, acknowledged) = run(fate, start, 120);
        let disk = disk.after_power_cut(coin(seed));
        // Recovery itself loses power, and then again.
        disk.set(Fate { power_after_bytes: Some(again), ..Fate::default() });
        let acknowledged = open(&disk).map_or(acknowledged, |(journal, _)| append_until_failure(&journal, 40).max(acknowledged));
        survives(&disk.after_power_cut(coin(!seed)), acknowledged, "twice");
    }

    #[test]
    fn any_full_disk(space in 0_u64..60_000, seed in any::<u64>()) {
        let (disk, acknowledged) = run(Fate { space_bytes: Some(space), ..Fate::default() }, 0, 200);
        let survivor = disk.after_power_cut(coin(seed));
        survivor.set(Fate::default());
        survives(&survivor, acknowledged, "full");
    }
}
