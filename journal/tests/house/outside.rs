//! What those outside are shown: proofs from a look, tiles, statements, the signatures of witnesses.

use std::sync::{Arc, mpsc};

use ed25519_dalek::Signer as _;
use journal::disk::SimulatedDisk;
use journal::{Checkpoint, Error, Journal, Log, Look, SigningKey, Statement, WitnessKey};

use crate::support::{ORIGIN, append_until_failure, filled, open, small};

fn key() -> SigningKey {
    SigningKey::from_seed(ORIGIN, [7; 32]).unwrap()
}

fn look(disk: &SimulatedDisk) -> Look {
    Look::on(Arc::new(disk.clone()), 1024).unwrap()
}

#[test]
fn a_look_proves_what_the_journal_proves() {
    for closed in [true, false] {
        let disk = filled(600, closed);
        let seen = look(&disk);
        let mut heard = Vec::new();
        let prover = seen.prover(600, &mut |done| heard.push(done)).unwrap();
        assert_eq!((prover.size(), heard.last()), (600, Some(&600)));
        let (journal, _) = open(&disk).unwrap();
        for size in [1, 255, 256, 257, 599, 600] {
            assert_eq!(prover.root(size).unwrap(), journal.root(Some(size)).unwrap());
            for seq in (1..=size).step_by(19) {
                let text = journal.get(seq).unwrap().unwrap().text;
                let proof = prover.inclusion(seq, size).unwrap();
                proof.check(&text, &journal.root(Some(size)).unwrap()).unwrap();
                assert_eq!(
                    prover.consistency(seq, size).unwrap(),
                    journal.prove_consistency(seq, size).unwrap()
                );
            }
        }
        assert!(matches!(prover.root(601), Err(Error::Beyond { seq: 601, last: 600 })));
        assert!(matches!(prover.inclusion(0, 5), Err(Error::Proof { .. })));
        assert!(matches!(prover.consistency(6, 5), Err(Error::Proof { .. })));
        assert!(matches!(seen.prover(601, &mut |_| ()), Err(Error::Beyond { .. })));
    }
}

/// Records that were altered with their checksums made right again: the tiles tell, and a tile that was altered does not hide.
#[test]
fn records_that_are_not_those_of_the_tiles_prove_nothing() {
    let (ours, other) = (filled(600, true), SimulatedDisk::new());
    let (journal, _) = open(&other).unwrap();
    for number in 1..=600 {
        let (done, result) = mpsc::channel();
        let body = format!(r#"{{"number":{}}}"#, if number == 300 { 0 } else { number });
        journal
            .append(vec![body], Box::new(move |said| drop(done.send(said))))
            .unwrap();
        result.recv().unwrap().unwrap();
    }
    journal.close().unwrap();
    let mut files = other.files();
    files.retain(|name, _| !name.starts_with("tiles/"));
    files.extend(ours.files().into_iter().filter(|(name, _)| name.starts_with("tiles/")));
    let altered = SimulatedDisk::with_files(files);
    assert!(matches!(
        look(&altered).prover(600, &mut |_| ()),
        Err(Error::Tile { .. })
    ));

    ours.flip("tiles/tile/0/001", 40, 3);
    let no = look(&ours).prover(600, &mut |_| ()).err().unwrap();
    assert_eq!(
        no.to_string(),
        "tiles/tile/0/001 is not the tile of the records: one of the two was altered"
    );
}

#[test]
fn tiles_hold_the_hashes_of_the_records() {
    let disk = filled(600, false);
    let (journal, _) = open(&disk).unwrap();
    let tile = |level, index, width| journal.tile(level, index, width).unwrap();
    let leaf = |seq: u64| {
        let text = journal.get(seq).unwrap().unwrap().text;
        tlog_tiles::record_hash(text.as_bytes()).0
    };
    let full = tile(0, 1, 256).unwrap();
    assert_eq!(
        (full.len(), &full[..32], &full[8160..]),
        (8192, &leaf(257)[..], &leaf(512)[..])
    );
    assert_eq!(tile(0, 1, 3).unwrap(), full[..96], "narrower than it is by now");
    assert_eq!(tile(0, 2, 88).unwrap()[87 * 32..], leaf(600));
    assert_eq!(tile(1, 0, 2).unwrap()[..32], journal.root(Some(256)).unwrap().hash);
    for (level, index, width) in [
        (0, 2, 89),
        (0, 2, 256),
        (0, 3, 1),
        (1, 0, 3),
        (1, 1, 1),
        (2, 0, 1),
        (63, 0, 1),
        (0, 0, 0),
    ] {
        assert_eq!(tile(level, index, width), None, "{level} {index} {width}");
    }
    append_until_failure(&journal, 200);
    assert_eq!(
        tile(0, 2, 88).unwrap(),
        tile(0, 2, 256).unwrap()[..88 * 32],
        "now within a full one"
    );
}

#[test]
fn statements_are_opened_only_as_they_were_signed() {
    let lines = ["one 1".to_owned(), "two".to_owned()];
    let said = Statement::sign(&key(), "a kind", &lines).unwrap();
    let public = key().verifying_key().unwrap();
    let again = Statement::open(&said.note, "a kind", &public).unwrap();
    assert_eq!(
        (&again, again.lines().collect::<Vec<_>>()),
        (&said, vec!["one 1", "two"])
    );
    let signature = said.note.lines().last().unwrap();
    let twice = format!("{}{signature}\n", said.note);
    let other = SigningKey::from_seed(ORIGIN, [8; 32]).unwrap();
    for (note, kind, key) in [
        (&twice, "a kind", &public),
        (&said.note.replace("two", "six"), "a kind", &public),
        (&said.note, "another kind", &public),
        (&said.note, "a kind", &other.verifying_key().unwrap()),
    ] {
        assert!(Statement::open(note, kind, key).is_err(), "{note}");
    }
    // Nothing that could be read as a checkpoint is ever signed as a statement.
    for lines in [vec!["17".to_owned()], vec![String::new()], vec!["a\nb".to_owned()]] {
        assert!(Statement::sign(&key(), ORIGIN, &lines).is_err(), "{lines:?}");
    }
    assert!(Checkpoint::parse(&said.note).is_err());
}

/// A witness made of its definition (C2SP tlog-cosignature).
fn cosign(checkpoint: &Checkpoint, name: &str, seed: [u8; 32], time: u64) -> (String, String) {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let secret = ed25519_dalek::SigningKey::from_bytes(&seed);
    let data: Vec<u8> = std::iter::once(4).chain(secret.verifying_key().to_bytes()).collect();
    let id = signed_note::key_id(name, &data);
    let (text, _) = checkpoint.note.split_once("\n\n").unwrap();
    let signature = secret.sign(format!("cosignature/v1\ntime {time}\n{text}\n").as_bytes());
    let line = [
        &id.to_be_bytes()[..],
        &time.to_be_bytes()[..],
        &signature.to_bytes()[..],
    ]
    .concat();
    (
        format!("\u{2014} {name} {}\n", BASE64_STANDARD.encode(line)),
        format!("{name}+{id:08x}+{}", BASE64_STANDARD.encode(data)),
    )
}

#[test]
fn cosignatures_are_added_to_what_is_kept() {
    let disk = filled(20, false);
    let (journal, _) = open(&disk).unwrap();
    let plain = journal.checkpoint(&key()).unwrap();
    let (line, witness) = cosign(&plain, "witness.example/w", [9; 32], 1_700_000_000);
    let witness = WitnessKey::parse(&witness).unwrap();
    assert_eq!(WitnessKey::parse(&witness.to_string()).unwrap(), witness);
    assert_eq!(plain.seen_by(&witness).unwrap(), None);
    let signed = plain.with_cosignature(&line, &witness).unwrap();
    assert_eq!(signed.seen_by(&witness).unwrap(), Some(1_700_000_000));
    signed.verify(&key().verifying_key().unwrap()).unwrap();
    journal.keep_checkpoint(&signed).unwrap();
    assert_eq!(journal.checkpoint(&key()).unwrap(), signed, "nothing came since");
    assert_eq!(look(&disk).newest_checkpoint().unwrap(), Some(signed.clone()));

    let (of_other, stranger) = cosign(&plain, "witness.example/v", [10; 32], 5);
    let (forged, _) = cosign(&plain, "witness.example/w", [10; 32], 5);
    let later = plain.note.replace("\n20\n", "\n21\n");
    let (elsewhere, _) = cosign(&Checkpoint::parse(&later).unwrap(), "witness.example/w", [9; 32], 5);
    for bad in [of_other.as_str(), &forged, &elsewhere, "", "nonsense\n"] {
        assert!(plain.with_cosignature(bad, &witness).is_err(), "{bad}");
    }
    for bad in [
        key().verifying_key().unwrap().encode(),
        "a+b",
        "",
        &stranger.replace("/v", "/w"),
    ] {
        assert!(WitnessKey::parse(bad).is_err(), "{bad}");
    }

    // A checkpoint that is not the newest does not become it, and one of other records is not kept.
    append_until_failure(&journal, 5);
    let newer = journal.checkpoint(&key()).unwrap();
    journal.keep_checkpoint(&signed).unwrap();
    assert_eq!(journal.newest_checkpoint().unwrap(), Some(newer.clone()));
    assert_eq!(disk.files()["tiles/checkpoint"], newer.note.as_bytes());
    let (foreign, _) = Journal::open_on(Arc::new(SimulatedDisk::new()), small(), ORIGIN).unwrap();
    append_until_failure(&foreign, 3);
    assert!(matches!(foreign.keep_checkpoint(&newer), Err(Error::Beyond { .. })));
    let wrong = Checkpoint::parse(&later).unwrap();
    assert!(matches!(journal.keep_checkpoint(&wrong), Err(Error::Checkpoint { .. })));
}
