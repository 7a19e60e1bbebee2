//! The watch in a story: it looks at the records since it last looked, and raises what they add up to.

use orkestra::modules::audit::watch::may_matter;
use orkestra::modules::audit::{Alarm, Alert, Watch, raise};

use super::Story;

/// Somebody who looks at what was recorded; a new one begins at the first record.
#[derive(Default)]
pub struct Guard {
    watch: Watch,
    looked: usize,
}

impl Guard {
    /// Looks at everything that is new, as the processor does; how often an alert was raised.
    pub fn looks(&mut self, story: &mut Story) -> usize {
        let mut raised = 0;
        let registry = std::sync::Arc::clone(story.engine.registry());
        while let Some(text) = story.records.0.get(self.looked).cloned() {
            self.looked += 1;
            if !may_matter(&text) {
                continue;
            }
            let seq = u64::try_from(self.looked).unwrap();
            let alarms = self.watch.look(seq, &text, story.engine.state(), &registry).unwrap();
            raised += alarms.iter().map(|alarm| Self::raise(story, alarm)).sum::<usize>();
        }
        for alarm in self.watch.late(story.now) {
            raised += Self::raise(story, &alarm);
        }
        raised
    }

    fn raise(story: &mut Story, alarm: &Alarm) -> usize {
        let record = raise(&mut story.engine, alarm, story.now).unwrap();
        let raised = usize::from(record.is_some());
        story.records.0.extend(record);
        raised
    }
}

impl Story {
    /// A text with short names instead of identifiers, as in the transcript.
    pub fn named(&mut self, text: &str) -> String {
        self.plain(text)
    }

    /// Every alert there is: kind, status, how often raised, what it says.
    pub fn alerts(&self) -> Vec<(String, String, u32, String)> {
        let alerts = self.engine.state().table::<Alert>().unwrap().rows();
        alerts
            .map(|row| {
                let summary = row.summary.clone();
                (row.kind.to_string(), row.status.to_string(), row.times, summary)
            })
            .collect()
    }
}
