//! Proves that nothing in the copied configuration can lead off this machine or out of the copy's folder.
//!
//! Not here: redirecting (`manifest_copy`). What cannot be redirected is switched off and named in the report.

use crate::config::Connection;
use crate::connector::manifest::references::{self, Reference};
use crate::connector::manifest::{Auth, Manifest, Read, Request, Step, Stream, Write};

use super::manifest_copy::{FOLDER, URL};
use super::routes::requests;

/// Why a connector cannot be led to a stand-in: a program, or an address that only data tells.
pub(super) fn cannot_redirect(manifest: &Manifest) -> Option<String> {
    if manifest.process.is_some() {
        return Some("it runs a program, which could lead anywhere".to_owned());
    }
    if manifest.sql.is_some() {
        return Some("it reads and writes a database, for which there is no stand-in".to_owned());
    }
    requests(manifest).into_iter().map(|(_, request)| request.path.as_str()).find(|path| path.starts_with('{')).map(
        |path| format!("the address of a request, `{path}`, is known only while it runs, so it could lead anywhere"),
    )
}

/// Why a stand-in cannot answer what this stream's writes ask first: a whole answer is worked on, whose form only the vendor knows.
pub(super) fn cannot_invent(stream: &Stream) -> Option<String> {
    let Some(Write::Http(write)) = &stream.write else { return None };
    write.operations.iter().find_map(|operation| {
        let read = references::of_request(&operation.request);
        let whole = |step: &&Step| {
            let named = |r: &Reference| r.root == "steps" && r.member.as_deref() == Some(step.name.as_str());
            read.iter().any(|reference| reference.whole && named(reference))
        };
        let step = operation.steps.iter().find(whole)?;
        Some(format!("its writes work on all that `{}` answers, which a stand-in cannot make up", *step.name))
    })
}

/// What still leads away; `None` for a connection that is safe to use.
pub(super) fn leads_away(connection: &Connection, stand_in: &str, folder: &str) -> Option<String> {
    let manifest = &connection.manifest;
    if let Some(http) = &manifest.http {
        let expected = format!("{{settings.{URL}}}");
        let base = connection.settings.text(URL).unwrap_or_default();
        if http.base_url.as_str() != expected || !base.starts_with(stand_in) {
            return Some(format!("its base address is `{}`", http.base_url.as_str()));
        }
        match http.auth.chosen(|name| connection.settings.text(name)).unwrap_or(&http.auth) {
            Auth::OAuth2(_) => return Some("it asks another address for a token".to_owned()),
            Auth::Session(_) => return Some("it logs in before it calls, which a stand-in does not answer".to_owned()),
            Auth::Choose(_) => return Some("no way of logging in is chosen".to_owned()),
            Auth::None
            | Auth::Header { .. }
            | Auth::Query { .. }
            | Auth::Basic { .. }
            | Auth::Bearer { .. }
            | Auth::OAuth1(_) => {}
        }
        if http.csrf.is_some() || http.tls.is_some() {
            return Some("its handshake (`csrf`, `tls`) is one that a stand-in does not take part in".to_owned());
        }
    }
    let absolute = |request: &&Request| !request.path.as_str().is_empty() && !request.path.as_str().starts_with('/');
    if let Some(request) = requests(manifest).into_iter().map(|(_, request)| request).find(absolute) {
        return Some(format!("a request goes to `{}`", request.path.as_str()));
    }
    let own = format!("{{settings.{FOLDER}}}/");
    let inside = connection.settings.text(FOLDER).is_some_and(|text| text.starts_with(folder));
    let folders = manifest.streams.iter().flat_map(|stream| {
        let read = match &stream.read {
            Some(Read::File(read)) => Some(read.folder.as_str()),
            Some(Read::Http(_) | Read::Process(_) | Read::Sql(_)) | None => None,
        };
        let write = match &stream.write {
            Some(Write::File(write)) => Some(write.folder.as_str()),
            Some(Write::Http(_) | Write::Process(_) | Write::Sql(_)) | None => None,
        };
        [read, write].into_iter().flatten()
    });
    let mut folders = folders.filter(|folder| !inside || !folder.starts_with(&own));
    folders.next().map(|folder| format!("files go to `{folder}`"))
}
