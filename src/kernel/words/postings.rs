//! Which rows say which words: sorted places, newest first, in small buckets that a changed index shares with the one before.
//!
//! A bucket holds the places of one word within 4096; most rare words fit into the tree itself. A place costs two bytes.

use std::sync::Arc;

use imbl::OrdMap;
use projections::packed;

/// So many bits of a place tell places of one bucket apart.
const LOW_BITS: u32 = 12;
const LOW: u32 = (1 << LOW_BITS) - 1;
/// So many places need no memory of their own.
const FEW_MAX: usize = 6;
/// So many buckets are stepped over before the tree is searched again.
const STEPS_MAX: usize = 4;

/// Places of one word, as what they have below; never empty in a tree.
#[derive(Clone, Debug)]
enum Bucket {
    Few(u8, [u16; FEW_MAX]),
    /// In memory of its own, which a bucket that nobody else has grows in place.
    Many(Arc<Vec<u16>>),
}

impl Bucket {
    fn of(count: usize, lows: impl Iterator<Item = u16>) -> Self {
        match u8::try_from(count) {
            Ok(few) if count <= FEW_MAX => {
                let mut room = [0; FEW_MAX];
                for (place, low) in room.iter_mut().zip(lows) {
                    *place = low;
                }
                Self::Few(few, room)
            }
            _ => Self::Many(Arc::new(lows.collect())),
        }
    }

    fn lows(&self) -> &[u16] {
        match self {
            Self::Few(count, few) => few.get(..usize::from(*count)).unwrap_or_default(),
            Self::Many(lows) => lows,
        }
    }

    fn insert(&mut self, low: u16) {
        let Err(at) = self.lows().binary_search(&low) else {
            return;
        };
        match self {
            Self::Many(lows) => Arc::make_mut(lows).insert(at, low),
            Self::Few(count, few) if usize::from(*count) < FEW_MAX => {
                if let Some(place) = few.get_mut(usize::from(*count)) {
                    *place = low;
                }
                if let Some(moved) = few.get_mut(at..=usize::from(*count)) {
                    moved.rotate_right(1);
                }
                *count += 1;
            }
            Self::Few(_, few) => {
                let (before, after) = few.split_at(at);
                let all = before.iter().chain([&low]).chain(after).copied();
                *self = Self::of(FEW_MAX + 1, all);
            }
        }
    }

    fn remove(&mut self, low: u16) {
        let Ok(at) = self.lows().binary_search(&low) else {
            return;
        };
        let left = self.lows().len() - 1;
        match self {
            Self::Many(lows) if left > FEW_MAX => {
                Arc::make_mut(lows).remove(at);
            }
            _ => {
                let lows = self.lows().iter().copied();
                *self = Self::of(left, lows.filter(|place| *place != low).collect::<Vec<_>>().into_iter());
            }
        }
    }
}

/// A place counted from the newest that can be.
fn turned(place: u32) -> u32 {
    u32::MAX - place
}

fn key(word: u32, turned: u32) -> u64 {
    (u64::from(word) << (u32::BITS - LOW_BITS)) | u64::from(turned >> LOW_BITS)
}

fn low(turned: u32) -> u16 {
    u16::try_from(turned & LOW).unwrap_or(u16::MAX)
}

/// The places of every word. Cloning shares structure.
#[derive(Clone, Debug, Default)]
pub(super) struct Postings {
    buckets: OrdMap<u64, Bucket>,
}

impl Postings {
    pub(super) fn insert(&mut self, word: u32, place: u32) {
        let (key, low) = (key(word, turned(place)), low(turned(place)));
        match self.buckets.get_mut(&key) {
            Some(bucket) => bucket.insert(low),
            None => {
                self.buckets.insert(key, Bucket::of(1, std::iter::once(low)));
            }
        }
    }

    pub(super) fn remove(&mut self, word: u32, place: u32) {
        let (key, low) = (key(word, turned(place)), low(turned(place)));
        let Some(bucket) = self.buckets.get_mut(&key) else {
            return;
        };
        bucket.remove(low);
        if bucket.lows().is_empty() {
            self.buckets.remove(&key);
        }
    }

    /// The places of many words, each in the order in which rows came to be.
    pub(super) fn of(words: impl Iterator<Item = (u32, Vec<u32>)>) -> Self {
        let buckets = words.flat_map(|(word, places)| {
            let turned: Vec<u32> = places.into_iter().rev().map(turned).collect();
            let same = turned.chunk_by(|one, two| one >> LOW_BITS == two >> LOW_BITS);
            let made = same.filter_map(|places| {
                let lows = places.iter().map(|place| low(*place));
                Some((key(word, *places.first()?), Bucket::of(places.len(), lows)))
            });
            made.collect::<Vec<_>>()
        });
        Self {
            buckets: packed::map(buckets.collect()),
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// The places of one word, newest first.
    pub(super) fn places(&self, word: u32) -> impl Iterator<Item = u32> {
        let mut run = Run::new(self, word, 0);
        std::iter::from_fn(move || run.seek(0).map(turned))
    }
}

/// A walk along the places of one word, which are counted from the newest here.
pub(super) struct Run<'a> {
    postings: &'a Postings,
    word: u32,
    ahead: Box<dyn Iterator<Item = (&'a u64, &'a Bucket)> + 'a>,
    /// What the places of the bucket it is in have above.
    high: u32,
    rest: &'a [u16],
}

impl<'a> Run<'a> {
    pub(super) fn new(postings: &'a Postings, word: u32, from: u32) -> Self {
        let mut run = Self {
            postings,
            word,
            ahead: Box::new(std::iter::empty()),
            high: 0,
            rest: &[],
        };
        run.jump(from);
        run
    }

    fn jump(&mut self, from: u32) {
        // Where the word ends is seen on the way: to look for it would cost as much as to look for the beginning.
        self.ahead = Box::new(self.postings.buckets.range(key(self.word, from)..));
        self.rest = &[];
    }

    /// The next place at or after one, which it leaves behind.
    pub(super) fn seek(&mut self, from: u32) -> Option<u32> {
        let mut steps = 0;
        loop {
            if self.high == from >> LOW_BITS {
                let before = self.rest.partition_point(|place| *place < low(from));
                self.rest = self.rest.get(before..).unwrap_or_default();
            }
            if let (true, Some((first, rest))) = (self.high >= from >> LOW_BITS, self.rest.split_first()) {
                self.rest = rest;
                return Some((self.high << LOW_BITS) | u32::from(*first));
            }
            if steps == STEPS_MAX {
                self.jump(from);
            }
            steps += 1;
            let last = key(self.word, u32::MAX);
            let (key, bucket) = self.ahead.next().filter(|(key, _)| **key <= last)?;
            self.high = u32::try_from(key & u64::from(u32::MAX >> LOW_BITS)).unwrap_or(u32::MAX);
            self.rest = bucket.lows();
        }
    }
}
