//! What answers say, in a form in which those of different servers are equal.

use chrono::DateTime;
use entity::id::parse_any;
use serde_json::{Map, Value};

/// An answer in which an id is a UUID, a time is microseconds since 1970, and an answer is its text.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Normal(Value);

impl Normal {
    /// How many objects have this name's list, all lists of that name together.
    pub(in super::super) fn count(&self, list: &str) -> usize {
        count(&self.0, list)
    }

    /// Where it first differs from another, as a path and the two values; none where they are equal.
    pub(in super::super) fn difference(&self, other: &Self) -> Option<String> {
        difference(&self.0, &other.0, "")
    }
}

/// Brings an answer into that form.
pub(in super::super) fn normal(answer: Value) -> Normal {
    Normal(of(answer))
}

fn of(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(of).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| {
                let value = match (name.as_str(), value) {
                    ("id", Value::String(id)) => parse_any(&id).map_or(id, |(_, id)| id.to_string()).into(),
                    ("createdAt", Value::String(time)) => match DateTime::parse_from_rfc3339(&time) {
                        Ok(time) => time.timestamp_micros().into(),
                        Err(_) => time.into(),
                    },
                    ("answer", Value::Object(mut answer)) => answer.remove("text").unwrap_or_default(),
                    (_, value) => of(value),
                };
                (name, value)
            });
            Value::Object(fields.collect::<Map<_, _>>())
        }
        plain => plain,
    }
}

fn count(value: &Value, list: &str) -> usize {
    match value {
        Value::Array(items) => items.iter().map(|item| count(item, list)).sum(),
        Value::Object(fields) => {
            let here = fields.get(list).and_then(|list| list["nodes"].as_array()).map_or(0, Vec::len);
            here + fields.values().map(|value| count(value, list)).sum::<usize>()
        }
        _ => 0,
    }
}

fn difference(one: &Value, other: &Value, path: &str) -> Option<String> {
    match (one, other) {
        (Value::Array(ones), Value::Array(others)) if ones.len() == others.len() => {
            let mut pairs = ones.iter().zip(others).enumerate();
            pairs.find_map(|(n, (one, other))| difference(one, other, &format!("{path}/{n}")))
        }
        (Value::Object(ones), Value::Object(others))
            if ones.len() == others.len() && ones.keys().all(|name| others.contains_key(name)) =>
        {
            ones.iter().find_map(|(name, one)| difference(one, &others[name], &format!("{path}/{name}")))
        }
        (one, other) if one == other => None,
        (one, other) => {
            let short = |value: &Value| value.to_string().chars().take(120).collect::<String>();
            Some(format!("{path} is {} here and {} there", short(one), short(other)))
        }
    }
}

#[cfg(test)]
mod tests {
    use entity::id::AgentId;
    use serde_json::json;

    use super::normal;

    #[test]
    fn the_same_answer_of_two_servers_is_equal_and_another_one_is_not() {
        let id = AgentId::new();
        let ours = json!({ "agents": { "nodes": [{ "id": id.to_string(), "createdAt": "2026-01-02T03:04:05.6Z", "answer": { "text": "a" } }] } });
        let theirs = json!({ "agents": { "nodes": [{ "createdAt": "2026-01-02T03:04:05.600000+00:00", "id": id.0.to_string(), "answer": "a" }] } });
        let (ours, theirs) = (normal(ours), normal(theirs.clone()));
        assert_eq!(ours.difference(&theirs), None);
        assert_eq!(ours.count("agents"), 1);
        let mut other = json!({ "agents": theirs.0["agents"] });
        other["agents"]["nodes"][0]["answer"] = "b".into();
        let said = ours.difference(&normal(other)).expect("they differ");
        assert!(said.starts_with("/agents/nodes/0/answer is \"a\""), "{said}");
        assert!(ours.difference(&normal(json!({ "agents": { "nodes": [] } }))).is_some());
    }
}
