//! Bars for long work, where somebody looks; nothing in a pipe.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::data::Watch;

/// A start that takes less than this needs no bar.
const UNNOTICED: Duration = Duration::from_millis(300);

fn bar(length: u64, template: &str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style)
}

/// A bar of bytes; its length is set when it is known.
pub(super) fn bytes() -> ProgressBar {
    bar(0, "{bar:40} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}")
}

/// A bar of records.
pub(super) fn records(count: u64) -> ProgressBar {
    bar(count, "{bar:40} {human_pos}/{human_len} records {per_sec} {eta}")
}

/// A count of steps whose end is not known.
pub(super) fn steps() -> ProgressBar {
    bar(0, "{spinner} {human_pos} steps {elapsed}")
}

/// The bars of a start: bytes that are checked, then records that are folded.
pub(super) struct Start {
    begun: Instant,
    bar: Option<ProgressBar>,
}

impl Start {
    pub(super) fn new() -> Self {
        Self {
            begun: Instant::now(),
            bar: None,
        }
    }

    fn at(&mut self, done: u64, all: u64, make: impl FnOnce() -> ProgressBar) {
        if done >= all {
            self.bar.take().iter().for_each(ProgressBar::finish_and_clear);
        } else if self.begun.elapsed() >= UNNOTICED {
            let bar = self.bar.get_or_insert_with(make);
            bar.set_length(all);
            bar.set_position(done);
        }
    }
}

impl Watch for Start {
    fn checked(&mut self, done: u64, all: u64) {
        self.at(done, all, bytes);
    }

    fn folded(&mut self, done: u64, all: u64) {
        self.at(done, all, || records(all));
    }
}
