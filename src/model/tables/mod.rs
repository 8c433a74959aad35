//! The field tables of all entities: the canonical schema, stated once.
//!
//! Not here: behaviour.

pub(super) mod commerce;
pub(super) mod finance;
pub(super) mod goods;
