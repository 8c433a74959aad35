//! `syncline demo`: the hub beside sandbox vendors that misbehave, and the comparison of all their ledgers.

pub mod installation;
