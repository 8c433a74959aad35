//! What is written on a job that can go no further: cause, fingerprint, next step; pure. Not here: failures of calls (see
//! `outcome`).

use super::outcome::gist;
use crate::mapping::MappingError;
use crate::model::ErrorClass;
use crate::store::{Claimed, DeadLetter};

pub(super) fn name(job: &Claimed) -> String {
    format!("{} {}/{} (revision {})", job.entity, job.source.connection, job.source.key, job.revision)
}

pub(super) fn gone(job: &Claimed) -> DeadLetter {
    DeadLetter {
        scope: job.flow.clone(),
        class: ErrorClass::Data,
        fingerprint: format!("{}/gone", job.flow),
        title: format!("{}: the flow or its destination {} is no longer configured", job.flow, job.lane),
        detail: format!("{} was still owed to {}", name(job), job.lane),
        next_step: "restore the flow and retry, or discard with a reason".to_owned(),
    }
}

pub(super) fn unreadable(job: &Claimed, cause: &str) -> DeadLetter {
    if job.edited.is_some() {
        return DeadLetter {
            scope: job.flow.clone(),
            class: ErrorClass::Data,
            fingerprint: format!("{}/edited/{}", job.flow, gist(cause)),
            title: format!("{}: an edited record does not fit its schema", job.flow),
            detail: format!("{}: {cause}", name(job)),
            next_step: "edit it again: the canonical record, not what is sent".to_owned(),
        };
    }
    DeadLetter {
        scope: job.flow.clone(),
        class: ErrorClass::Data,
        fingerprint: format!("{}/record/{}", job.flow, gist(cause)),
        title: format!("{}: a stored record does not fit its schema", job.flow),
        detail: format!("{}: {cause}", name(job)),
        next_step: "replay it from its source after an upgrade or a change of mapping".to_owned(),
    }
}

/// `what` names the record that this one refers to.
pub(super) fn unreadable_reference(job: &Claimed, what: &str, cause: &str) -> DeadLetter {
    DeadLetter {
        scope: job.flow.clone(),
        class: ErrorClass::Data,
        fingerprint: format!("{}/reference/{}", job.flow, gist(cause)),
        title: format!("{}: a stored record that others refer to does not fit its schema", job.flow),
        detail: format!("{} refers to {what}, whose stored record cannot be read: {cause}", name(job)),
        next_step: format!("have {what} read again from its source, then retry"),
    }
}

pub(super) fn unmappable(job: &Claimed, error: &MappingError) -> DeadLetter {
    DeadLetter {
        scope: job.flow.clone(),
        class: error.class(),
        fingerprint: mapping_fingerprint(&job.flow, error),
        title: format!("{}: {error}", job.flow),
        detail: format!("{}: {error}", name(job)),
        next_step: "correct the mapping or the record at its source, then retry".to_owned(),
    }
}

/// What failures of one mapping with the same cause share.
pub fn mapping_fingerprint(scope: &str, error: &MappingError) -> String {
    match error.unmapped_value() {
        Some((crosswalk, value)) => format!("{scope}/unmapped/{crosswalk}/{value}"),
        None => format!("{scope}/map/{}/{}/{}", error.mapping, gist(&error.to), gist(&error.fault.to_string())),
    }
}

pub(super) fn unsupported(job: &Claimed) -> DeadLetter {
    let what = if job.deleted { "delete" } else { "write" };
    DeadLetter {
        scope: job.flow.clone(),
        class: ErrorClass::Data,
        fingerprint: format!("{}/unsupported/{what}", job.flow),
        title: format!("{}: {} has no operation to {what} {}", job.flow, job.lane, job.stream),
        detail: format!("{} cannot be delivered", name(job)),
        next_step: format!("add the operation to the connector's stream {}, then retry", job.stream),
    }
}

/// The edit has a key of its own, which protects nothing of what was sent under the former one.
pub(super) fn edited_in_doubt(job: &Claimed) -> DeadLetter {
    DeadLetter {
        scope: job.flow.clone(),
        class: ErrorClass::UnknownOutcome,
        fingerprint: format!("{}/unknown/edited", job.flow),
        title: format!("{}: edited while the outcome of an earlier attempt is unknown", job.flow),
        detail: format!(
            "{}: {} may have it as it was before the edit; the edited record was not sent",
            name(job),
            job.lane
        ),
        next_step: format!(
            "look in {} whether it is there; then discard it here, or retry to send the edited record",
            job.lane
        ),
    }
}

pub(super) fn unresolvable(job: &Claimed) -> DeadLetter {
    DeadLetter {
        scope: job.flow.clone(),
        class: ErrorClass::UnknownOutcome,
        fingerprint: format!("{}/unknown/expired", job.flow),
        title: format!("{}: an outcome stayed unknown until the destination forgot the idempotency key", job.flow),
        detail: format!("{}: sending it again could apply it twice at {}", name(job), job.lane),
        next_step: format!("look in {} whether it is there; then discard it here, or retry to send it again", job.lane),
    }
}
