//! When a rule is due by the clock: `minute hour day-of-month month day-of-week`, in a time zone.
//!
//! It is the wall clock that counts. A time that the clock skips in spring comes when the clock has skipped it (02:30 is
//! 03:30 that day), one that it shows twice in autumn comes once, the first time. As in Vixie's cron, a day fits where
//! either of the two day fields fits, if both are given.

use std::collections::BTreeSet;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// How many days are looked at for the next one that fits: the 29th of February comes within eight years.
const DAYS_MAX: usize = 3_000;

/// A read schedule.
#[derive(Debug, PartialEq, Eq)]
pub struct Cron {
    minutes: BTreeSet<i8>,
    hours: BTreeSet<i8>,
    days: BTreeSet<i8>,
    months: BTreeSet<i8>,
    weekdays: BTreeSet<i8>,
    either_day: bool,
}

const NAMES: [(&str, i8); 7] = [
    ("sun", 0),
    ("mon", 1),
    ("tue", 2),
    ("wed", 3),
    ("thu", 4),
    ("fri", 5),
    ("sat", 6),
];

impl Cron {
    /// Reads the five fields.
    ///
    /// # Errors
    /// What is wrong with which of them.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else {
            return Err(format!(
                "needs five fields (minute, hour, day of month, month, day of week), not {}",
                fields.len()
            ));
        };
        let weekday = weekdays.to_lowercase();
        let named = NAMES
            .iter()
            .fold(weekday, |text, (name, number)| text.replace(name, &number.to_string()));
        let mut cron = Self {
            minutes: field("minute", minutes, 0, 59)?,
            hours: field("hour", hours, 0, 23)?,
            days: field("day of month", days, 1, 31)?,
            months: field("month", months, 1, 12)?,
            weekdays: field("day of week", &named, 0, 7)?,
            either_day: *days != "*" && *weekdays != "*",
        };
        if cron.weekdays.remove(&7) {
            cron.weekdays.insert(0);
        }
        cron.next(Timestamp::UNIX_EPOCH, &TimeZone::UTC)
            .ok_or("never comes: no such day exists")?;
        Ok(cron)
    }

    fn fits(&self, day: Date) -> bool {
        let (of_month, of_week) = (
            self.days.contains(&day.day()),
            self.weekdays.contains(&day.weekday().to_sunday_zero_offset()),
        );
        let fits = if self.either_day {
            of_month || of_week
        } else {
            of_month && of_week
        };
        fits && self.months.contains(&day.month())
    }

    /// The first hour after another one.
    pub fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let first = zone.to_datetime(after).date();
        let days = std::iter::successors(Some(first), |day| day.tomorrow().ok());
        let mut hours = days
            .take(DAYS_MAX)
            .filter(|day| self.fits(*day))
            .flat_map(|day| self.on(day));
        hours.find_map(|local| resolved(local, zone).filter(|at| *at > after))
    }

    fn on(&self, day: Date) -> impl Iterator<Item = DateTime> + '_ {
        let times = self
            .hours
            .iter()
            .flat_map(|hour| self.minutes.iter().map(|minute| (*hour, *minute)));
        times.filter_map(move |(hour, minute)| Some(day.to_datetime(Time::new(hour, minute, 0, 0).ok()?)))
    }
}

/// The hour that a wall clock shows: the later where it skips that, the earlier where it shows it twice.
pub fn resolved(local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(local).compatible().ok()
}

/// A time of every day, after an hour.
pub fn daily(time: Time, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let first = zone.to_datetime(after).date();
    let days = std::iter::successors(Some(first), |day| day.checked_add(1.day()).ok());
    let mut hours = days.take(3).filter_map(|day| resolved(day.to_datetime(time), zone));
    hours.find(|at| *at > after)
}

fn field(name: &str, text: &str, low: i8, high: i8) -> Result<BTreeSet<i8>, String> {
    let wrong =
        || format!("{name} `{text}` must be `*`, numbers from {low} to {high}, ranges `a-b`, steps `*/n`, or a list");
    let mut found = BTreeSet::new();
    for part in text.split(',') {
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        let step: usize = step.parse().ok().filter(|step| *step > 0).ok_or_else(wrong)?;
        let number = |text: &str| text.parse::<i8>().ok().filter(|number| (low..=high).contains(number));
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (low, high),
            Some((from, to)) => (number(from).ok_or_else(wrong)?, number(to).ok_or_else(wrong)?),
            None if part.contains('/') => (number(range).ok_or_else(wrong)?, high),
            None => (number(range).ok_or_else(wrong)?, number(range).ok_or_else(wrong)?),
        };
        if from > to {
            return Err(wrong());
        }
        found.extend((from..=to).step_by(step));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(cron: &str, zone: &str, from: &str, most: usize) -> Vec<String> {
        let (cron, zone) = (Cron::parse(cron).unwrap(), TimeZone::get(zone).unwrap());
        let first = from.parse().unwrap();
        let all = std::iter::successors(Some(first), |at| cron.next(*at, &zone));
        all.skip(1).take(most).map(|at: Timestamp| at.to_string()).collect()
    }

    #[test]
    fn a_time_that_the_clock_skips_comes_once_after_the_gap() {
        // Madrid, 2026-03-29: 02:00 becomes 03:00.
        let found = after("30 2 * * *", "Europe/Madrid", "2026-03-28T00:00:00Z", 3);
        assert_eq!(
            found,
            ["2026-03-28T01:30:00Z", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"]
        );
    }

    #[test]
    fn a_time_that_the_clock_shows_twice_comes_once_the_first_time() {
        // Madrid, 2026-10-25: 03:00 becomes 02:00.
        let found = after("30 2 * * *", "Europe/Madrid", "2026-10-24T12:00:00Z", 2);
        assert_eq!(found, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
    }

    #[test]
    fn fields_are_lists_ranges_and_steps() {
        let found = after("*/20 9-10 * * mon-fri", "UTC", "2026-03-06T10:30:00Z", 2);
        assert_eq!(found, ["2026-03-06T10:40:00Z", "2026-03-09T09:00:00Z"]);
        let found = after("0 0 29 2 *", "UTC", "2026-03-06T10:30:00Z", 1);
        assert_eq!(found, ["2028-02-29T00:00:00Z"]);
        let found = after("0 8 1 * sun", "UTC", "2026-03-02T00:00:00Z", 2);
        assert_eq!(found, ["2026-03-08T08:00:00Z", "2026-03-15T08:00:00Z"]);
    }

    #[test]
    fn what_never_comes_or_means_nothing_is_refused() {
        for text in [
            "",
            "* * * *",
            "60 * * * *",
            "0 0 31 2 *",
            "5-1 * * * *",
            "*/0 * * * *",
            "a * * * *",
            "0 0 * * 8",
        ] {
            assert!(Cron::parse(text).is_err(), "{text}");
        }
    }
}
