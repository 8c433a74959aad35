//! A kept run as its tests ask it.

use serde_json::Value;

/// A kept run.
pub struct Run {
    pub id: i64,
    pub report: Value,
}

impl Run {
    fn of(&self, list: &str) -> Vec<&Value> {
        let mut items: Vec<&Value> = self.report[list].as_array().unwrap().iter().collect();
        items.sort_by_key(|item| item["key"].as_str().map(str::to_owned));
        items
    }

    /// What was sent again: before, now, and what was done.
    pub fn heals(&self) -> Vec<[&str; 3]> {
        let lines = self.report["heals"].as_array().unwrap();
        lines.iter().map(|line| ["before", "after", "action"].map(|name| line[name].as_str().unwrap())).collect()
    }

    /// Key and code of each.
    pub fn breaks(&self) -> Vec<(&str, &str)> {
        self.of("breaks").iter().map(|item| (item["key"].as_str().unwrap(), item["code"].as_str().unwrap())).collect()
    }

    pub fn in_flight(&self) -> Vec<&str> {
        self.of("in_flight").iter().map(|item| item["key"].as_str().unwrap()).collect()
    }

    pub fn carried_by(&self, key: &str) -> String {
        let all = [self.of("breaks"), self.of("in_flight")].concat();
        let item = all.into_iter().find(|item| item["key"] == key).unwrap();
        item["carried_by"].as_str().unwrap_or_default().to_owned()
    }

    pub fn rows(&self) -> Vec<u64> {
        self.report["figures"]["rows"].as_array().unwrap().iter().map(|rows| rows.as_u64().unwrap()).collect()
    }

    /// Rows that are out of scope or could not be made, each with why.
    pub fn set_aside(&self) -> Vec<String> {
        let of = |list: &str| {
            let rows = self.report[list].as_array().unwrap().iter();
            rows.map(|row| format!("{list} {}", row["why"].as_str().unwrap())).collect::<Vec<_>>()
        };
        [of("excluded"), of("rejected")].concat()
    }

    pub fn residuals(&self) -> Vec<&str> {
        let tables = self.report["tie_out"].as_array().unwrap();
        tables.iter().map(|table| table["residual"]["decimal"].as_str().unwrap()).collect()
    }

    pub fn status(&self) -> &str {
        self.report["cover"]["status"].as_str().unwrap()
    }

    pub fn findings(&self) -> Vec<String> {
        let findings = self.report["cover"]["findings"].as_array().unwrap();
        findings
            .iter()
            .map(|found| format!("{}: {}", found["code"].as_str().unwrap(), found["text"].as_str().unwrap()))
            .collect()
    }
}
