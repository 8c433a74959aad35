use crate::bench::*;
pub async fn random_work_matches_the_reference(_bench: &impl Bench) {}
