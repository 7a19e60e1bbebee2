//! Working time: Monday to Friday, nine to five, in the organisation's zone, until there is a working calendar.

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use crate::kernel::View;

/// The working day: from, to.
pub const DAY: (Time, Time) = (jiff::civil::time(9, 0, 0, 0), jiff::civil::time(17, 0, 0, 0));
/// Longest deadline, in seconds: a year of working days.
pub const LONGEST: i64 = 8 * 3600 * 261;

/// The hour that lies so many seconds of working time after another one.
pub fn after(view: &View<'_>, from: Timestamp, seconds: i64) -> Timestamp {
    let zone = view
        .organization()
        .ok()
        .and_then(|org| TimeZone::get(&org.timezone).ok());
    add(&zone.unwrap_or(TimeZone::UTC), from, seconds)
}

fn add(zone: &TimeZone, from: Timestamp, seconds: i64) -> Timestamp {
    let mut left = SignedDuration::from_secs(seconds.clamp(0, LONGEST));
    let mut day = zone.to_datetime(from).date();
    let mut at = from;
    // Every five days out of seven take eight hours off what is left.
    for _ in 0..800 {
        let end = |time| zone.to_timestamp(day.to_datetime(time)).unwrap_or(at);
        let (opens, closes) = (end(DAY.0), end(DAY.1));
        let works = !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
        let start = at.max(opens);
        if works && start < closes {
            let here = closes.duration_since(start);
            if left <= here {
                return start.checked_add(left).unwrap_or(start);
            }
            left -= here;
        }
        let Ok(next) = day.checked_add(1.day()) else { return at };
        day = next;
        at = zone.to_timestamp(day.to_datetime(Time::midnight())).unwrap_or(at);
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap_or_default()
    }

    #[test]
    fn working_time_passes_in_working_hours_only() {
        let zone = TimeZone::get("Europe/Madrid").unwrap_or(TimeZone::UTC);
        let hours = |from: &str, hours: i64| add(&zone, at(from), hours * 3600).to_string();
        // Monday 10:00 in Madrid.
        assert_eq!(hours("2026-03-02T09:00:00Z", 2), "2026-03-02T11:00:00Z");
        // To the end of the day, and one hour into the next.
        assert_eq!(hours("2026-03-02T09:00:00Z", 7), "2026-03-02T16:00:00Z");
        assert_eq!(hours("2026-03-02T09:00:00Z", 8), "2026-03-03T09:00:00Z");
        // Friday evening to Monday.
        assert_eq!(hours("2026-03-06T20:00:00Z", 1), "2026-03-09T09:00:00Z");
        // Over the night in which summer time begins.
        assert_eq!(hours("2026-03-27T15:00:00Z", 2), "2026-03-30T08:00:00Z");
    }
}
