//! Bars for long work, where somebody looks; nothing in a pipe.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};

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
