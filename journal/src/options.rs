//! How a journal is kept: sizes and caps.

use crate::Error;
use crate::line::LINE_EXTRA_BYTES;
use crate::segment::HEADER_BYTES_MAX;

/// How a journal is kept. All sizes are in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The size a segment is preallocated to; it never grows beyond.
    pub segment_bytes: u64,
    /// The largest record, as a line.
    pub record_bytes_max: u64,
    /// The most bytes of one group commit; a single append is never split, even if it is larger.
    pub batch_bytes_max: u64,
    /// The most records of one group commit; a single append is never split, even if it has more.
    pub batch_records_max: usize,
    /// What is kept free for [`Priority::Refusal`] when no further segment can be had.
    pub reserve_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            record_bytes_max: 1 << 20,
            batch_bytes_max: 1 << 20,
            batch_records_max: 1024,
            reserve_bytes: 256 << 10,
        }
    }
}

impl Options {
    /// Checks that the sizes fit each other.
    ///
    /// # Errors
    /// [`Error::Options`] names the first one that does not.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |option, why: String| Err(Error::Options { option, why });
        let room = self.segment_bytes.saturating_sub(HEADER_BYTES_MAX);
        if self.record_bytes_max < LINE_EXTRA_BYTES + 2 {
            return refuse(
                "record_bytes_max",
                format!("at least {} bytes are needed", LINE_EXTRA_BYTES + 2),
            );
        }
        if self.record_bytes_max.saturating_add(self.reserve_bytes) > room {
            let needed = self
                .record_bytes_max
                .saturating_add(self.reserve_bytes)
                .saturating_add(HEADER_BYTES_MAX);
            return refuse(
                "segment_bytes",
                format!("a record, the reserve and the header need {needed} bytes"),
            );
        }
        if self.batch_records_max == 0 || self.batch_bytes_max == 0 {
            return refuse("batch_records_max", "a batch needs room for a record".to_owned());
        }
        Ok(())
    }
}

/// How much a record matters when the disk is nearly full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    /// Leaves the reserve alone.
    #[default]
    Normal,
    /// The record of a "no": may use the reserve, so that refusing stays possible after working is not.
    Refusal,
}
