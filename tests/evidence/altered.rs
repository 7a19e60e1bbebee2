//! One altered byte, anywhere: a small bundle is altered in every byte, and each part by name.

use std::path::Path;

use journal::VerifyingKey;
use orkestra::audit::evidence::{Bundle, verify};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{good, project};
use crate::server::Server;

/// The part that is found, and what was done to the bundle.
type Case<'a> = (&'a str, &'a dyn Fn(&mut Bundle));

/// A bundle of a few records, and the key.
fn made(dir: &Path) -> (Vec<u8>, VerifyingKey) {
    let server = Server::start(dir);
    let action = project(&server, "ONE");
    server.stop();
    let file = dir.join("evidence.json");
    good(
        dir,
        &[
            "evidence",
            "export",
            "--action",
            &action,
            "--out",
            file.to_str().unwrap(),
        ],
    );
    let bytes = std::fs::read(file).unwrap();
    let bundle: Bundle = serde_json::from_slice(&bytes).unwrap();
    (bytes, VerifyingKey::parse(&bundle.key).unwrap())
}

#[test]
fn any_altered_byte_of_a_bundle_fails() {
    let dir = tempfile::tempdir().unwrap();
    let (bytes, key) = made(dir.path());
    verify(&bytes, Some(&key)).unwrap();
    verify(&bytes, None).unwrap();
    for at in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[at] ^= 1 << (at % 8);
        // Without the key from elsewhere, too: the seal is by the key in the file, which it covers.
        let given = (at % 2 == 0).then_some(&key);
        assert!(
            verify(&altered, given).is_err(),
            "byte {at}: {}",
            String::from_utf8_lossy(&altered[at.saturating_sub(30)..=at])
        );
    }
    let bytes_given = &bytes;
    let somewhere = (0..bytes.len(), any::<u8>(), 0..3_u8);
    let mut runner = TestRunner::new(Config {
        cases: 400,
        failure_persistence: None,
        ..Config::default()
    });
    let altered_somehow = runner.run(&somewhere, |(at, byte, how)| {
        let mut altered = bytes_given.clone();
        match how {
            0 => altered.insert(at, byte),
            1 => drop(altered.remove(at)),
            _ => altered.truncate(at),
        }
        prop_assert!(altered == *bytes_given || verify(&altered, None).is_err());
        Ok(())
    });
    altered_somehow.unwrap();
}

/// Security test 58: a record that is altered, moved or left out, and every other part, is named.
#[test]
fn an_altered_bundle_says_which_part_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let (bytes, key) = made(dir.path());
    let bundle: Bundle = serde_json::from_slice(&bytes).unwrap();
    let (first, second) = (bundle.records[0].seq, bundle.records[1].seq);
    let found = |alter: &dyn Fn(&mut Bundle)| {
        let mut altered = bundle.clone();
        alter(&mut altered);
        // Written as a bundle is written: only what it says differs.
        verify(altered.text().unwrap().as_bytes(), Some(&key)).unwrap_err().part
    };
    let other = journal::SigningKey::generate("orkestra")
        .unwrap()
        .verifying_key()
        .unwrap();
    let cases: [Case<'_>; 11] = [
        ("page", &|bundle| bundle.page[0].push('!')),
        ("selection", &|bundle| bundle.selection.journal.push('0')),
        ("key", &|bundle| bundle.key = other.encode().to_owned()),
        ("checkpoint", &|bundle| {
            bundle.checkpoint = bundle.checkpoint.replacen('\n', "\n1", 1);
        }),
        (&format!("record {first}"), &|bundle| {
            bundle.records[0].text = bundle.records[0].text.replace("ONE", "TWO");
        }),
        (&format!("record {second}"), &|bundle| {
            bundle.records[1].proof.swap(0, 1);
        }),
        (&format!("record {second}"), &|bundle| bundle.records[0].seq = second),
        ("records", &|bundle| bundle.records.reverse()),
        ("records", &|bundle| drop(bundle.records.remove(1))),
        ("key", &|bundle| bundle.rotations.push(bundle.records[0].clone())),
        ("seal", &|bundle| bundle.seal = bundle.checkpoint.clone()),
    ];
    for (part, alter) in cases {
        assert_eq!(found(alter), part);
    }
    let mut spaced = bytes.clone();
    spaced.push(b'\n');
    assert_eq!(verify(&spaced, Some(&key)).unwrap_err().part, "form");
}
