//! What differs between two configurations, in words for whoever put the second in force; not here: putting it in force.

use secrecy::ExposeSecret as _;

use super::connection::Connection;
use super::document::Config;
use super::flow::{Flow, Mode};

/// What a reload did, and what it could not do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// In force now: `flow orders-to-erp: mode paused -> live`.
    pub made: Vec<String>,
    /// Read, and in force at the next start only: `hub.listen`.
    pub at_restart: Vec<String>,
}

/// A part of a description, by name. Secrets stand in it only to be compared.
type Facts = Vec<(&'static str, String)>;

pub fn changes(before: &Config, after: &Config) -> Changes {
    let mut made = Vec::new();
    let connections = |config: &Config| {
        let described =
            config.connections.iter().map(|connection| (connection.name.value.clone(), connection_facts(connection)));
        described.collect::<Vec<_>>()
    };
    let flows = |config: &Config| {
        config.flows.iter().map(|flow| (flow.name.value.clone(), flow_facts(flow))).collect::<Vec<_>>()
    };
    compare("connection", &connections(before), &connections(after), &mut made);
    compare("flow", &flows(before), &flows(after), &mut made);
    for (what, differs) in [
        ("ownership", format!("{:?}", owned(before)) != format!("{:?}", owned(after))),
        ("hub.public_url", before.hub.public_url != after.hub.public_url),
        ("hub.limits.retention", before.hub.limits.retention != after.hub.limits.retention),
    ] {
        made.extend(differs.then(|| format!("{what} changed")));
    }
    if made.is_empty() && before.version != after.version {
        made.push("connectors, mappings or comments changed".to_owned());
    }
    Changes { made, at_restart: at_restart(before, after) }
}

fn owned(config: &Config) -> Vec<(String, String, String)> {
    let rule = |rule: &super::Ownership| (rule.entity.to_string(), rule.path.clone(), rule.owner.value.clone());
    config.ownership.iter().map(rule).collect()
}

fn at_restart(before: &Config, after: &Config) -> Vec<String> {
    let (old, new) = (&before.hub, &after.hub);
    let but_retention = super::Limits { retention: old.limits.retention, ..new.limits.clone() };
    let keys = [
        ("hub.listen", old.listen != new.listen),
        // Its address may hold a password, so that it is compared and not shown.
        ("hub.database", database(before) != database(after)),
        ("hub.data_dir", old.data_dir != new.data_dir),
        ("hub.limits", old.limits != but_retention),
        ("hub.log", old.log != new.log),
    ];
    keys.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key.to_owned()).collect()
}

fn database(config: &Config) -> String {
    match &config.hub.database {
        super::Database::Sqlite { path } => path.display().to_string(),
        super::Database::Postgres { url } => url.expose_secret().to_owned(),
    }
}

fn compare(kind: &str, before: &[(String, Facts)], after: &[(String, Facts)], changes: &mut Vec<String>) {
    for (name, _) in before.iter().filter(|(name, _)| !after.iter().any(|(other, _)| other == name)) {
        changes.push(format!("{kind} {name}: removed"));
    }
    for (name, facts) in after {
        match before.iter().find(|(other, _)| other == name) {
            None => changes.push(format!("{kind} {name}: added")),
            Some((_, former)) => {
                let differing = former.iter().zip(facts).filter(|(old, new)| old != new);
                changes.extend(differing.map(|((what, old), (_, new))| match *what {
                    // May hold secrets, or more than a line.
                    "settings" | "secrets" | "rate_limit" => format!("{kind} {name}: {what} changed"),
                    _ => format!("{kind} {name}: {what} {} -> {}", shown(old), shown(new)),
                }));
            }
        }
    }
}

fn shown(value: &str) -> &str {
    if value.is_empty() { "none" } else { value }
}

fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

fn flow_facts(flow: &Flow) -> Facts {
    let mode = match flow.mode {
        Mode::Canary { share } => format!("canary {}.{:02}%", share.basis_points / 100, share.basis_points % 100),
        mode @ (Mode::Shadow | Mode::Live | Mode::Paused) => mode.as_str().to_owned(),
    };
    let source = |expression: &Option<super::yaml::Spanned<crate::mapping::expr::Expression>>| {
        expression.as_ref().map(|expression| expression.source().to_owned()).unwrap_or_default()
    };
    vec![
        ("from", flow.from.to_string()),
        ("to", flow.to.to_string()),
        ("mode", mode),
        ("when", source(&flow.when)),
        ("needs", list(flow.needs.iter().map(|need| need.value.as_str()))),
        ("deliver", flow.deliver.as_str().to_owned()),
        ("publish", source(&flow.publish)),
        (
            "retry",
            format!(
                "{} {:?} {:?} {:?}",
                flow.retry.name, flow.retry.first_delay, flow.retry.max_delay, flow.retry.give_up_after
            ),
        ),
        ("freshness", flow.freshness.map(|objective| format!("{objective:?}")).unwrap_or_default()),
        ("brake", brake(flow)),
    ]
}

fn brake(flow: &Flow) -> String {
    let limits = [("changes_per_run", flow.brake.changes_per_run), ("zero_stock", flow.brake.zero_stock)];
    list(limits.into_iter().filter_map(|(name, share)| {
        let share = share?;
        Some(format!("{name} {}.{:02}%", share.basis_points / 100, share.basis_points % 100))
    }))
}

fn connection_facts(connection: &Connection) -> Facts {
    let secrets: Vec<&str> = connection.secrets().map(|secret| secret.expose_secret()).collect();
    let rate_limit = connection.manifest.http.as_ref().map(|http| format!("{:?}", http.rate_limit));
    vec![
        ("connector", connection.manifest.name.value.clone()),
        ("enabled", connection.enabled.to_string()),
        ("settings", connection.settings.masked().to_string()),
        ("secrets", secrets.join("\n")),
        ("allow_hosts", list(connection.allow_hosts.iter().map(|host| host.name.as_str()))),
        ("allow_networks", list(&connection.allow_networks)),
        ("polls", list(connection.polls.iter().map(|(stream, every)| format!("{stream} {every:?}")))),
        ("rate_limit", rate_limit.unwrap_or_default()),
        ("sftp", connection.sftp.as_ref().map(|sftp| format!("{sftp:?}")).unwrap_or_default()),
    ]
}
