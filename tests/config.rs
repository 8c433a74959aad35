//! The shipped connectors and configuration files, as an installation reads them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use syncline::config::yaml::Source;
use syncline::connector::manifest::Manifest;

#[test]
fn every_shipped_manifest_is_accepted() {
    let mut seen = 0;
    for entry in std::fs::read_dir("connectors").unwrap() {
        let folder = entry.unwrap().path();
        let file = folder.join("connector.yaml");
        let text = std::fs::read_to_string(&file).unwrap();
        let manifest =
            Manifest::parse(&Source::new(file.display().to_string(), text)).unwrap_or_else(|p| panic!("{p}"));
        assert_eq!(*manifest.name, folder.file_name().unwrap().to_str().unwrap());
        seen += 1;
    }
    assert!(seen >= 7, "only {seen} connectors");
}
