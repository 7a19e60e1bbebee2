//! Damage: a single flipped bit anywhere, lost and foreign segments. Nothing acknowledged is lost silently.

use std::collections::BTreeMap;

use journal::disk::SimulatedDisk;
use journal::{Error, Journal, Verification, verify_disk};

use crate::support::{append_until_failure, check_all, filled, open, segments};

fn with(files: &BTreeMap<String, Vec<u8>>, name: &str, content: Vec<u8>) -> SimulatedDisk {
    let mut files = files.clone();
    files.insert(name.to_owned(), content);
    SimulatedDisk::with_files(files)
}

/// Every record is there, or the open is refused with the segment's name and the place of the damage.
fn unharmed_or_refused(disk: &SimulatedDisk, count: u64, name: &str, place: usize) {
    let opened = open(disk);
    match opened {
        Ok((journal, recovery)) => {
            assert_eq!(check_all(&journal), count, "{name}, byte {place}");
            if let Some(torn) = recovery.torn {
                assert!(torn.offset <= place as u64 && torn.file == name, "{torn:?}");
            }
        }
        Err(Error::Damaged { file, offset, .. }) => {
            assert!(
                file == name && offset <= place as u64 && place as u64 - offset < 2048,
                "{file} {offset}, not {name} {place}"
            );
        }
        // A flipped bit in a checksummed number cannot get this far.
        Err(other) => panic!("{name}, byte {place}: {other}"),
    }
}

#[test]
fn any_single_bit_flipped_in_any_segment() {
    for closed in [true, false] {
        let disk = filled(30, closed);
        let (files, names) = (disk.files(), segments(&disk));
        assert!(names.len() >= 2);
        for name in &names {
            for bit in 0..files[name].len() * 8 {
                // One bit of each byte, of the zeros behind the records one of every ninth: every bit of a line is the business of
                // the line's own test, what counts here is where.
                let (byte, end) = (bit / 8, files[name].iter().rposition(|byte| *byte != 0).unwrap());
                if bit % 8 != byte % 8 || (byte > end + 600 && byte % 9 != 0) {
                    continue;
                }
                let mut content = files[name].clone();
                content[bit / 8] ^= 1 << (bit % 8);
                unharmed_or_refused(&with(&files, name, content), 30, name, bit / 8);
            }
        }
    }
}

#[test]
fn a_flipped_bit_is_found_by_verify_as_well() {
    let disk = filled(45, true);
    let (files, names) = (disk.files(), segments(&disk));
    for name in &names {
        for byte in (0..files[name].len()).step_by(7) {
            let mut content = files[name].clone();
            content[byte] ^= 1 << (byte % 8);
            let report = verify_disk(&with(&files, name, content), &Verification::default(), &mut |_, _| ()).unwrap();
            let fault = report.faults.first().unwrap_or_else(|| panic!("{name}, byte {byte}"));
            assert!(
                fault.file == *name && fault.offset <= byte as u64,
                "{fault:?}, byte {byte}"
            );
        }
    }
}

#[test]
fn the_last_record_altered_is_damage_and_not_a_torn_write() {
    let disk = filled(1, false);
    let (name, content) = disk
        .files()
        .into_iter()
        .find(|(name, _)| name.starts_with("0000"))
        .unwrap();
    let end = content.iter().rposition(|byte| *byte != 0).unwrap();
    let start = content.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for place in start..=end {
        for bit in 0..8 {
            let mut content = content.clone();
            content[place] ^= 1 << bit;
            let refused = open(&SimulatedDisk::with_files([(name.clone(), content)]))
                .map(|_| ())
                .unwrap_err();
            assert!(
                matches!(&refused, Error::Damaged { offset, seq: 1, .. } if *offset == start as u64),
                "{place} {bit}: {refused}"
            );
        }
    }
}

#[test]
fn a_missing_segment_is_named() {
    let disk = filled(60, true);
    let (files, names) = (disk.files(), segments(&disk));
    assert!(names.len() >= 3);
    for gone in &names[..names.len() - 1] {
        let mut files = files.clone();
        files.remove(gone);
        let refused = open(&SimulatedDisk::with_files(files)).map(|_| ()).unwrap_err();
        assert!(
            matches!(&refused, Error::Missing { file, .. } if file == gone),
            "{refused}"
        );
    }
}

#[test]
fn a_segment_of_another_journal_is_refused() {
    let (disk, other) = (filled(60, true), filled(60, true));
    let name = segments(&disk)[1].clone();
    let refused = open(&with(&disk.files(), &name, other.files()[&name].clone()))
        .map(|_| ())
        .unwrap_err();
    assert!(
        matches!(&refused, Error::Foreign { file, .. } if *file == name),
        "{refused}"
    );
}

#[test]
fn a_segment_under_another_name_is_refused() {
    let disk = filled(60, true);
    let (mut files, names) = (disk.files(), segments(&disk));
    let content = files.remove(&names[1]).unwrap();
    files.insert(format!("{:020}.log", 2), content);
    let refused = open(&SimulatedDisk::with_files(files)).map(|_| ()).unwrap_err();
    assert!(matches!(refused, Error::Damaged { offset: 0, .. }), "{refused}");
}

#[test]
fn a_sealed_segment_that_was_cut_is_damaged() {
    let disk = filled(60, true);
    let (files, name) = (disk.files(), segments(&disk)[0].clone());
    let whole = &files[&name];
    for cut in [whole.len() - 1, whole.len() - 40] {
        let refused = open(&with(&files, &name, whole[..cut].to_vec()))
            .map(|_| ())
            .unwrap_err();
        assert!(
            matches!(&refused, Error::Damaged { file, .. } if *file == name),
            "{refused}"
        );
    }
    let last_line = whole[..whole.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap()
        + 1;
    let refused = open(&with(&files, &name, whole[..last_line].to_vec()))
        .map(|_| ())
        .unwrap_err();
    assert!(matches!(refused, Error::Missing { .. }), "{refused}");
}

#[test]
fn damage_is_seen_by_readers_too() {
    let disk = SimulatedDisk::new();
    let (journal, _) = open(&disk).unwrap();
    append_until_failure(&journal, 20);
    let name = segments(&disk)[0].clone();
    let place = disk.files()[&name]
        .windows(9)
        .position(|window| window == b"{\"seq\":3,")
        .unwrap();
    disk.flip(&name, place + 12, 0);
    let read: Vec<_> = journal::Log::read(&journal, 1).unwrap().collect();
    assert_eq!(read.len(), 3);
    assert!(
        matches!(&read[2], Err(Error::Damaged { seq: 3, file, .. }) if *file == name),
        "{:?}",
        read[2]
    );
    assert!(matches!(journal::Log::get(&journal, 3), Err(Error::Damaged { .. })));
    assert!(journal::Log::get(&journal, 4).unwrap().is_some());
}

#[test]
fn one_directory_one_journal() {
    let disk = SimulatedDisk::new();
    let (journal, _): (Journal, _) = open(&disk).unwrap();
    assert!(matches!(open(&disk).map(|_| ()), Err(Error::Locked { .. })));
    drop(journal);
    open(&disk).unwrap();
}
