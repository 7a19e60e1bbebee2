//! The counters of `/metrics` as OTLP metrics: read from the text that is shown there, so that there is one count of everything.

use std::collections::BTreeMap;
use std::time::SystemTime;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum, metric, number_data_point,
};
use prost::Message as _;

use super::{About, attribute, nanos, scope};

/// The request that brings what a text in the OpenMetrics format says.
pub(super) fn encode(text: &str, about: &About, now: SystemTime) -> Vec<u8> {
    let counted = ScopeMetrics {
        scope: Some(scope()),
        metrics: read(text, (nanos(about.began), nanos(now))),
        ..ScopeMetrics::default()
    };
    let all = ResourceMetrics {
        resource: Some(about.resource()),
        scope_metrics: vec![counted],
        ..ResourceMetrics::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![all],
    }
    .encode_to_vec()
}

/// When the counting began, and when it was looked at, in nanoseconds since 1970.
type Times = (u64, u64);

/// A sample: what is behind the name of its family, its labels and its value.
type Sample<'a> = (&'a str, Vec<(&'a str, String)>, &'a str);

fn read(text: &str, times: Times) -> Vec<Metric> {
    let mut all: Vec<(Metric, &str, Vec<Sample<'_>>)> = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match (words.as_slice(), all.last_mut()) {
            (["#", "HELP", name, help], _) => {
                let metric = Metric {
                    name: (*name).to_owned(),
                    description: help.trim_end_matches('.').to_owned(),
                    unit: unit(name).to_owned(),
                    ..Metric::default()
                };
                all.push((metric, "", Vec::new()));
            }
            (["#", "TYPE", _, kind], Some((_, is, _))) => *is = kind,
            (["#", ..], _) | (_, None) => {}
            (_, Some((metric, _, samples))) => samples.extend(sample(line, &metric.name)),
        }
    }
    let whole = |(metric, kind, samples): (Metric, &str, Vec<Sample<'_>>)| {
        if samples.is_empty() {
            return None;
        }
        let data = match kind {
            "counter" => metric::Data::Sum(Sum {
                data_points: points(samples, times),
                aggregation_temporality: AggregationTemporality::Cumulative.into(),
                is_monotonic: true,
            }),
            "gauge" => metric::Data::Gauge(Gauge {
                data_points: points(samples, times),
            }),
            "histogram" => metric::Data::Histogram(Histogram {
                data_points: histograms(samples, times),
                aggregation_temporality: AggregationTemporality::Cumulative.into(),
            }),
            _ => return None,
        };
        let data = Some(data);
        Some(Metric { data, ..metric })
    };
    all.into_iter().filter_map(whole).collect()
}

/// The unit (UCUM) of a family; in braces what is counted, so that no unit is put behind the name.
fn unit(name: &str) -> &'static str {
    match name.strip_prefix("orkestra_").unwrap_or(name) {
        name if name.ends_with("_seconds") => "s",
        "calls" => "{call}",
        "turned_away" => "{request}",
        "journal_position" => "{record}",
        "pending_actions" | "executing_actions" => "{action}",
        "executions_waiting" | "attempts" | "consumer_lag" | "consumer_unacknowledged" | "consumer_redelivered" => {
            "{attempt}"
        }
        "telemetry_dropped" => "{item}",
        _ => "",
    }
}

/// `name{label="value",…} number`.
fn sample<'a>(line: &'a str, family: &str) -> Option<Sample<'a>> {
    let rest = line.strip_prefix(family)?;
    let (suffix, rest) = rest.split_at(rest.find(['{', ' '])?);
    let Some(mut rest) = rest.strip_prefix('{') else {
        return Some((suffix, Vec::new(), rest.trim()));
    };
    let mut labels = Vec::new();
    loop {
        let (name, value) = rest.split_once("=\"")?;
        let (value, after) = quoted(value)?;
        labels.push((name, value));
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None => return Some((suffix, labels, after.strip_prefix('}')?.trim())),
        }
    }
}

/// What stands before the closing quote, and what behind it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let (mut value, mut letters) = (String::new(), text.char_indices());
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

fn attributes(labels: Vec<(&str, String)>) -> Vec<KeyValue> {
    let each = labels.into_iter();
    each.map(|(name, value)| attribute(name, Value::StringValue(value)))
        .collect()
}

fn points(samples: Vec<Sample<'_>>, (began, now): Times) -> Vec<NumberDataPoint> {
    let point = |(_, labels, value): Sample<'_>| {
        let number = value.parse().map(number_data_point::Value::AsInt);
        let number = number.or_else(|_| value.parse().map(number_data_point::Value::AsDouble));
        Some(NumberDataPoint {
            attributes: attributes(labels),
            start_time_unix_nano: began,
            time_unix_nano: now,
            value: Some(number.ok()?),
            ..NumberDataPoint::default()
        })
    };
    samples.into_iter().filter_map(point).collect()
}

/// Buckets are counted up to their bound in the text, and between two bounds in OTLP.
fn histograms(samples: Vec<Sample<'_>>, (began, now): Times) -> Vec<HistogramDataPoint> {
    let mut all: BTreeMap<Vec<(&str, String)>, (HistogramDataPoint, u64)> = BTreeMap::new();
    for (suffix, mut labels, value) in samples {
        let bound = labels
            .iter()
            .position(|(name, _)| *name == "le")
            .map(|at| labels.remove(at).1);
        let (point, below) = all.entry(labels).or_default();
        match (suffix, bound) {
            ("_sum", _) => point.sum = value.parse().ok(),
            ("_count", _) => point.count = value.parse().unwrap_or_default(),
            ("_bucket", Some(bound)) => {
                let up_to: u64 = value.parse().unwrap_or_default();
                point.bucket_counts.push(up_to.saturating_sub(*below));
                *below = up_to;
                point
                    .explicit_bounds
                    .extend(bound.parse::<f64>().ok().filter(|bound| bound.is_finite()));
            }
            _ => {}
        }
    }
    let whole = |(labels, (point, _)): (Vec<(&str, String)>, (HistogramDataPoint, u64))| HistogramDataPoint {
        attributes: attributes(labels),
        start_time_unix_nano: began,
        time_unix_nano: now,
        ..point
    };
    all.into_iter().map(whole).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The counters as `/metrics` has them must come out whole: every sample of the text is somewhere in what is sent.
    #[test]
    fn every_family_is_read_whole() {
        let text = "# HELP orkestra_calls Calls of tools.\n# TYPE orkestra_calls counter\n\
                    orkestra_calls_total{via=\"mcp\",tool=\"get_me\",outcome=\"a \\\"b\\\\\"} 3\norkestra_calls_total{via=\"rest\"} 2\n\
                    # HELP orkestra_took_seconds How long.\n# TYPE orkestra_took_seconds histogram\n\
                    orkestra_took_seconds_sum 1.5\norkestra_took_seconds_count 4\n\
                    orkestra_took_seconds_bucket{le=\"0.5\"} 1\norkestra_took_seconds_bucket{le=\"+Inf\"} 4\n\
                    # HELP orkestra_journal_position Where.\n# TYPE orkestra_journal_position gauge\norkestra_journal_position 7\n# EOF\n";
        let all = read(text, (1, 2));
        let names: Vec<(&str, &str)> = all.iter().map(|one| (one.name.as_str(), one.unit.as_str())).collect();
        assert_eq!(
            names,
            [
                ("orkestra_calls", "{call}"),
                ("orkestra_took_seconds", "s"),
                ("orkestra_journal_position", "{record}")
            ]
        );
        let Some(metric::Data::Sum(calls)) = &all[0].data else {
            panic!("{:?}", all[0])
        };
        assert_eq!(calls.data_points.len(), 2);
        assert_eq!(calls.data_points[0].value, Some(number_data_point::Value::AsInt(3)));
        let outcome = attribute("outcome", Value::StringValue("a \"b\\".to_owned()));
        assert_eq!(calls.data_points[0].attributes[2], outcome);
        let Some(metric::Data::Histogram(took)) = &all[1].data else {
            panic!("{:?}", all[1])
        };
        let took = &took.data_points[0];
        assert_eq!((took.count, took.sum), (4, Some(1.5)));
        assert_eq!((&took.bucket_counts, &took.explicit_bounds), (&vec![1, 3], &vec![0.5]));
        let Some(metric::Data::Gauge(position)) = &all[2].data else {
            panic!("{:?}", all[2])
        };
        assert_eq!(position.data_points[0].value, Some(number_data_point::Value::AsInt(7)));
    }
}
