//! Archives: what is archived reads as before, each way of damaging it is told apart, and a stop at any point is mended by
//! doing it again.

use std::fmt::Write as _;
use std::sync::Arc;

use journal::disk::{Disk, Fate, SimulatedDisk};
use journal::{Archived, FaultKind, Journal, Log as _, Look, Manifest, Report, Verification};
use journal::{archive, moved_to, remove_archived, verify_disk, verify_over};

use crate::support::{ORIGIN, append, check_all, filled, segments, small};

const TARGET: &str = "elsewhere";

/// A journal with several segments, archived but for the newest.
fn archived(remove: bool) -> (SimulatedDisk, SimulatedDisk, Manifest) {
    let (disk, target) = (filled(200, true), SimulatedDisk::new());
    let manifest = archive(&disk, (&target, TARGET), 0, &mut |_, _| ()).unwrap().unwrap();
    if remove {
        let removed = remove_archived(&disk, &target).unwrap();
        assert_eq!(removed.len(), manifest.segments.len());
        assert_eq!(segments(&disk).len(), 1, "the newest is never archived");
    }
    (disk, target, manifest)
}

fn verified(disk: &SimulatedDisk, target: &SimulatedDisk) -> Report {
    let against = Verification {
        record_bytes_max: Some(1024),
        ..Verification::default()
    };
    let (disk, target) = (Arc::new(disk.clone()), Arc::new(target.clone()));
    verify_over(disk, &moved_to(target), &against, &mut { &against }, &mut |_, _| ()).unwrap()
}

fn over(disk: &SimulatedDisk, target: &SimulatedDisk) -> Arc<dyn Disk> {
    Arc::new(Archived::over(
        Arc::new(disk.clone()),
        moved_to(Arc::new(target.clone())),
    ))
}

/// What happens to the files of an archive.
type Change<'a> = &'a dyn Fn(&mut std::collections::BTreeMap<String, Vec<u8>>);

#[test]
fn what_is_archived_reads_verifies_and_goes_on_as_before() {
    let plain = filled(200, true);
    let before = verify_disk(&plain, &Verification::default(), &mut |_, _| ()).unwrap();
    let (disk, target, manifest) = archived(true);
    assert!(manifest.segments.len() > 2);
    let report = verified(&disk, &target);
    assert_eq!(report.faults, []);
    assert_eq!((report.root.size, report.segments), (before.root.size, before.segments));
    assert_eq!(report.archived, manifest.segments.len() as u64);
    let look = Look::on(over(&disk, &target), 1024).unwrap();
    assert_eq!(check_all(&look), 200);
    let prover = look.prover(200, &mut |_| ()).unwrap();
    let text = look.reader(3).next().unwrap().unwrap().text;
    prover
        .inclusion(3, 200)
        .unwrap()
        .check(&text, &prover.root(200).unwrap())
        .unwrap();
    let (journal, _) = Journal::open_on(over(&disk, &target), small(), ORIGIN).unwrap();
    append(&journal, 201, 203).unwrap();
    assert_eq!(check_all(&journal), 203);
    journal.close().unwrap();
    assert_eq!(verified(&disk, &target).root.size, 203);
}

#[test]
fn segments_are_removed_under_an_open_journal() {
    let (disk, target, _) = archived(false);
    let (journal, _) = Journal::open_on(over(&disk, &target), small(), ORIGIN).unwrap();
    remove_archived(&disk, &target).unwrap();
    assert_eq!(check_all(&journal), 200);
    append(&journal, 201, 201).unwrap();
    assert_eq!(check_all(&journal), 201);
    journal.close().unwrap();
}

#[test]
fn each_fault_of_an_archive_is_told_apart() {
    let (disk, target, manifest) = archived(true);
    let (first, second) = (&manifest.segments[0], &manifest.segments[1]);
    let kinds = |target: &SimulatedDisk| -> Vec<(FaultKind, String)> {
        let faults = verified(&disk, target).faults;
        faults.into_iter().map(|fault| (fault.kind, fault.file)).collect()
    };
    let with = |change: Change<'_>| {
        let mut files = target.files();
        change(&mut files);
        SimulatedDisk::with_files(files)
    };
    for byte in (0..usize::try_from(first.packed_bytes).unwrap()).step_by(37) {
        let flipped = with(&|files| files.get_mut(&first.file).unwrap()[byte] ^= 4);
        assert_eq!(
            kinds(&flipped),
            [(FaultKind::ArchiveDamaged, first.file.clone())],
            "{byte}"
        );
    }
    let missing = with(&|files| drop(files.remove(&second.file)));
    assert_eq!(kinds(&missing), [(FaultKind::ArchiveMissing, second.file.clone())]);
    let said = Look::on(over(&disk, &missing), 1024).err().unwrap().to_string();
    assert!(
        said.contains(&second.file) && said.contains(&missing.describe()),
        "{said}"
    );
    let swapped = with(&|files| {
        let (one, two) = (files[&first.file].clone(), files[&second.file].clone());
        files.insert(first.file.clone(), two);
        files.insert(second.file.clone(), one);
    });
    assert_eq!(
        kinds(&swapped),
        [
            (FaultKind::ArchiveSwapped, first.file.clone()),
            (FaultKind::ArchiveSwapped, second.file.clone())
        ]
    );
    let mut files = disk.files();
    let text = String::from_utf8(files["archive.json"].clone()).unwrap();
    let altered = text.replace(
        &format!("\"last\": {}", first.last),
        &format!("\"last\": {}", first.last - 1),
    );
    assert_ne!(altered, text);
    files.insert("archive.json".to_owned(), altered.into_bytes());
    let report = verified(&SimulatedDisk::with_files(files), &target);
    assert_eq!(
        report.faults.iter().map(|fault| fault.kind).collect::<Vec<_>>(),
        [FaultKind::Manifest]
    );
}

#[test]
fn nothing_is_removed_whose_copy_is_not_good() {
    let (disk, target, manifest) = archived(false);
    target.flip(&manifest.segments[0].file, 20, 1);
    let before = segments(&disk);
    assert!(remove_archived(&disk, &target).is_err());
    assert_eq!(segments(&disk), before);
}

/// The target stops after each number of writes, then comes back as a killed machine would find it.
#[test]
fn a_stop_at_any_point_is_mended_by_doing_it_again() {
    let (_, _, whole) = archived(false);
    for of_sync in [false, true] {
        let mut stopped = 0;
        while !stopped_at(stopped, of_sync, whole.segments.len()) {
            stopped += 1;
        }
        assert!(stopped > 3, "it was stopped {stopped} times only");
    }
}

/// Whether the archiving came to its end before its write or sync of that number.
fn stopped_at(number: u64, of_sync: bool, all: usize) -> bool {
    let (disk, target) = (filled(200, true), SimulatedDisk::new());
    target.set(Fate {
        fail_sync: of_sync.then_some(number),
        fail_write: (!of_sync).then_some(number),
        ..Fate::default()
    });
    let done = archive(&disk, (&target, TARGET), 0, &mut |_, _| ()).is_ok();
    let (disk, target) = (disk.after_kill(), target.after_kill());
    if Manifest::read(&disk).unwrap().is_some() {
        assert_eq!(verified(&disk, &target).faults, [], "{number}");
    }
    let again = archive(&disk, (&target, TARGET), 0, &mut |_, _| ()).unwrap().unwrap();
    assert_eq!(again.segments.len(), all, "{number}");
    remove_archived(&disk, &target).unwrap();
    let report = verified(&disk, &target);
    assert_eq!((report.faults.as_slice(), report.root.size), (&[][..], 200), "{number}");
    done
}

#[test]
fn an_archive_is_of_one_journal_and_written_by_one_at_a_time() {
    let (disk, target, _) = archived(false);
    let there = target.files();
    let refused = |disk: &SimulatedDisk, target: &SimulatedDisk| {
        let no = archive(disk, (target, TARGET), 0, &mut |_, _| ()).unwrap_err();
        no.to_string()
    };
    let other = filled(200, true);
    assert!(refused(&other, &target).contains("another journal"));
    assert_eq!(target.files(), there, "what another journal archived stays as it is");
    assert!(other.files().keys().all(|name| name != "archive.json"));
    let held = disk.lock("archive.lock").unwrap();
    assert!(refused(&disk, &target).contains("another process"));
    assert!(remove_archived(&disk, &target).is_err());
    drop(held);
    let held = target.lock("archive.lock").unwrap();
    assert!(refused(&disk, &target).contains("another process"));
    drop(held);
    // An archive that is somewhere else now is not begun anew: its segments would be forgotten.
    assert!(refused(&disk, &SimulatedDisk::new()).contains("bring the archive back"));
    let mut files = target.files();
    files.remove("archive.json");
    assert!(refused(&disk, &SimulatedDisk::with_files(files)).contains("bring the archive back"));
    assert!(archive(&disk, (&target, TARGET), 0, &mut |_, _| ()).is_ok());
}

/// Whoever writes the manifest can give it a right digest; the roots in it are those of the records all the same.
#[test]
fn a_root_that_is_not_that_of_the_records_is_found() {
    let (disk, target, manifest) = archived(true);
    for (place, entry) in manifest.segments.iter().enumerate() {
        let mut forged = manifest.clone();
        forged.segments[place].root = "0".repeat(64);
        let content = serde_json::to_vec(&(1, &forged.journal, &forged.segments)).unwrap();
        let digest = <sha2::Sha256 as sha2::Digest>::digest(content);
        forged.digest = digest.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let mut files = disk.files();
        files.insert("archive.json".to_owned(), serde_json::to_vec(&forged).unwrap());
        let report = verified(&SimulatedDisk::with_files(files), &target);
        let kinds: Vec<FaultKind> = report.faults.iter().map(|fault| fault.kind).collect();
        assert_eq!(kinds, [FaultKind::Manifest], "{}", entry.file);
    }
}
