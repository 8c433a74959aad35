//! Who the server is, who we are, and whether the folders are there.

use std::fs;

use secrecy::SecretString;
use syncline::connector::file::sftp::{SftpAuth, SftpError, SftpSpec};
use syncline::connector::http::guard::EgressPolicy;
use syncline::model::ErrorClass;

use crate::server::{Server, blocking, client};

async fn ask(spec: SftpSpec, folders_in: Vec<String>, folders_out: Vec<String>) -> Result<Vec<String>, SftpError> {
    let remote = client(spec);
    blocking(move || remote.check(&folders_in, &folders_out).map(|checked| checked.found)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_as_agreed_is_told_with_its_folders() {
    let server = Server::start();
    fs::write(server.folder("in").join("a.csv"), "x").unwrap();
    let (folder_in, folder_out) = (server.path("in"), server.path("out"));
    let found = ask(server.spec(), vec![folder_in.clone()], vec![folder_out.clone()]).await.unwrap();
    assert_eq!(found, [format!("{folder_in}: 1 files"), format!("{folder_out}: can be written to")]);
    assert_eq!((server.names("in"), server.names("out").len()), (vec!["a.csv".to_owned()], 0), "no trace is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_host_key_is_refused_and_shown() {
    let server = Server::start();
    let (shown, expected) = (server.fingerprint("host"), server.fingerprint("stranger"));
    let spec = SftpSpec { host_keys: vec![expected.clone()], ..server.spec() };
    let error = ask(spec, Vec::new(), Vec::new()).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Auth);
    let text = error.to_string();
    assert!(text.contains(&shown) && text.contains(&expected), "{text}");
    // While a server changes its key both are stated.
    let spec = SftpSpec { host_keys: vec![expected, shown], ..server.spec() };
    ask(spec, Vec::new(), Vec::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_checked_on_both_sides() {
    let server = Server::start();
    let with = |name: &str, passphrase: Option<&str>| {
        let passphrase = passphrase.map(SecretString::from);
        SftpSpec { auth: SftpAuth::Key { key: SecretString::from(server.key(name)), passphrase }, ..server.spec() }
    };
    let refused = ask(with("stranger", None), Vec::new(), Vec::new()).await.unwrap_err();
    assert_eq!(refused.class(), ErrorClass::Auth);
    assert!(refused.to_string().contains(&format!("refuses user `{}`", Server::user())), "{refused}");
    let locked = ask(with("locked", None), Vec::new(), Vec::new()).await.unwrap_err();
    assert!(locked.to_string().contains("passphrase") && locked.class() == ErrorClass::Auth, "{locked}");
    ask(with("locked", Some("open sesame")), Vec::new(), Vec::new()).await.unwrap();
    let password = SftpSpec { auth: SftpAuth::Password(SecretString::from("guess")), ..server.spec() };
    let refused = ask(password, Vec::new(), Vec::new()).await.unwrap_err();
    assert!(refused.to_string().contains("would accept publickey"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_is_missing_is_named() {
    let server = Server::start();
    let error = ask(server.spec(), vec![server.path("nowhere")], Vec::new()).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::NotFound);
    assert!(
        error.to_string().contains("nowhere") && error.to_string().contains("check that the folder exists"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn private_addresses_are_for_those_who_list_them() {
    let server = Server::start();
    let runtime = tokio::runtime::Handle::current();
    let remote = syncline::connector::file::sftp::Sftp::new(server.spec(), EgressPolicy::default(), runtime);
    let error = blocking(move || std::sync::Arc::new(remote).check(&[], &[])).await.unwrap_err();
    assert!(matches!(error, SftpError::Unreachable { .. }) && error.to_string().contains("127.0.0.1"), "{error}");
}
