//! Rebuilds when a connector or mapping is added: they are embedded, and the compiler only watches the files that it knows.

fn main() {
    println!("cargo::rerun-if-changed=connectors");
    println!("cargo::rerun-if-changed=mappings");
}
