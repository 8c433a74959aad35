//! The integration map: systems as boxes, flows as arrows between them, one row per flow; pure. Not here: what stale means.
//!
//! The system with the most flows stands in the middle as a tall box, its neighbours left and right of it. Flows between
//! two neighbours make a band of their own below, so that no arrow ever crosses a box.

use askama::Template;

use super::href;
use super::mark::{self, Mark};
use crate::api::resources::connections::ConnectionView;
use crate::api::resources::flows::FlowView;
use crate::api::{FlowMode, Level};
use crate::telemetry::moment;

const ROW: i64 = 54;
const GAP: i64 = 16;
const BOX: i64 = 168;
const ARROW: i64 = 268;

#[derive(Template)]
#[template(path = "map.html")]
pub(super) struct Map {
    pub width: i64,
    pub height: i64,
    pub nodes: Vec<Node>,
    pub edges: Vec<Edge>,
    /// Systems that no flow touches.
    pub loose: Vec<String>,
}

pub(super) struct Node {
    pub x: i64,
    pub y: i64,
    pub height: i64,
    pub id: String,
    pub title: String,
    pub mark: Mark,
}

impl Node {
    pub(super) fn middle(&self) -> i64 {
        self.y + self.height / 2
    }

    /// Below the middle of the box, for its second line.
    pub(super) fn below(&self) -> i64 {
        self.middle() + 16
    }

    pub(super) fn centre(&self) -> i64 {
        self.x + BOX / 2
    }
}

pub(super) struct Edge {
    pub left: i64,
    pub y: i64,
    /// Points to the right.
    pub forward: bool,
    pub name: String,
    pub href: String,
    pub mark: Mark,
    pub note: String,
    pub paused: bool,
    pub from: String,
    pub to: String,
}

impl Edge {
    pub(super) fn right(&self) -> i64 {
        self.left + ARROW
    }

    pub(super) fn middle(&self) -> i64 {
        self.left + ARROW / 2
    }

    /// Where the arrow's tip is, and which way it looks.
    pub(super) fn tip(&self) -> (i64, i64) {
        if self.forward { (self.right(), -9) } else { (self.left, 9) }
    }
}

pub(super) fn map(flows: &[FlowView], connections: &[ConnectionView]) -> Map {
    let mut map = Map { width: 0, height: 0, nodes: Vec::new(), edges: Vec::new(), loose: Vec::new() };
    let mut rest: Vec<&FlowView> = flows.iter().collect();
    while !rest.is_empty() {
        let core = busiest(&rest);
        let (band, other): (Vec<&FlowView>, Vec<&FlowView>) = rest.into_iter().partition(|flow| touches(flow, &core));
        map.add_band(&core, &band, connections);
        rest = other;
    }
    let touched = |id: &str| flows.iter().any(|flow| flow.from.connection == id || flow.to.connection == id);
    map.loose = connections.iter().filter(|connection| !touched(&connection.id)).map(|c| c.id.clone()).collect();
    map
}

fn touches(flow: &FlowView, id: &str) -> bool {
    flow.from.connection == id || flow.to.connection == id
}

/// The system with the most flows; the first by name among equals, so that the map keeps still.
fn busiest(flows: &[&FlowView]) -> String {
    let mut ids: Vec<&str> =
        flows.iter().flat_map(|flow| [flow.from.connection.as_str(), &flow.to.connection]).collect();
    ids.sort_unstable();
    ids.dedup();
    let count = |id: &str| flows.iter().filter(|flow| touches(flow, id)).count();
    ids.into_iter().rev().max_by_key(|id| count(id)).unwrap_or_default().to_owned()
}

fn neighbour<'f>(flow: &'f FlowView, core: &str) -> &'f str {
    if flow.from.connection == core { &flow.to.connection } else { &flow.from.connection }
}

/// Neighbours that mostly send stand left, those that mostly receive right, as long as both sides stay about as tall.
fn sides<'f>(core: &str, flows: &[&'f FlowView]) -> (Vec<&'f str>, Vec<&'f str>) {
    let mut ids: Vec<&str> = flows.iter().map(|flow| neighbour(flow, core)).collect();
    ids.sort_unstable();
    ids.dedup();
    let rows = |id: &str| flows.iter().filter(|flow| neighbour(flow, core) == id).count();
    let sends = |id: &str| flows.iter().filter(|flow| flow.from.connection == id && id != core).count();
    ids.sort_by_key(|id| (std::cmp::Reverse(sends(id) * 2), std::cmp::Reverse(rows(id))));
    let half = flows.len().div_ceil(2);
    let (mut left, mut right, mut taken) = (Vec::new(), Vec::new(), 0);
    for id in ids {
        if left.is_empty() || taken + rows(id) <= half {
            taken += rows(id);
            left.push(id);
        } else {
            right.push(id);
        }
    }
    (left, right)
}

impl Map {
    fn add_band(&mut self, core: &str, flows: &[&FlowView], connections: &[ConnectionView]) {
        let top = if self.height == 0 { 0 } else { self.height + GAP };
        let (left, right) = sides(core, flows);
        let core_x = BOX + ARROW;
        let left_height = self.add_side(&left, core, flows, top, 0, BOX, connections);
        let right_height = self.add_side(&right, core, flows, top, core_x + BOX + ARROW, core_x + BOX, connections);
        let height = left_height.max(right_height);
        self.nodes.push(node(core, core_x, top, height, connections));
        self.height = top + height;
        let width = if right.is_empty() { core_x + BOX } else { core_x + 2 * BOX + ARROW };
        self.width = self.width.max(width);
    }

    /// Boxes of one side and their arrows; returns how tall they are together.
    #[expect(clippy::too_many_arguments, reason = "coordinates of one drawing step")]
    fn add_side(
        &mut self,
        ids: &[&str],
        core: &str,
        flows: &[&FlowView],
        top: i64,
        box_x: i64,
        arrow_x: i64,
        connections: &[ConnectionView],
    ) -> i64 {
        let mut y = top;
        for id in ids {
            let own: Vec<&&FlowView> = flows.iter().filter(|flow| neighbour(flow, core) == *id).collect();
            let height = own.len() as i64 * ROW;
            self.nodes.push(node(id, box_x, y, height, connections));
            for (index, flow) in own.iter().enumerate() {
                let towards_core = flow.to.connection == core;
                let core_is_right = box_x < arrow_x;
                self.edges.push(edge(flow, arrow_x, y + index as i64 * ROW + ROW / 2, towards_core == core_is_right));
            }
            y += height + GAP;
        }
        (y - GAP - top).max(0)
    }
}

fn node(id: &str, x: i64, y: i64, height: i64, connections: &[ConnectionView]) -> Node {
    let known = connections.iter().find(|connection| connection.id == id);
    Node {
        x,
        y,
        height,
        id: id.to_owned(),
        title: known.map(|connection| connection.title.clone()).unwrap_or_default(),
        mark: known.map_or_else(|| Mark::new("unknown", Level::Warn), |connection| mark::health(connection.health)),
    }
}

fn edge(flow: &FlowView, left: i64, y: i64, forward: bool) -> Edge {
    let lag = match flow.freshness.lag_ms {
        0 => String::new(),
        ms => format!(", {} behind", moment::duration(ms.saturating_mul(1000))),
    };
    Edge {
        left,
        y,
        forward,
        name: shortened(&flow.name, 32),
        href: href::flow(&flow.name),
        mark: mark::freshness(flow.freshness.word),
        note: format!("{lag} · {} a day", moment::grouped(flow.done_24h)),
        paused: flow.mode == FlowMode::Paused,
        from: flow.from.connection.clone(),
        to: flow.to.connection.clone(),
    }
}

pub(super) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.to_owned(),
    }
}
