//! `orkestra journal export`: records in the forms that other programs read.

use std::io::Write as _;

use super::{counted, hung_up, look};
use crate::audit::export::{Exporter, Format};
use crate::cli::{DataArg, Outcome, note, progress};

/// What is kept in memory before it is written.
const BUFFER_BYTES: usize = 64 << 10;

/// The form that a word of the command line names.
pub(super) fn format(word: &str) -> Result<Format, String> {
    Format::of(word).ok_or_else(|| format!("must be one of {}", Format::WORDS.join(", ")))
}

pub(super) fn export(data: &DataArg, from: u64, to: u64, format: Format) -> Outcome {
    let look = look(data)?;
    let last = to.min(look.last_seq());
    let bar = progress::records((last + 1).saturating_sub(from));
    let mut out = std::io::stdout().lock();
    let mut exporter = Exporter::new(format, look.journal());
    let (mut reader, mut written, mut text) = (look.reader(from), 0_u64, exporter.head());
    while let Some(line) = reader.next_ref()?.filter(|line| line.seq <= last) {
        exporter.add(line.seq, line.text, &mut text)?;
        written += 1;
        if text.len() >= BUFFER_BYTES {
            if let Err(cause) = out.write_all(text.as_bytes()) {
                return hung_up(cause);
            }
            text.clear();
            bar.set_position(written);
        }
    }
    if let Err(cause) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        return hung_up(cause);
    }
    bar.finish_and_clear();
    note(&counted(written, "record"));
    Ok(())
}
