//! Plants mistakes in a leg: at most one per key, so that each key has one truth.
//!
//! Not here: what the mistakes are (`mutation`).

use std::collections::BTreeMap;

use fastrand::Rng;

use super::expected::Expected;
use super::leg::{Cluster, Leg};
use super::mutation::{Mutation, Scene};

/// Clusters that are tried for one mistake, at most: some apply only to a few.
const MOST_TRIES: usize = 400;

/// Partners that are tried for a mistake that takes two.
const MOST_PARTNERS: usize = 10;

/// Plants each of `mutations` `times`, as far as there are clusters that it applies to.
pub fn plant(leg: &mut Leg, mutations: &[Mutation], times: usize, seed: u64) {
    let mut rng = Rng::with_seed(seed);
    // What the month left open by itself is no ground for mistakes: its truth is told already.
    let mut free: Vec<usize> =
        (0..leg.clusters.len()).filter(|at| leg.clusters[*at].sides.iter().all(|lines| !lines.is_empty())).collect();
    rng.shuffle(&mut free);
    let mut spoiled: BTreeMap<usize, Cluster> = BTreeMap::new();
    let mut added = Vec::new();
    let days = leg.days;
    for _ in 0..times {
        for mutation in mutations {
            let mut scene = Scene { kind: leg.kind, days: &days, rng: &mut rng, mutation: *mutation };
            if let Some((clusters, new, expected)) = find(&mut scene, &leg.clusters, &free) {
                free.retain(|at| clusters.iter().all(|(taken, _)| taken != at));
                spoiled.extend(clusters);
                added.extend(new);
                leg.expected.extend(expected);
            }
        }
    }
    for (at, cluster) in spoiled {
        leg.clusters[at] = cluster;
    }
    leg.clusters.extend(added);
}

/// Spoiled clusters by number, one that is new, and the truth about them.
type Planted = (Vec<(usize, Cluster)>, Option<Cluster>, Vec<Expected>);

/// The first clusters, from the back, that the mistake applies to.
fn find(scene: &mut Scene<'_>, clusters: &[Cluster], free: &[usize]) -> Option<Planted> {
    let about_time = [Mutation::LateArrival, Mutation::StatusLag].contains(&scene.mutation);
    let fits = |at: &usize| about_time || scene.is_old(&clusters[*at]);
    // Only those at the month's end can be late for it: they are looked for further.
    let most = if about_time { clusters.len() } else { MOST_TRIES };
    let tried: Vec<usize> = free.iter().rev().copied().filter(fits).take(most).collect();
    tried.iter().enumerate().find_map(|(tries, at)| {
        let cluster = &clusters[*at];
        if let Some((spoiled, expected)) = scene.spoil(cluster) {
            return Some((vec![(*at, spoiled)], None, expected));
        }
        if let Some((new, expected)) = scene.orphan(cluster) {
            return Some((vec![(*at, cluster.clone())], Some(new), expected));
        }
        tried.iter().skip(tries + 1).take(MOST_PARTNERS).find_map(|other| {
            let [(one, mut expected), (second, more)] = scene.spoil_two(cluster, &clusters[*other])?;
            expected.extend(more);
            Some((vec![(*at, one), (*other, second)], None, expected))
        })
    })
}
