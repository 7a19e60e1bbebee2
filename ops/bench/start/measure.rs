//! What benches of whole journals share: measuring in a process of its own, reading what that says.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// A line of this process's status, in bytes: `VmRSS:` now, `VmHWM:` at most.
pub fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let found = status.lines().find(|found| found.starts_with(line)).unwrap();
    1024 * found.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
}

/// Runs one measure in a process of its own.
pub fn apart(what: &str, dir: &Path) -> Value {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let out = command.arg(what).arg(dir).stderr(Stdio::inherit()).output().unwrap();
    assert!(out.status.success(), "{what}");
    serde_json::from_slice(&out.stdout).unwrap()
}

pub fn number(of: &Value, name: &str) -> f64 {
    of[name].as_f64().unwrap()
}
