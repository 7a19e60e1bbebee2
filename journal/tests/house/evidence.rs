//! Evidence: roots, proofs, tiles and checkpoints, and what they find.

use std::sync::Arc;

use journal::disk::SimulatedDisk;
use journal::{Error, FaultKind, Journal, Log, Look, Report, SigningKey, Verification, verify_disk};

use crate::support::{ORIGIN, append_until_failure, filled, open, segments};

fn key() -> SigningKey {
    SigningKey::from_seed(ORIGIN, [7; 32]).unwrap()
}

fn look(disk: &SimulatedDisk) -> Look {
    Look::on(Arc::new(disk.clone()), 1024).unwrap()
}

fn check(disk: &SimulatedDisk, earlier: &[&str]) -> Report {
    let earlier = earlier
        .iter()
        .map(|note| ("kept elsewhere".to_owned(), (*note).to_owned()))
        .collect();
    let against = Verification {
        earlier,
        key: Some(key().verifying_key().unwrap()),
        ..Verification::default()
    };
    verify_disk(disk, &against, &mut |_, _| ()).unwrap()
}

fn faults(report: &Report) -> Vec<(FaultKind, &str)> {
    report
        .faults
        .iter()
        .map(|fault| (fault.kind, fault.file.as_str()))
        .collect()
}

#[test]
fn proofs_hold_for_every_record_and_size() {
    let disk = SimulatedDisk::new();
    let (journal, _) = open(&disk).unwrap();
    append_until_failure(&journal, 600);
    let prover = look(&disk).prover(600, &mut |_| ()).unwrap();
    let roots: Vec<_> = (0..=600).map(|size| journal.root(Some(size)).unwrap()).collect();
    for size in [1, 2, 3, 255, 256, 257, 511, 512, 599, 600] {
        let root = &roots[usize::try_from(size).unwrap()];
        for seq in (1..=size).step_by(17) {
            let text = journal.get(seq).unwrap().unwrap().text;
            let proof = prover.inclusion(seq, size).unwrap();
            proof.check(&text, root).unwrap();
            assert!(proof.check(&text.replace("number", "numbed"), root).is_err());
        }
        for old in (1..=size).step_by(23) {
            let (proof, old) = (
                journal.prove_consistency(old, size).unwrap(),
                &roots[usize::try_from(old).unwrap()],
            );
            proof.check(old, root).unwrap();
            let mut other = *old;
            other.hash[0] ^= 1;
            assert!(proof.check(&other, root).is_err());
        }
    }
    assert!(matches!(
        prover.inclusion(601, 601),
        Err(Error::Beyond { seq: 601, last: 600 })
    ));
    assert!(matches!(prover.inclusion(5, 4), Err(Error::Proof { .. })));
    assert!(matches!(
        journal.prove_consistency(600, 601),
        Err(Error::Beyond { seq: 601, last: 600 })
    ));
    assert!(matches!(journal.prove_consistency(0, 4), Err(Error::Proof { .. })));
}

#[test]
fn tiles_that_are_lost_or_damaged_are_computed_again() {
    let disk = filled(600, true);
    let files = disk.files();
    let tiles: Vec<_> = files
        .keys()
        .filter(|name| name.starts_with("tiles/"))
        .cloned()
        .collect();
    assert!(
        tiles.contains(&"tiles/tile/0/001".to_owned()) && tiles.contains(&"tiles/tile/0/002.p/88".to_owned()),
        "{tiles:?}"
    );
    let (journal, _) = open(&disk).unwrap();
    let root = journal.root(None).unwrap();
    let proof = journal.prove_consistency(100, 600).unwrap();
    for tile in tiles {
        for lost in [true, false] {
            let mut files = files.clone();
            if lost {
                files.remove(&tile);
            } else {
                files.get_mut(&tile).unwrap()[3] ^= 1;
            }
            let (journal, _) = open(&SimulatedDisk::with_files(files)).unwrap();
            assert_eq!(journal.prove_consistency(100, 600).unwrap(), proof, "{tile}");
            assert_eq!(journal.root(None).unwrap(), root, "{tile}");
        }
    }
}

#[test]
fn a_good_journal_is_good() {
    for closed in [true, false] {
        let disk = filled(600, closed);
        let (journal, _) = open(&disk).unwrap();
        let first = journal.checkpoint(&key()).unwrap();
        append_until_failure(&journal, 100);
        let second = journal.checkpoint(&key()).unwrap();
        journal.close().unwrap();
        let (mut heard, key) = (Vec::new(), key().verifying_key().unwrap());
        let against = Verification {
            earlier: vec![("kept".to_owned(), first.note.clone())],
            key: Some(key),
            ..Verification::default()
        };
        let report = verify_disk(&disk, &against, &mut |done, all| heard.push((done, all))).unwrap();
        assert!(report.is_good(), "{report:?}");
        assert_eq!(
            (report.root, report.checkpoints.len(), report.torn.is_none()),
            (second.root, 3, true)
        );
        assert!(report.tiles >= 2 && report.segments == segments(&disk).len() as u64);
        assert!(heard.last().is_some_and(|(done, all)| done == all && *all > 0));
    }
}

#[test]
fn an_empty_journal_is_good_and_nothing_is_nothing() {
    let disk = SimulatedDisk::new();
    assert_eq!(check(&disk, &[]).segments, 0);
    let (journal, _) = open(&disk).unwrap();
    let checkpoint = journal.checkpoint(&key()).unwrap();
    assert_eq!(
        checkpoint.root.hex(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert!(check(&disk, &[&checkpoint.note]).is_good());
}

/// A journal of 60 records and its checkpoint, which is not beside it.
fn vouched() -> (SimulatedDisk, String) {
    let disk = SimulatedDisk::new();
    let (journal, _) = open(&disk).unwrap();
    append_until_failure(&journal, 60);
    let note = journal.checkpoint(&key()).unwrap().note;
    journal.close().unwrap();
    let files = disk
        .files()
        .into_iter()
        .filter(|(name, _)| name.as_bytes().ends_with(b".log"));
    (SimulatedDisk::with_files(files), note)
}

#[test]
fn deleting_the_last_records_is_found() {
    let (disk, note) = vouched();
    let mut files = disk.files();
    let name = segments(&disk).pop().unwrap();
    let content = files.get_mut(&name).unwrap();
    let last_line = content[..content.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap()
        + 1;
    content.truncate(last_line);
    let shortened = SimulatedDisk::with_files(files.clone());
    assert!(check(&shortened, &[]).is_good(), "a chain alone does not find it");
    assert_eq!(
        faults(&check(&shortened, &[&note])),
        [(FaultKind::Truncated, "kept elsewhere")]
    );
    files.remove(&name);
    assert_eq!(
        faults(&check(&SimulatedDisk::with_files(files.clone()), &[&note])),
        [(FaultKind::Truncated, "kept elsewhere")]
    );
    // A checkpoint that is saved beside them stops the open.
    files.insert(format!("checkpoints/{:020}", 60), note.into_bytes());
    let refused = open(&SimulatedDisk::with_files(files)).map(|_| ()).unwrap_err();
    assert!(matches!(refused, Error::Truncated { size: 60, .. }), "{refused}");
}

#[test]
fn another_history_is_found_and_told_from_truncation() {
    let (_, note) = vouched();
    let other = filled(70, true);
    let report = check(&other, &[&note]);
    // The same records in the same batches have the same tree; one that differs does not.
    assert!(report.is_good());
    let disk = SimulatedDisk::new();
    let (journal, _) = open(&disk).unwrap();
    crate::support::append(&journal, 2, 2).unwrap();
    append_until_failure(&journal, 70);
    assert_eq!(faults(&check(&disk, &[&note])), [(FaultKind::Forked, "kept elsewhere")]);
}

#[test]
fn a_record_rewritten_with_a_right_checksum_is_found() {
    let (disk, note) = vouched();
    let mut files = disk.files();
    let name = segments(&disk)[0].clone();
    let content = String::from_utf8(files[&name].clone()).unwrap();
    let mut lines: Vec<String> = content.lines().map(str::to_owned).collect();
    let text = lines[3][9..].replace("number", "numbed");
    lines[3] = format!("{:08x} {text}", crc32c::crc32c(text.as_bytes()));
    files.insert(name, (lines.join("\n") + "\n").into_bytes());
    let found = check(&SimulatedDisk::with_files(files), &[&note]);
    let kinds: Vec<_> = found.faults.iter().map(|fault| fault.kind).collect();
    assert!(
        kinds.contains(&FaultKind::Header) && kinds.contains(&FaultKind::Forked),
        "{found:?}"
    );
}

#[test]
fn a_checkpoint_of_another_key_is_refused() {
    let (disk, _) = vouched();
    let (journal, _): (Journal, _) = open(&disk).unwrap();
    let other = SigningKey::from_seed(ORIGIN, [8; 32]).unwrap();
    let note = journal.checkpoint(&other).unwrap().note;
    journal.close().unwrap();
    let report = check(&disk, &[&note.replace("60\n", "61\n"), "nonsense"]);
    assert!(
        report.faults.iter().all(|fault| fault.kind == FaultKind::Checkpoint) && report.faults.len() == 3,
        "{report:?}"
    );
}

#[test]
fn a_tile_that_is_not_of_the_records_is_found() {
    let disk = filled(600, true);
    for tile in ["tiles/tile/0/001", "tiles/tree.json"] {
        let mut files = disk.files();
        let content = files.get_mut(tile).unwrap();
        let place = content.len() - 5;
        content[place] ^= 1;
        assert_eq!(
            faults(&check(&SimulatedDisk::with_files(files), &[])),
            [(FaultKind::Tile, tile)]
        );
    }
}
