//! Syncline: an integration hub that keeps storefronts, ERPs and payment processors in agreement.
//!
//! ARCHITECTURE.md is the map: one way through the house, from inbox to delivery, and what never happens on it.

pub mod api;
pub mod broker;
pub mod cli;
pub mod config;
pub mod conformance;
pub mod connector;
pub mod deliver;
pub mod finance;
pub mod hub;
pub mod intake;
pub mod mapping;
pub mod model;
pub mod process;
pub mod queue;
pub mod recon;
pub mod rehearse;
pub mod sandbox;
pub mod scaffold;
pub mod schemas;
pub mod store;
pub mod telemetry;
pub mod web;
