//! Comparing texts that people write: folding case and accents, and finding the nearest known word.

use rapidfuzz::distance::jaro_winkler;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A text without case, accents and surplus space, as names are compared.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        let mut plain = squeeze(text);
        plain.make_ascii_lowercase();
        return plain;
    }
    let plain: String = text
        .nfkd()
        .filter(|letter| !is_combining_mark(*letter))
        .flat_map(char::to_lowercase)
        .collect();
    squeeze(&plain)
}

fn squeeze(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// The up to `most` known words nearest to `text`, the nearest first; words that share nothing are left out.
pub fn nearest<'a>(text: &str, known: impl IntoIterator<Item = &'a str>, most: usize) -> Vec<&'a str> {
    let wanted = Likeness::to(fold(text));
    let mut scored: Vec<(f64, &str)> = known
        .into_iter()
        .map(|word| (wanted.of(&fold(word)), word))
        .filter(|(score, _)| *score > 0.55)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    scored.truncate(most);
    scored.into_iter().map(|(_, word)| word).collect()
}

/// What one text containing the other counts for.
const CONTAINED: f64 = 0.8;

/// How alike other texts are to one, which is prepared for that once: from 0 to 1 (Jaro-Winkler, with credit for one containing
/// the other).
pub struct Likeness {
    text: String,
    prepared: jaro_winkler::BatchComparator<char>,
}

impl Likeness {
    /// To a folded text.
    pub fn to(text: String) -> Self {
        let prepared = jaro_winkler::BatchComparator::new(text.chars());
        Self { text, prepared }
    }

    /// Of a folded text, where it is more than `least`; quick where it is not. That one contains the other is not looked at, so `least`
    /// must be what that counts for (0.8) or more.
    pub fn above(&self, other: &str, least: f64) -> Option<f64> {
        debug_assert!(least >= CONTAINED, "{least} is less than containing counts for");
        // Rounded differently on the way: what is just at the mark is looked at wholly.
        let near = jaro_winkler::Args::default().score_cutoff(least - 0.01);
        let alike = self.prepared.similarity_with_args(other.chars(), &near);
        alike.filter(|alike| *alike > least)
    }

    /// Of a folded text.
    pub fn of(&self, other: &str) -> f64 {
        let (one, two) = (self.text.as_str(), other);
        let contained = !one.is_empty() && !two.is_empty() && (one.contains(two) || two.contains(one));
        // Not the normalized one, which is one less the distance and so not the same number to the last bit: what was shown before
        // is to come out the same when it is decided again.
        let alike = self.prepared.similarity(two.chars());
        alike.max(if contained { CONTAINED } else { 0.0 })
    }
}

/// `1 task`, `2 tasks`: a count with its noun, regular plurals only.
pub fn count(number: usize, noun: &str) -> String {
    match (number, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{number} {stem}ies"),
        _ => format!("{number} {noun}s"),
    }
}

/// The first `most` characters of a text, with an ellipsis where something was left out.
pub fn clip(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default().trim_end()),
    }
}

/// Whether a character could hide or turn around what is printed near it: controls, and the format characters of Unicode that have
/// no form of their own.
pub fn hides(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A text of somebody who is not to be trusted, on one line of a terminal: with spaces where it would move the hand or hide something.
pub fn plain(text: &str) -> String {
    text.chars()
        .map(|letter| if hides(letter) { ' ' } else { letter })
        .collect()
}

/// A key-like form of a name: `Données 2026!` becomes `donnees-2026`.
pub fn slug(name: &str) -> String {
    let folded: String = fold(name)
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    folded
        .split('-')
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}

/// `camelCase` from Rust's `snake_case`.
pub fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for letter in name.strip_prefix("r#").unwrap_or(name).chars() {
        if letter == '_' {
            upper = true;
        } else {
            out.push(if upper { letter.to_ascii_uppercase() } else { letter });
            upper = false;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_without_case_accents_and_space() {
        assert_eq!(fold("  Ána   GARCÍA "), "ana garcia");
        assert_eq!(fold("Straße"), "straße");
        assert_eq!(slug("Données 2026!"), "donnees-2026");
        assert_eq!(camel("due_from"), "dueFrom");
    }

    /// As Jaro and Winkler add it up (Winkler 1990), to the last bit: one letter alike; six alike, one pair changed, three in front.
    #[test]
    fn likeness_is_the_same_number_as_ever() {
        let same = |one: &str, two: &str, expected: f64| {
            let found = Likeness::to(one.to_owned()).of(two);
            assert_eq!(found.to_bits(), expected.to_bits(), "{one} {two} {found}");
        };
        let jaro = (1.0 + 1.0 + 5.0 / 6.0) / 3.0;
        same("door", "window", (1.0 / 4.0 + 1.0 / 6.0 + 1.0) / 3.0);
        same("martha", "marhta", jaro + 0.1 * 3.0 * (1.0 - jaro));
    }

    proptest::proptest! {
        /// Up to the longest title, which takes several words of bits.
        #[test]
        fn what_is_above_is_the_same_number(
            one in "[a-dé ]{0,300}",
            changes in proptest::collection::vec((0..300_usize, "[a-dé]{0,2}"), 0..12),
            least in 0.8..0.99,
        ) {
            let mut other: Vec<String> = one.chars().map(String::from).collect();
            for (at, letters) in changes {
                if let Some(letter) = other.get_mut(at) {
                    *letter = letters;
                }
            }
            let (wanted, other) = (Likeness::to(one), other.concat());
            let whole = wanted.of(&other);
            for least in [least, 0.8, 0.88, whole.max(0.8)] {
                let above = wanted.above(&other, least).map(f64::to_bits);
                proptest::prop_assert_eq!(above, (whole > least).then_some(whole.to_bits()), "{}", least);
            }
        }
    }

    #[test]
    fn the_nearest_word_comes_first() {
        assert_eq!(
            nearest("asignee", ["assignee", "project", "assignees"], 2),
            ["assignee", "assignees"]
        );
        assert!(nearest("zzz", ["assignee"], 3).is_empty());
    }

    #[test]
    fn counts_and_clips_read_well() {
        assert_eq!(
            (count(1, "task"), count(2, "reply"), count(0, "day")),
            ("1 task".into(), "2 replies".into(), "0 days".into())
        );
        assert_eq!(clip("häuser", 3), "häu…");
        assert_eq!(plain("red\u{1b}[31m and\u{202e}back"), "red [31m and back");
    }
}
