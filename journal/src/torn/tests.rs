//! The decision table, case by case.

use super::*;
use crate::line::encode;

/// Lines of batch `batch`, numbered from `from`.
fn lines(from: u64, batch: u64, count: u64) -> Vec<u8> {
    let mut out = Vec::new();
    for seq in from..from + count {
        encode(&mut out, seq, batch, &format!(r#"{{"fill":"{}"}}"#, "x".repeat(300)));
    }
    out
}

/// What follows record 9 of batch 8 at the start of a sector.
fn after_nine(bytes: Vec<u8>) -> Verdict {
    judge(&Tail {
        bytes,
        offset: 4096,
        seq: 10,
        batch: 8,
        line_max: 400,
    })
}

fn damaged(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Damaged { .. })
}

#[test]
fn zeros_are_clean() {
    assert_eq!(after_nine(Vec::new()), Verdict::Clean);
    assert_eq!(after_nine(vec![0; 2048]), Verdict::Clean);
}

#[test]
fn a_write_that_breaks_off_is_torn() {
    let whole = lines(10, 10, 4);
    let first = newline(&whole).unwrap();
    for length in 1..=first {
        let mut bytes = whole[..length].to_vec();
        bytes.resize(4096, 0);
        assert_eq!(after_nine(bytes), Verdict::Torn { bytes: length as u64 }, "{length}");
    }
}

#[test]
fn a_first_sector_that_never_came_is_torn() {
    let mut bytes = lines(10, 10, 4);
    bytes[..512].fill(0);
    let length = bytes.len() as u64;
    assert_eq!(after_nine(bytes), Verdict::Torn { bytes: length });
}

#[test]
fn a_stray_bit_in_the_zeros_is_torn() {
    for (place, bit) in [(0, 0), (0, 6), (1, 3), (700, 7), (2047, 1)] {
        let mut bytes = vec![0; 2048];
        bytes[place] = 1 << bit;
        assert!(
            matches!(after_nine(bytes), Verdict::Torn { .. }),
            "bit {bit} of byte {place}"
        );
    }
}

#[test]
fn a_flipped_bit_in_the_last_line_is_damage() {
    let whole = lines(10, 10, 1);
    for place in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[place / 8] ^= 1 << (place % 8);
        bytes.resize(4096, 0);
        assert!(damaged(&after_nine(bytes)), "bit {place}");
    }
}

#[test]
fn a_later_batch_proves_that_the_missing_record_was_durable() {
    let mut bytes = lines(10, 10, 2);
    bytes.extend(lines(12, 12, 1));
    bytes[..512].fill(0);
    assert!(damaged(&after_nine(bytes)));
}

#[test]
fn a_record_from_elsewhere_is_damage() {
    assert!(damaged(&after_nine(lines(3, 3, 1))), "an older record");
    assert!(damaged(&after_nine(lines(12, 9, 1))), "a batch that never was");
}

#[test]
fn zeros_inside_a_sector_are_damage() {
    let mut bytes = lines(10, 10, 1);
    bytes[100..140].fill(0);
    bytes.resize(4096, 0);
    assert!(damaged(&after_nine(bytes)));
}

#[test]
fn a_next_record_means_that_somebody_writes_and_a_longer_one_is_damage() {
    assert_eq!(after_nine(lines(10, 10, 2)), Verdict::Growing);
    let mut long = Vec::new();
    encode(&mut long, 10, 10, &format!(r#"{{"fill":"{}"}}"#, "x".repeat(500)));
    assert!(damaged(&after_nine(long)));
}
