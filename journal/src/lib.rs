//! An append-only, tamper-evident log: one line per record, group commit, recovery, verification.
