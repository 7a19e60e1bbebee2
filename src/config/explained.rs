//! Where each value came from.

use figment::value::{Dict, Value};

use super::Loaded;

impl Loaded {
    /// Each key with its value and where it came from, in order.
    pub fn explain(&self) -> Vec<(String, String, String)> {
        let mut lines = Vec::new();
        if let Ok(Value::Dict(_, all)) = self.figment.find_value("") {
            self.walk("", &all, &mut lines);
        }
        lines
    }

    fn walk(&self, above: &str, values: &Dict, lines: &mut Vec<(String, String, String)>) {
        for (name, value) in values {
            let key = if above.is_empty() {
                name.clone()
            } else {
                format!("{above}.{name}")
            };
            match value {
                Value::Dict(_, below) => self.walk(&key, below, lines),
                other => {
                    let shown = serde_json::to_string(other).unwrap_or_default();
                    lines.push((key.clone(), shown, self.source(&key)));
                }
            }
        }
    }

    fn source(&self, key: &str) -> String {
        let Some(from) = self.figment.find_metadata(key) else {
            return "default".to_owned();
        };
        match &from.source {
            Some(figment::Source::File(path)) => path.display().to_string(),
            _ if from.name.contains("environment") => "environment".to_owned(),
            _ if from.name.contains("Config") => "default".to_owned(),
            _ => "flag".to_owned(),
        }
    }
}
