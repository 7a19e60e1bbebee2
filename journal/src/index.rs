//! Where records are: the segments, how far each is durable, and the offset of every 64th record.

use std::sync::Arc;
use std::sync::{PoisonError, RwLock};

use crate::disk::Disk;

/// Records between two marks.
const STRIDE: u64 = 64;

/// One segment, as far as it is durable.
#[derive(Debug)]
struct Span {
    name: Arc<str>,
    first: u64,
    /// Where the durable part ends.
    end: u64,
    /// Offsets of the records `first`, `first + 64`, …
    marks: Vec<u64>,
}

/// Where to begin to read for a record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) name: Arc<str>,
    pub(crate) offset: u64,
    /// The record at the offset, at or before the one asked for.
    pub(crate) seq: u64,
    pub(crate) end: u64,
}

/// What is durable, and where it is.
#[derive(Debug, Default)]
pub(crate) struct Index {
    spans: Vec<Span>,
    last: u64,
}

impl Index {
    /// A new segment begins; its header ends at `end`.
    pub(crate) fn segment(&mut self, name: &str, first: u64, end: u64) {
        self.spans.push(Span {
            name: name.into(),
            first,
            end,
            marks: Vec::new(),
        });
    }

    /// A record of the last segment begins at `offset` and ends at `end`. It counts at once.
    pub(crate) fn record(&mut self, seq: u64, offset: u64, end: u64) {
        if let Some(span) = self.spans.last_mut() {
            if (seq - span.first).is_multiple_of(STRIDE) {
                span.marks.push(offset);
            }
            span.end = end;
        }
        self.last = seq;
    }

    /// The last durable record; 0 when there is none.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// Where to begin for a record; `None` when it is not there.
    pub(crate) fn place(&self, seq: u64) -> Option<Place> {
        if seq == 0 || seq > self.last {
            return None;
        }
        let span = self
            .spans
            .get(self.spans.partition_point(|span| span.first <= seq).checked_sub(1)?)?;
        let mark = (seq - span.first) / STRIDE;
        let offset = *span.marks.get(usize::try_from(mark).ok()?)?;
        Some(Place {
            name: Arc::clone(&span.name),
            offset,
            seq: span.first + mark * STRIDE,
            end: span.end,
        })
    }

    /// How far the segment of a name is durable.
    pub(crate) fn end(&self, name: &str) -> Option<u64> {
        self.spans
            .iter()
            .rev()
            .find(|span| &*span.name == name)
            .map(|span| span.end)
    }

    /// How many segments there are.
    pub(crate) fn segments(&self) -> u64 {
        self.spans.len() as u64
    }
}

/// What readers need: the disk, and what of it is durable.
pub(crate) struct Source {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) line_max: u64,
    index: RwLock<Index>,
}

impl Source {
    pub(crate) fn new(disk: Arc<dyn Disk>, line_max: u64, index: Index) -> Self {
        Self {
            disk,
            line_max,
            index: RwLock::new(index),
        }
    }

    pub(crate) fn look<T>(&self, look: impl FnOnce(&Index) -> T) -> T {
        look(&self.index.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut Index)) {
        change(&mut self.index.write().unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_at_or_before_the_record_in_its_segment() {
        let mut index = Index::default();
        assert_eq!(index.place(1), None);
        index.segment("a", 1, 100);
        for seq in 1..=130 {
            index.record(seq, seq * 1000, seq * 1000 + 10);
        }
        index.segment("b", 131, 100);
        index.record(131, 100, 200);
        for (seq, name, at) in [
            (1, "a", 1),
            (64, "a", 1),
            (65, "a", 65),
            (130, "a", 129),
            (131, "b", 131),
        ] {
            let place = index.place(seq).unwrap();
            assert_eq!((&*place.name, place.seq), (name, at), "{seq}");
        }
        assert_eq!(
            (index.place(0), index.place(132), index.end("a"), index.end("b")),
            (None, None, Some(130_010), Some(200))
        );
    }
}
