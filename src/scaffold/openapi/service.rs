//! Where the vendor's service is and how one logs in: `servers` and security schemes as settings and `http`.
//!
//! Not here: streams.

use super::document::{Document, Edition};
use crate::config::yaml::Node;
use crate::scaffold::note::Notes;
use crate::scaffold::text::{one_line, quoted, scalar};

/// A setting of the connection: its line in the manifest, and its value in `fixtures/settings.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) name: String,
    pub(super) line: String,
    pub(super) sample: String,
}

pub(super) fn setting(name: &str, line: &str, sample: &str) -> Setting {
    Setting { name: name.to_owned(), line: line.to_owned(), sample: sample.to_owned() }
}

fn secret(name: &str, title: &str) -> Setting {
    let sample = format!("fixture-{}-5d0c9e7b21", name.replace('_', "-"));
    setting(name, &format!("{{ secret: true, title: {title} }}"), &sample)
}

#[derive(Debug, Default)]
pub(super) struct Service {
    /// Path behind the host, without a slash at the end.
    pub(super) path: String,
    pub(super) base_url: Option<String>,
    pub(super) settings: Vec<Setting>,
    /// The value of `auth`, and comment lines before it.
    pub(super) auth: String,
    pub(super) auth_comments: Vec<String>,
    /// What the log-in asks first: (path, whether it lies at the local vendor).
    pub(super) token_path: Option<String>,
    /// Header that a call carries, for fixtures.
    pub(super) proof: Option<(String, String)>,
}

pub(super) fn service(document: &Document, notes: &mut Notes) -> Service {
    let mut service = Service::default();
    address(document, &mut service, notes);
    security(document, &mut service, notes);
    service
}

fn address(document: &Document, service: &mut Service, notes: &mut Notes) {
    let root = document.root();
    let url = match document.edition {
        Edition::OpenApi3 => {
            root.get("servers").and_then(Node::seq).and_then(|servers| servers.first()).and_then(server)
        }
        Edition::Swagger2 => root.get("host").and_then(Node::as_str).map(|host| {
            let schemes = root.get("schemes").and_then(Node::seq).unwrap_or_default();
            let plain = !schemes.is_empty() && schemes.iter().all(|scheme| scheme.as_str() == Some("http"));
            let path = root.get("basePath").and_then(Node::as_str).unwrap_or_default();
            format!("{}://{host}{path}", if plain { "http" } else { "https" })
        }),
    };
    let url = url.unwrap_or_default();
    let url = url.trim_end_matches('/');
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.starts_with('/') && !url.contains(['{', '}', ' ']) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            let scheme = &url[..url.len() - rest.len()];
            service.base_url = Some(format!("{scheme}{host}"));
            service.path = if path.is_empty() { String::new() } else { format!("/{path}") };
        }
        Some(_) | None => {
            service.path =
                if url.starts_with('/') && !url.contains(['{', '}', ' ']) { url.to_owned() } else { String::new() };
            notes.missing(
                "address",
                "the document names no absolute server address: the connection has to state `base_url`",
            );
        }
    }
    if root.get("servers").and_then(Node::seq).is_some_and(|servers| servers.len() > 1) {
        notes.choose("address", "the document names several servers; the first was taken");
    }
}

/// Variables stand for their defaults.
fn server(server: &Node) -> Option<String> {
    let mut url = server.get("url")?.as_str()?.to_owned();
    for entry in server.get("variables").and_then(Node::entries).unwrap_or_default() {
        if let Some(default) = entry.value.get("default").and_then(Node::as_str) {
            url = url.replace(&format!("{{{}}}", entry.key), default);
        }
    }
    Some(url)
}

fn security(document: &Document, service: &mut Service, notes: &mut Notes) {
    let root = document.root();
    let schemes = match document.edition {
        Edition::OpenApi3 => root.get("components").and_then(|components| components.get("securitySchemes")),
        Edition::Swagger2 => root.get("securityDefinitions"),
    };
    let schemes = schemes.and_then(Node::entries).unwrap_or_default();
    let asked: Vec<&str> = root
        .get("security")
        .and_then(Node::seq)
        .unwrap_or_default()
        .iter()
        .filter_map(Node::entries)
        .flatten()
        .map(|entry| entry.key.as_str())
        .collect();
    let rank = |name: &str| asked.iter().position(|known| *known == name).unwrap_or(usize::MAX);
    let mut ordered: Vec<_> = schemes.iter().collect();
    ordered.sort_by_key(|entry| rank(&entry.key));
    for entry in &ordered {
        let Some(scheme) = document.resolve(&entry.value) else { continue };
        if scheme_of(service, scheme, notes) {
            if ordered.len() > 1 {
                let names: Vec<String> = ordered.iter().map(|entry| one_line(&entry.key, 40)).collect();
                let text = format!("the document names {}; `{}` was taken", names.join(", "), one_line(&entry.key, 40));
                notes.choose("auth", &text);
                service.auth_comments.push(format!("# choose: {text}"));
            }
            return;
        }
    }
    "{ scheme: none }".clone_into(&mut service.auth);
    let text = "the document names no way of logging in that is known here";
    notes.missing("auth", text);
    service.auth_comments.push(format!("# choose: {text}"));
}

/// Whether it is one of ours.
fn scheme_of(service: &mut Service, scheme: &Node, notes: &mut Notes) -> bool {
    let text = |key: &str| scheme.get(key).and_then(Node::as_str);
    match (text("type"), text("in"), text("name"), text("scheme").map(str::to_ascii_lowercase).as_deref()) {
        (Some("apiKey"), Some("header"), Some(name), _) => {
            service.settings.push(secret("api_key", "API key"));
            service.auth = format!("{{ scheme: header, name: {}, value: \"{{settings.api_key}}\" }}", scalar(name));
            service.proof = Some((name.to_ascii_lowercase(), "fixture-api-key-5d0c9e7b21".to_owned()));
            if name.eq_ignore_ascii_case("authorization") {
                let text = "whether the value begins with a word such as `Bearer` or `Token` is not in the document";
                notes.choose("auth", text);
                service.auth_comments.push(format!("# choose: {text}"));
            }
        }
        (Some("apiKey"), Some("query"), Some(name), _) => {
            service.settings.push(secret("api_key", "API key"));
            service.auth = format!("{{ scheme: query, name: {}, value: \"{{settings.api_key}}\" }}", scalar(name));
        }
        (Some("apiKey"), Some("cookie"), Some(name), _) => {
            service.settings.push(secret("api_key", "API key"));
            service.auth = format!(
                "{{ scheme: header, name: Cookie, value: {} }}",
                quoted(&format!("{name}={{settings.api_key}}"))
            );
        }
        (Some("http"), _, _, Some("basic")) | (Some("basic"), _, _, _) => {
            service.settings.push(setting("username", "{ title: User name }", "fixture-user"));
            service.settings.push(secret("password", "Password"));
            "{ scheme: basic, username: \"{settings.username}\", password: \"{settings.password}\" }"
                .clone_into(&mut service.auth);
        }
        (Some("http"), _, _, Some("bearer")) => bearer(service),
        (Some("openIdConnect"), _, _, _) => {
            bearer(service);
            let text = "OpenID Connect: how the token is made is not in the document";
            notes.choose("auth", text);
            service.auth_comments.push(format!("# choose: {text}"));
        }
        (Some("oauth2"), _, _, _) => return oauth2(service, scheme, notes),
        (Some(_) | None, _, _, _) => return false,
    }
    true
}

fn bearer(service: &mut Service) {
    service.settings.push(secret("token", "API token"));
    "{ scheme: bearer, token: \"{settings.token}\" }".clone_into(&mut service.auth);
    service.proof = Some(("authorization".to_owned(), "Bearer fixture-token-5d0c9e7b21".to_owned()));
}

fn oauth2(service: &mut Service, scheme: &Node, notes: &mut Notes) -> bool {
    let flows = scheme.get("flows");
    let flow = |name: &str| flows.and_then(|flows| flows.get(name));
    let named = |names: [&str; 1]| {
        scheme.get("flow").and_then(Node::as_str).filter(|name| names.contains(name)).map(|_| scheme)
    };
    let machine = flow("clientCredentials").or_else(|| named(["application"]));
    let person = flow("authorizationCode").or_else(|| named(["accessCode"]));
    let (word, flow, refresh) = match (machine, person) {
        (Some(flow), _) => ("oauth2_client_credentials", flow, false),
        (None, Some(flow)) => ("oauth2_refresh", flow, true),
        (None, None) => {
            bearer(service);
            let text = "OAuth 2 with a flow for browsers only: a token from elsewhere is asked for";
            notes.choose("auth", text);
            service.auth_comments.push(format!("# choose: {text}"));
            return true;
        }
    };
    let Some(url) = flow.get("tokenUrl").and_then(Node::as_str) else { return false };
    let own = service.base_url.as_deref().unwrap_or_default();
    let behind = url
        .strip_prefix(own)
        .filter(|path| path.starts_with('/') && !path.starts_with("//"))
        .or_else(|| (url.starts_with('/') && !url.starts_with("//")).then_some(url));
    let template = match behind {
        Some(path) => {
            service.token_path = Some(path.to_owned());
            format!("{{settings.base_url}}{path}")
        }
        None => {
            // Another host than the API's: a setting, so that fixtures can play it too.
            service.settings.push(setting(
                "token_url",
                &format!("{{ format: url, default: {}, title: Where tokens are made }}", quoted(url)),
                "{base}/oauth/token",
            ));
            service.token_path = Some("/oauth/token".to_owned());
            "{settings.token_url}".to_owned()
        }
    };
    service.settings.push(setting("client_id", "{ title: Client id }", "fixture-client"));
    service.settings.push(secret("client_secret", "Client secret"));
    let mut auth = format!(
        "{{ scheme: {word}, token_url: {}, client_id: \"{{settings.client_id}}\", client_secret: \"{{settings.client_secret}}\"",
        quoted(&template)
    );
    if refresh {
        service.settings.push(secret("refresh_token", "Refresh token"));
        auth.push_str(", refresh_token: \"{settings.refresh_token}\"");
        let text = "the first refresh token comes from a person's consent, outside of the hub";
        notes.choose("auth", text);
        service.auth_comments.push(format!("# choose: {text}"));
    } else {
        let scopes: Vec<String> = flow
            .get("scopes")
            .and_then(Node::entries)
            .unwrap_or_default()
            .iter()
            .map(|entry| quoted(&entry.key))
            .collect();
        if !scopes.is_empty() {
            auth.push_str(&format!(", scopes: [{}]", scopes.join(", ")));
            let text = "all scopes that the document lists are asked for; keep those that are needed";
            notes.choose("auth", text);
            service.auth_comments.push(format!("# choose: {text}"));
        }
    }
    auth.push_str(" }");
    service.auth = auth;
    service.proof = Some(("authorization".to_owned(), "Bearer fixture-access-token-77a1".to_owned()));
    true
}
