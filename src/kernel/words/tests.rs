//! The index says what reading every row would say.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

type Said = (String, String);

fn words((title, body): &Said) -> Words<'_> {
    let mut words = Words::default();
    words.title(title.as_str());
    words.body(body.as_str());
    words
}

fn naive(rows: &BTreeMap<u32, Said>, terms: &[Term], part: Part) -> Vec<u32> {
    let says = |text: &str, term: &Term| {
        tokens(text).iter().any(|word| {
            if term.prefix {
                word.starts_with(&term.word)
            } else {
                *word == term.word
            }
        })
    };
    let fits = |(title, body): &Said| {
        let titled = terms.iter().all(|term| says(title, term));
        let anywhere = terms.iter().all(|term| says(title, term) || says(body, term));
        if part == Part::Title {
            titled
        } else {
            anywhere && !titled
        }
    };
    rows.iter()
        .rev()
        .filter(|(_, said)| fits(said))
        .map(|(place, _)| *place)
        .collect()
}

/// Places in crowds that lie across the border of two buckets.
fn spread(place: u32) -> u32 {
    place / 40 * 4090 + place % 40
}

fn sentence() -> impl Strategy<Value = String> {
    proptest::collection::vec("[abÁ]{1,3}", 0..6).prop_map(|words| words.join("-"))
}

proptest! {
    #[test]
    fn an_index_made_at_once_is_the_one_that_grew(
        rows in proptest::collection::vec((0..2_usize, (sentence(), sentence())), 0..40),
        asked in proptest::collection::vec(("[ab]{1,3}", any::<bool>()), 1..4),
    ) {
        let (mut bulk, mut grown) = (Bulk::default(), WordIndex::default());
        for (place, (org, said)) in (0..).zip(&rows) {
            let org = ["one", "two"][*org];
            bulk.add(org, place, &words(said));
            grown.change(org, place, &Words::default(), &words(said));
        }
        let mut made = bulk.done();
        let terms: Vec<Term> = asked.into_iter().map(|(word, prefix)| Term { word, prefix }).collect();
        let all = |index: &WordIndex, org: &str| -> Vec<Vec<u32>> {
            [Part::Title, Part::Rest].map(|part| index.hits(org, &terms, part, None, &|_| true).collect()).to_vec()
        };
        for org in ["one", "two"] {
            prop_assert_eq!(all(&made, org), all(&grown, org));
        }
        // It goes on like one that grew.
        if let Some((org, said)) = rows.first() {
            let org = ["one", "two"][*org];
            made.change(org, 0, &words(said), &Words::default());
            grown.change(org, 0, &words(said), &Words::default());
            prop_assert_eq!(all(&made, org), all(&grown, org));
        }
    }

    #[test]
    fn the_index_agrees_with_a_naive_scan(
        steps in proptest::collection::vec((0..40_u32, 0..2_usize, proptest::option::weighted(0.8, (sentence(), sentence()))), 1..120),
        asked in proptest::collection::vec(("[ab]{1,3}", any::<bool>()), 1..4),
        from in proptest::option::of(0..80_u32),
        places in 0..12_usize,
    ) {
        let mut index = WordIndex::default();
        let mut rows = [BTreeMap::<u32, Said>::new(), BTreeMap::new()];
        let (mut earlier, half) = (None, steps.len() / 2);
        for (number, (place, org, said)) in steps.into_iter().enumerate() {
            if number == half {
                earlier = Some((index.clone(), rows.clone()));
            }
            let place = spread(place * 2 + u32::try_from(org).unwrap());
            let before = rows[org].remove(&place).unwrap_or_default();
            let after = said.clone().unwrap_or_default();
            index.change(["x", "y"][org], place, &words(&before), &words(&after));
            rows[org].extend(said.map(|said| (place, said)));
        }
        let whole: Vec<Term> = asked.iter().map(|(word, _)| Term { word: word.clone(), prefix: false }).collect();
        let terms: Vec<Term> = asked.into_iter().map(|(word, prefix)| Term { word, prefix }).collect();
        for (org, name) in ["x", "y"].into_iter().enumerate() {
            for part in [Part::Title, Part::Rest] {
                let mut wanted = naive(&rows[org], &terms, part);
                let from = from.map(spread);
                wanted.retain(|place| from.is_none_or(|from| *place <= from));
                prop_assert_eq!(index.hits(name, &terms, part, from, &|_| true).collect::<Vec<_>>(), wanted.clone());
                let glanced: Vec<u32> = index.hits(name, &terms, part, from, &|_| true).within(places).collect();
                prop_assert!(glanced.len() <= places && wanted.starts_with(&glanced));
            }
            let known: Option<Vec<Known>> = whole.iter().map(|term| index.known(name, &term.word)).collect();
            let titled: Vec<u32> = known.map(|known| index.titled(&known).collect()).unwrap_or_default();
            prop_assert_eq!(titled, naive(&rows[org], &whole, Part::Title));
            // What came after changed nothing of what somebody looks at who has the index of before.
            if let Some((index, rows)) = &earlier {
                let found: Vec<u32> = index.hits(name, &terms, Part::Title, None, &|_| true).collect();
                prop_assert_eq!(found, naive(&rows[org], &terms, Part::Title));
            }
        }
    }
}

#[test]
fn nothing_is_left_when_all_rows_are_gone() {
    let mut index = WordIndex::default();
    let said = ("Fix the door".to_owned(), "It squeaks, the door".to_owned());
    let none = Words::default();
    index.change("x", 3, &none, &words(&said));
    let rows = |org| index.known(org, "door").map(|known| known.rows);
    assert_eq!((rows("x"), rows("y")), (Some(1), None));
    index.change("x", 3, &words(&said), &none);
    assert!(index.all.is_empty() && index.titles.is_empty());
    assert!(index.orgs.values().all(OrdMap::is_empty));
}

#[test]
fn a_broad_beginning_counts_only_what_counts() {
    let mut index = WordIndex::default();
    let none = Words::default();
    let many: Vec<String> = (0..EXPANDED_MAX).map(|number| format!("q{number:03}")).collect();
    let (hidden, open) = ((String::new(), many.join(" ")), ("qz qy".to_owned(), String::new()));
    index.change("x", 1, &none, &words(&hidden));
    index.change("x", 2, &none, &words(&open));
    let term = Term {
        word: "q".to_owned(),
        prefix: true,
    };
    let (all, some) = (|_| true, |place| place == 2);
    let found = |counts: &dyn Fn(u32) -> bool| -> Vec<u32> {
        let terms = [term.clone()];
        index.hits("x", &terms, Part::Title, None, counts).collect()
    };
    assert_eq!((index.is_broad("x", &term, &all), found(&all)), (true, vec![]));
    assert_eq!((index.is_broad("x", &term, &some), found(&some)), (false, vec![2]));
}
