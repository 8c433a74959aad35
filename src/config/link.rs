//! Checks that need more than one part: a flow's ends exist and agree, its mappings exist, its conditions read fields that exist.
//!
//! Not here: shapes (each part's decoder), settings (`connection`).

use crate::connector::manifest::references::{self, Reference};
use crate::connector::manifest::{Stream, StreamEntity};
use crate::mapping::expr::Expression;
use crate::model::{Entity, FieldPath, FieldType, schema};

use super::connection::Connection;
use super::flow::{Deliver, Endpoint, Flow, WrittenFlow};
use super::mappings::Mappings;
use super::ownership::unknown_field;
use super::retry::RetryPolicy;
use super::yaml::{Diagnostic, Diagnostics, Spanned, suggest};

/// What flows are linked against. `declared` also names connections that could not be linked: a flow that uses one is not
/// blamed for it.
pub(super) struct Links<'a> {
    pub(super) connections: &'a [Connection],
    pub(super) declared: &'a [&'a str],
    pub(super) policies: &'a [RetryPolicy],
}

/// What `publish` may read: the named states of a level, and what was sold but not yet known to the source.
const PUBLISH_ROOTS: [&str; 5] = ["on_hand", "available", "committed", "incoming", "safety_stock"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    From,
    To,
}

impl Links<'_> {
    pub(super) fn flow(
        &self,
        name: Spanned<String>,
        written: WrittenFlow,
        mappings: &mut Mappings<'_>,
        problems: &mut Diagnostics,
    ) -> Option<Flow> {
        let from = self.stream(&written.from, Side::From, problems);
        let to = self.stream(&written.to, Side::To, problems);
        let retry = self.policy(written.retry.as_ref(), problems);
        if written.from.value == written.to.value {
            let message = format!("flow `{}` leads back to where it comes from", *name);
            problems.push(Diagnostic::new(&written.to.place, message).help("name another stream"));
        }
        let entity = from.and_then(|(_, stream)| source_entity(stream, &written.from, problems));
        if let (Some(entity), Some((_, stream))) = (entity, to) {
            agree(entity, stream, &written, problems);
        }
        if let Some((connection, stream)) = from {
            mapping(connection, stream, &written.from, Side::From, mappings, problems);
        }
        if let Some((connection, stream)) = to {
            mapping(connection, stream, &written.to, Side::To, mappings, problems);
        }
        if let Some(entity) = entity {
            expressions(entity, &written, problems);
            if let Some((connection, _)) = to {
                mirrors(entity, connection, &written, mappings, problems);
            }
        }
        Some(Flow {
            name,
            from: written.from.value,
            to: written.to.value,
            entity: entity?,
            when: written.when,
            needs: written.needs,
            deliver: written.deliver,
            mode: written.mode?,
            retry: retry?,
            freshness: written.freshness,
            brake: written.brake.map(|brake| brake.value).unwrap_or_default(),
            publish: written.publish,
        })
    }

    fn stream(
        &self,
        end: &Spanned<Endpoint>,
        side: Side,
        problems: &mut Diagnostics,
    ) -> Option<(&Connection, &Stream)> {
        let mut report = |message: String, help: String| problems.push(Diagnostic::new(&end.place, message).help(help));
        let Some(connection) = self.connections.iter().find(|connection| *connection.name == end.connection) else {
            if !self.declared.contains(&end.connection.as_str()) {
                let message = format!("no connection is named `{}`", end.connection.escape_debug());
                report(message, suggest(&end.connection, self.declared));
            }
            return None;
        };
        let connector = connection.manifest.name.as_str();
        let usable = |stream: &&Stream| match side {
            Side::From => stream.is_source(),
            Side::To => stream.is_sink(),
        };
        let names: Vec<&str> =
            connection.manifest.streams.iter().filter(usable).map(|stream| stream.name.as_str()).collect();
        match (connection.manifest.stream(&end.stream), side) {
            (Some(stream), _) if usable(&stream) => return Some((connection, stream)),
            (Some(_), Side::From) => {
                report(
                    format!("stream `{}` of connector `{connector}` cannot be read", end.stream),
                    suggest("", &names),
                );
            }
            (Some(_), Side::To) => {
                report(
                    format!("stream `{}` of connector `{connector}` cannot be written", end.stream),
                    suggest("", &names),
                );
            }
            (None, _) => {
                let message = format!("connector `{connector}` has no stream `{}`", end.stream.escape_debug());
                report(message, suggest(&end.stream, &names));
            }
        }
        None
    }

    fn policy(&self, name: Option<&Spanned<String>>, problems: &mut Diagnostics) -> Option<RetryPolicy> {
        let wanted = name.map_or("standard", |name| name.as_str());
        let found = self.policies.iter().find(|policy| policy.name == wanted);
        if let (None, Some(name)) = (found, name) {
            let names: Vec<&str> = self.policies.iter().map(|policy| policy.name.as_str()).collect();
            let message = format!("no retry policy is named `{}`", name.escape_debug());
            problems.push(
                Diagnostic::new(&name.place, message).help(format!("{}; add it under `retry:`", suggest(name, &names))),
            );
        }
        found.cloned()
    }
}

/// A record passes two mappings: in by the source's, out by the destination's.
fn mapping(
    connection: &Connection,
    stream: &Stream,
    end: &Spanned<Endpoint>,
    side: Side,
    mappings: &mut Mappings<'_>,
    problems: &mut Diagnostics,
) {
    let Some(name) = connection.mapping_name(stream) else { return };
    let direction = match side {
        Side::From => "in",
        Side::To => "out",
    };
    let help = format!("add `{direction}:` to mappings/{name}.yaml");
    if !mappings.exists(&name) {
        let message = format!("{} needs mapping `{name}`, which does not exist", **end);
        problems.push(Diagnostic::new(&end.place, message).help(help));
        return;
    }
    let Some(mapping) = mappings.get(&name, problems) else { return };
    let described = match side {
        Side::From => mapping.maps_in(),
        Side::To => mapping.maps_out(),
    };
    if !described {
        let message = format!("mapping `{name}` has no direction `{direction}`, which {} needs", **end);
        problems.push(Diagnostic::new(&end.place, message).help(help));
    }
    if let StreamEntity::One(entity) = stream.entity
        && mapping.entity() != entity
    {
        let message =
            format!("mapping `{name}` is about {} records, {} about {entity} records", mapping.entity(), **end);
        problems.push(Diagnostic::new(&end.place, message).help("correct the stream's `mapping` or `entity`"));
    }
}

fn source_entity(stream: &Stream, end: &Spanned<Endpoint>, problems: &mut Diagnostics) -> Option<Entity> {
    match stream.entity {
        StreamEntity::One(entity) => Some(entity),
        StreamEntity::Any => {
            let message = format!("{} does not say which entity it brings", **end);
            problems.push(Diagnostic::new(&end.place, message).help("a flow starts at a stream with one entity"));
            None
        }
    }
}

fn agree(entity: Entity, to: &Stream, written: &WrittenFlow, problems: &mut Diagnostics) {
    match to.entity {
        StreamEntity::Any => {}
        StreamEntity::One(taken) if taken == entity => {}
        StreamEntity::One(taken) => {
            let message = format!("{} brings {entity} records, {} takes {taken} records", *written.from, *written.to);
            problems.push(Diagnostic::new(&written.to.place, message).help("choose streams of the same entity"));
        }
    }
}

fn expressions(entity: Entity, written: &WrittenFlow, problems: &mut Diagnostics) {
    if let Some(when) = &written.when {
        let known: Vec<&str> = schema(entity).fields.iter().map(|field| field.name).chain(["extra"]).collect();
        for Reference { root, member, whole: _ } in references::of_expression(when) {
            if root != "record" {
                let message = format!("`{}` does not exist in a flow's condition", root.escape_debug());
                problems.push(Diagnostic::new(&when.place, message).help("conditions read `record.<field>`"));
            } else if let Some(member) = member.filter(|member| !known.contains(&member.as_str())) {
                let message = format!("{entity} has no field `{}`", member.escape_debug());
                problems.push(Diagnostic::new(&when.place, message).help(suggest(&member, &known)));
            }
        }
    }
    for need in &written.needs {
        if let Err(error) = FieldPath::parse(entity, need) {
            problems.push(unknown_field(need, &error));
        }
    }
    if let Some(publish) = &written.publish {
        publish_rule(entity, written, publish, problems);
    }
    if let Some(brake) = &written.brake
        && brake.zero_stock.is_some()
        && entity != Entity::InventoryLevel
    {
        let message = format!("`zero_stock` counts stock levels, but the flow carries {entity} records");
        problems.push(Diagnostic::new(&brake.place, message).help("write `changes_per_run`, or remove it"));
    }
}

/// What a record refers to is found at the destination by the hub's mirror of it: the streams that fill the mirror are read
/// although no flow begins there.
fn mirrors(
    entity: Entity,
    connection: &Connection,
    written: &WrittenFlow,
    mappings: &mut Mappings<'_>,
    problems: &mut Diagnostics,
) {
    let referred = written.needs.iter().filter_map(|need| {
        let path = FieldPath::parse(entity, need).ok()?;
        if let FieldType::Ref(referred) = path.ty() { Some(*referred) } else { None }
    });
    for referred in referred {
        let mirrored = |stream: &&Stream| stream.is_source() && stream.entity == StreamEntity::One(referred);
        for stream in connection.manifest.streams.iter().filter(mirrored) {
            if let Some(name) = connection.mapping_name(stream).filter(|name| mappings.exists(name)) {
                mappings.get(&name, problems);
            }
        }
    }
}

fn publish_rule(entity: Entity, written: &WrittenFlow, publish: &Spanned<Expression>, problems: &mut Diagnostics) {
    let mut report = |message: String, help: String| problems.push(Diagnostic::new(&publish.place, message).help(help));
    if entity != Entity::InventoryLevel {
        report(format!("`publish` computes stock, but the flow carries {entity} records"), "remove it".to_owned());
        return;
    }
    if written.deliver == Deliver::Every {
        report("`publish` states a level, so only the newest counts".to_owned(), "add `deliver: latest`".to_owned());
    }
    for reference in references::of_expression(publish) {
        if !PUBLISH_ROOTS.contains(&reference.root.as_str()) {
            report(
                format!("`{}` is not a stock state", reference.root.escape_debug()),
                suggest(&reference.root, &PUBLISH_ROOTS),
            );
        }
    }
    if publish.source().contains('(') && publish.source().contains("buffer") {
        report(
            "`buffer` is not a function".to_owned(),
            "subtract the number itself: `on_hand - committed - 2`".to_owned(),
        );
    }
}
