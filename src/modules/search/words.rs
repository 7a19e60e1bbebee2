//! `search`.

use serde_json::Value;

use super::found::Found;
use super::similar;
use crate::kernel::arg::{In, List, PageArgs, Str, Ts};
use crate::kernel::identity::Member;
use crate::kernel::listing::Listing;
use crate::kernel::words::{EXPANDED_MAX, Part, Term, tokens};
use crate::kernel::{Ref, Rejection, View};
use crate::modules::comments::Comment;
use crate::modules::projects::Project;
use crate::modules::tasks::Task;
use crate::{args, choice};

choice! {
    /// What can be searched.
    pub enum Searchable {
        /// Tasks.
        Task = "task",
        /// Wiki pages.
        Page = "page",
        /// Projects.
        Project = "project",
        /// Comments.
        Comment = "comment",
        /// Messages.
        Message = "message",
        /// Files.
        File = "file",
        /// Goals.
        Goal = "goal",
        /// Contacts.
        Contact = "contact",
        /// Risks.
        Risk = "risk",
        /// Decisions.
        Decision = "decision",
        /// Products.
        Product = "product",
        /// Stock items.
        Item = "item",
        /// Events.
        Event = "event",
        /// Expenses.
        Expense = "expense",
        /// Members.
        Member = "member",
    }
}

choice! {
    /// How words are compared.
    pub enum Mode {
        /// All words, the last one may be a beginning.
        Words = "words",
        /// All words may be beginnings.
        Prefix = "prefix",
        /// Any of the words, the most alike first.
        Similar = "similar",
    }
}

args! {
    /// Arguments of `search`.
    pub struct Search {
        /// Words to look for.
        q: Str<1, 200>,
        /// Of these kinds.
        types: Option<List<Searchable, 0, 15>>,
        /// In this project.
        project: Option<Ref<Project>>,
        /// Its reporter, lead or author.
        author: Option<Ref<Member>>,
        /// Changed at or after.
        since: Option<Ts>,
        /// Changed at or before.
        until: Option<Ts>,
        /// words: all; prefix: beginnings; similar: any.
        mode: Mode = Mode::Words,
        page: In<PageArgs>,
    }
}

/// What a hit shows.
const COLUMNS: [&str; 10] = [
    "id",
    "type",
    "key",
    "title",
    "snippet",
    "untrusted",
    "author",
    "score",
    "url",
    "about",
];
/// The kinds that can be searched, in the order in which equally good hits come.
pub const LANDED: [Searchable; 4] = [
    Searchable::Member,
    Searchable::Project,
    Searchable::Task,
    Searchable::Comment,
];
/// Most hits that are sorted by something other than the score, and most that are compared in mode `similar`.
const SORTED_MAX: usize = 500;

/// What a hit has to be besides saying the words.
pub struct Filter {
    kinds: Vec<Searchable>,
    project: Option<projections::Id<Project>>,
    author: Option<projections::Id<Member>>,
    since: Option<jiff::Timestamp>,
    until: Option<jiff::Timestamp>,
}

impl Filter {
    /// Only of some kinds, and of a project.
    pub fn of(kinds: Vec<Searchable>, project: Option<projections::Id<Project>>) -> Self {
        Self {
            kinds,
            project,
            author: None,
            since: None,
            until: None,
        }
    }

    /// The kinds that are wanted, in order.
    pub fn kinds(&self) -> &[Searchable] {
        &self.kinds
    }

    /// Whether a visible hit is wanted.
    pub fn fits(&self, view: &View<'_>, found: &Found<'_>) -> bool {
        self.since.is_none_or(|since| found.updated_at() >= since)
            && self.until.is_none_or(|until| found.updated_at() <= until)
            && self.author.is_none_or(|author| found.author() == author)
            && self.project.is_none_or(|project| found.project(view) == Some(project))
            && found.is_live(view)
    }
}

/// A place in the order of hits: titles before texts, then by kind.
type Bucket = (usize, Part, Searchable);

fn buckets(kinds: &[Searchable]) -> Vec<Bucket> {
    let parts = [Part::Title, Part::Rest];
    let all = parts
        .into_iter()
        .flat_map(|part| LANDED.into_iter().map(move |kind| (part, kind)));
    let numbered = all.enumerate().map(|(number, (part, kind))| (number, part, kind));
    numbered.filter(|(.., kind)| kinds.contains(kind)).collect()
}

/// The visible rows of one kind, newest first, from an identifier on.
pub fn rows<'s, 'a>(
    view: &'s View<'a>,
    kind: Searchable,
    terms: &[Term],
    part: Part,
    from: Option<&str>,
) -> Box<dyn Iterator<Item = Found<'a>> + 's> {
    let from = from.unwrap_or_default();
    match kind {
        Searchable::Member => Box::new(view.search(terms, part, from.parse().ok()).map(Found::Member)),
        Searchable::Project => Box::new(view.search(terms, part, from.parse().ok()).map(Found::Project)),
        Searchable::Task => Box::new(view.search::<Task>(terms, part, from.parse().ok()).map(Found::Task)),
        Searchable::Comment => Box::new(view.search(terms, part, from.parse().ok()).map(Found::Comment)),
        _ => Box::new(std::iter::empty()),
    }
}

fn hits<'s, 'a: 's>(
    view: &'s View<'a>,
    terms: &'s [Term],
    filter: &'s Filter,
    after: Option<(Value, String)>,
) -> impl Iterator<Item = (usize, Found<'a>)> + 's {
    let (place, last) = after.unwrap_or_default();
    let start: usize = place.as_u64().and_then(|place| place.try_into().ok()).unwrap_or(0);
    buckets(&filter.kinds)
        .into_iter()
        .filter(move |(number, ..)| *number >= start)
        .flat_map(move |(number, part, kind)| {
            let from = Some(last.clone()).filter(|id| number == start && !id.is_empty());
            let rows = rows(view, kind, terms, part, from.as_deref());
            rows.filter(move |row| from.as_ref().is_none_or(|last| row.id() != *last))
                .map(move |row| (number, row))
        })
        .filter(move |(_, row)| filter.fits(view, row))
}

/// 1 where the title has all words, 0.5 elsewhere.
fn score(bucket: usize) -> f64 {
    if bucket < LANDED.len() { 1.0 } else { 0.5 }
}

fn read_filter(args: &Search, view: &View<'_>) -> Result<Filter, Rejection> {
    let wanted: Vec<Searchable> = args.types.iter().flat_map(|list| list.iter()).copied().collect();
    if let Some(missing) = wanted.iter().find(|kind| !LANDED.contains(kind)) {
        return Err(Rejection::not_yet("types", missing.word()));
    }
    let project = args.project.as_ref().map(|one| view.resolve(one)).transpose()?;
    let author = args.author.as_ref().map(|one| view.resolve(one)).transpose()?;
    Ok(Filter {
        kinds: if wanted.is_empty() { LANDED.to_vec() } else { wanted },
        project: project.map(|row| row.id),
        author: author.map(|row| row.id),
        since: args.since.map(|at| at.0),
        until: args.until.map(|at| at.0),
    })
}

fn terms(args: &Search) -> Result<Vec<Term>, Rejection> {
    let words = tokens(&args.q);
    let last = words.len().saturating_sub(1);
    if words.is_empty() {
        return Err(Rejection::argument("q", "must have a letter or a digit"));
    }
    let term = |(at, word)| Term {
        word,
        prefix: args.mode == Mode::Prefix || at == last,
    };
    Ok(words.into_iter().enumerate().map(term).collect())
}

/// `search`.
pub fn search(args: Search, view: &View<'_>) -> Result<Value, Rejection> {
    let (filter, terms) = (read_filter(&args, view)?, terms(&args)?);
    let mut list = Listing::new(view, &args.page, &COLUMNS, "-score");
    if let (Some(since), Some(until)) = (filter.since, filter.until)
        && since > until
    {
        return Err(Rejection::argument("until", "must not be before `since`"));
    }
    if args.mode == Mode::Similar {
        let alike = similar::alike(view, &args.q, &filter, None, SORTED_MAX);
        let items = alike.iter().map(|one| one.found.shown(view, &terms, one.similarity));
        return list.answer(items.collect());
    }
    for term in terms.iter().filter(|term| term.prefix) {
        if filter.kinds.iter().any(|kind| broad(view, *kind, term)) {
            list = list.notice(format!(
                "more than {EXPANDED_MAX} words begin with `{}`; only the first of them were looked at: write more letters",
                term.word
            ));
        }
    }
    if args.page.sort.as_deref().is_some_and(|sort| sort != "-score") {
        let found: Vec<_> = hits(view, &terms, &filter, None).take(SORTED_MAX).collect();
        if found.len() == SORTED_MAX {
            list = list.notice(format!("only the best {SORTED_MAX} hits were sorted"));
        }
        let items = found
            .iter()
            .map(|(bucket, one)| one.shown(view, &terms, score(*bucket)));
        return list.answer(items.collect());
    }
    list.ranked(
        |after| hits(view, &terms, &filter, after),
        || hits(view, &terms, &filter, None).count(),
        |(bucket, one)| ((*bucket).into(), one.shown(view, &terms, score(*bucket))),
    )
}

fn broad(view: &View<'_>, kind: Searchable, term: &Term) -> bool {
    match kind {
        Searchable::Member => view.is_broad::<Member>(term),
        Searchable::Project => view.is_broad::<Project>(term),
        Searchable::Task => view.is_broad::<Task>(term),
        Searchable::Comment => view.is_broad::<Comment>(term),
        _ => false,
    }
}
