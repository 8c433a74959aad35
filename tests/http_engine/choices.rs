//! One connector with several ways of logging in, of which a setting chooses one.

use std::collections::BTreeMap;
use std::sync::Arc;

use syncline::config::yaml::Source;
use syncline::connector::connection::Connection;
use syncline::connector::manifest::{Manifest, SettingProblem, SettingValues};

use crate::setup::options;
use crate::vendor::{Asked, Vendor, json};

const SETTINGS: &str = "  url: { format: url }\n  login: { type: enum, values: [key, oauth] }\n  api_key: { secret: true }\n  client_id: {}\n  client_secret: { secret: true }\n  tenant: {}\n";
const WAYS: &str = "{ key: { scheme: header, name: X-Key, value: \"{settings.api_key}\" }, oauth: { scheme: oauth2_client_credentials, token_url: \"{settings.url}/token\", client_id: \"{settings.client_id}\", client_secret: \"{settings['client_secret']}\", extra: { tenant: \"{settings.tenant}\" } } }";

fn text(settings: &str, choose: &str, ways: &str) -> String {
    format!(
        "connector: fake\ntitle: Fake\nsettings:\n{settings}http:\n  base_url: \"{{settings.url}}\"\n  headers: {{ X-Tenant: \"{{settings.tenant}}\" }}\n  auth: {{ choose: \"{choose}\", ways: {ways} }}\ncheck: {{ get: /me }}\nstreams:\n  orders:\n    entity: order\n    write:\n      set: {{ post: /orders }}\n"
    )
}

fn manifest() -> Arc<Manifest> {
    match Manifest::parse(&Source::new("fake.yaml", text(SETTINGS, "{settings.login}", WAYS))) {
        Ok(manifest) => Arc::new(manifest),
        Err(problems) => panic!("{problems}"),
    }
}

fn complete(pairs: &[(&str, &str)]) -> Result<SettingValues, Vec<SettingProblem>> {
    let given: BTreeMap<String, String> =
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    SettingValues::complete(&manifest().settings, &given)
}

#[track_caller]
fn missing(pairs: &[(&str, &str)], expected: &[&str]) {
    let found = complete(pairs).err().unwrap_or_default();
    let expected: Vec<_> = expected.iter().map(|name| SettingProblem::Missing { name: (*name).to_owned() }).collect();
    assert_eq!(found, expected, "{pairs:?}");
}

#[test]
fn what_only_the_other_way_reads_is_not_asked_for() {
    let always = [("url", "http://127.0.0.1:1"), ("tenant", "t")];
    let with =
        |more: &[(&'static str, &'static str)]| always.into_iter().chain(more.iter().copied()).collect::<Vec<_>>();
    missing(&with(&[("login", "key")]), &["api_key"]);
    missing(&with(&[("login", "key"), ("api_key", "k")]), &[]);
    missing(&with(&[("login", "oauth"), ("api_key", "k")]), &["client_id", "client_secret"]);
    missing(&with(&[("login", "oauth"), ("client_id", "c"), ("client_secret", "s")]), &[]);
    // What stands elsewhere too is needed by every way; and where no way is chosen, that alone is told.
    missing(&[("url", "http://127.0.0.1:1"), ("login", "key"), ("api_key", "k")], &["tenant"]);
    missing(&with(&[]), &["login"]);
    let wrong = complete(&with(&[("login", "password")])).unwrap_err();
    assert!(matches!(wrong.as_slice(), [SettingProblem::Wrong { name, .. }] if name == "login"), "{wrong:?}");
}

async fn asked(pairs: &[(&str, &str)]) -> Vec<Asked> {
    let vendor = Vendor::start(|_, asked| {
        json(200, if asked.path() == "/token" { r#"{"access_token":"t-1","expires_in":60}"# } else { "{}" })
    })
    .await;
    let settings = complete(&[&[("url", vendor.url.as_str()), ("tenant", "acme")], pairs].concat()).unwrap();
    let connection = Connection::new("shop", manifest(), &settings, options()).unwrap();
    connection.check().await.unwrap();
    vendor.asked()
}

#[tokio::test]
async fn the_setting_decides_how_calls_prove_who_we_are() {
    let by_key = asked(&[("login", "key"), ("api_key", "k-1")]).await;
    assert_eq!(by_key.iter().map(Asked::path).collect::<Vec<_>>(), ["/me"]);
    assert_eq!((by_key[0].header("x-key"), by_key[0].header("authorization")), (Some("k-1"), None));
    let by_oauth = asked(&[("login", "oauth"), ("client_id", "c"), ("client_secret", "s"), ("api_key", "k-1")]).await;
    assert_eq!(by_oauth.iter().map(Asked::path).collect::<Vec<_>>(), ["/token", "/me"]);
    assert!(by_oauth[0].body.contains("tenant=acme"), "{}", by_oauth[0].body);
    assert_eq!((by_oauth[1].header("x-key"), by_oauth[1].header("authorization")), (None, Some("Bearer t-1")));
}

#[track_caller]
fn refused(text: &str, reason: &str) {
    let problems = Manifest::parse(&Source::new("fake.yaml", text)).map(|_| ()).expect_err(text).to_string();
    assert!(problems.contains(reason), "{problems}\n{text}");
}

#[test]
fn a_choice_that_does_not_add_up_is_refused() {
    let login = "{settings.login}";
    refused(&text(&SETTINGS.replace("[key, oauth]", "[key, oauth, basic]"), login, WAYS), "no way is named `basic`");
    refused(&text(&SETTINGS.replace("[key, oauth]", "[oauth]"), login, WAYS), "setting `login` is never `key`");
    refused(&text(SETTINGS, "{settings.tenant}", WAYS), "setting `tenant` chooses a way and is not an enum");
    refused(&text(SETTINGS, "x{settings.login}", WAYS), "is not one setting");
    refused(&text(SETTINGS, "{settings.logon}", WAYS), "no setting is named `logon`");
    refused(&text(SETTINGS, login, "{ key: { scheme: header, name: X-Key } }"), "needs `value`");
    let nested = format!("{{ key: {{ choose: \"{login}\", ways: {WAYS} }}, oauth: {{ scheme: none }} }}");
    refused(&text(SETTINGS, login, &nested), "needs `scheme`");
    let late = SETTINGS.replace("  login: { type: enum, values: [key, oauth] }\n", "")
        + "  login: { type: enum, values: [key, oauth] }\n";
    refused(&text(&late, login, WAYS), "depends on setting `login`, which comes after it");
}
