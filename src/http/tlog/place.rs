//! Which tile an address names (C2SP tlog-tiles): `x001/x234/067` or `x001/x234/067.p/12`. There is one way to write each.

/// A tile of a level, or a bundle: its index, and how many hashes or entries of it are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) index: u64,
    pub(super) width: usize,
}

/// A level, from 0 to 63.
pub(super) fn level(text: &str) -> Option<u8> {
    let level: u8 = text.parse().ok().filter(|level| *level < 64)?;
    (level.to_string() == text).then_some(level)
}

impl Place {
    /// Reads what stands behind the level; anything that this would not write itself is nothing.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (path, width) = match text.split_once(".p/") {
            Some((path, width)) => (path, width.parse().ok().filter(|width| (1..256).contains(width))?),
            None => (text, 256),
        };
        let mut index: u64 = 0;
        for part in path.split('/') {
            let digits = part.strip_prefix('x').unwrap_or(part);
            let number: u64 = digits.parse().ok().filter(|_| digits.len() == 3)?;
            index = index.checked_mul(1000)?.checked_add(number)?;
        }
        let place = Self { index, width };
        (place.to_string() == text).then_some(place)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut rest = self.index;
        let mut parts = vec![format!("{:03}", rest % 1000)];
        while rest >= 1000 {
            rest /= 1000;
            parts.push(format!("x{:03}", rest % 1000));
        }
        parts.reverse();
        f.write_str(&parts.join("/"))?;
        if self.width < 256 {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_way_to_write_each_place() {
        for (text, index, width) in [
            ("000", 0, 256),
            ("067.p/1", 67, 1),
            ("x001/x234/067", 1_234_067, 256),
            ("x001/000.p/255", 1000, 255),
        ] {
            assert_eq!(Place::parse(text), Some(Place { index, width }), "{text}");
        }
        let bad = [
            "",
            "0",
            "0000",
            "x000/001",
            "001/002",
            "x001",
            "000.p/0",
            "000.p/256",
            "000.p/01",
            "000.p/",
            "000.p",
            "+01",
            "../001",
            "000/",
            "/000",
            "x001//002",
            "000.p/1/",
            "x999/x999/x999/x999/x999/x999/x999/999",
            "-01",
            "000.p/+1",
        ];
        for text in bad {
            assert_eq!(Place::parse(text), None, "{text}");
        }
        assert_eq!(
            (level("0"), level("63"), level("64"), level("00"), level("+1")),
            (Some(0), Some(63), None, None, None)
        );
    }
}
