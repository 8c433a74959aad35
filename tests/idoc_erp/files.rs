//! Orders as ORDERS05 files, deliveries as DELVRY07 and stock as LOISTD01, calm and with every fault of a folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use syncline::sandbox::{Faults, IdocErp, IdocOptions};

use crate::rig::Rig;

fn install(erp: &IdocErp) -> String {
    format!(
        "  erp:\n    connector: sap-idoc\n    settings: {{ folder_in: {}, folder_out: {}, receiver: PRDCLNT100, receiver_port: SAPPRD, \
         sales_organization: \"1010\", sold_to_party: \"0010100001\" }}\n    polls: {{ deliveries: 1s, stock: 1s }}\n\
         flows:\n{FLOWS}",
        erp.outbound_dir().display(),
        erp.inbound_dir().display(),
    )
}

const FLOWS: &str = "  orders-to-erp: { from: shop.orders, to: erp.orders, mode: live, retry: quick }\n  \
    deliveries-to-shop: { from: erp.deliveries, to: shop.deliveries, mode: live, retry: quick }\n  \
    stock-to-shop: { from: erp.stock, to: shop.levels, deliver: latest, mode: live, retry: quick }\n";

/// The shipped connector in a copy that goes by markers, and does not wait for a file to lie still.
fn by_markers(folder: &Path) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("connectors/sap-idoc/connector.yaml");
    let text = fs::read_to_string(shipped).unwrap();
    let copied = text.replace("{ scheme: stable, stable_for: 10s }", "{ scheme: suffix, suffix: .done }");
    assert_ne!(text, copied);
    fs::create_dir_all(folder.join("connectors/sap-idoc")).unwrap();
    fs::write(folder.join("connectors/sap-idoc/connector.yaml"), copied).unwrap();
}

fn rough(seed: u64) -> impl FnOnce(PathBuf) -> IdocOptions {
    move |dir| IdocOptions { faults: Faults::rough(), ..IdocOptions::new(seed, dir) }
}

async fn run(options: impl FnOnce(PathBuf) -> IdocOptions, orders: usize, markers: bool, traffic: Duration) {
    let rig = Rig::start(options, orders, |folder, erp| {
        if markers {
            by_markers(folder);
        }
        install(erp)
    })
    .await;
    rig.erp.start_work();
    rig.place();
    tokio::time::sleep(traffic).await;
    rig.settle().await;
    rig.until_clean().await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erp_that_behaves_agrees_with_the_shipped_connector() {
    run(|dir| IdocOptions::new(4, dir), 20, false, Duration::from_secs(3)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erp_that_misbehaves_agrees_with_the_shipped_connector() {
    run(rough(7), 40, false, Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erp_that_misbehaves_agrees_by_markers() {
    for seed in [11, 12, 13] {
        run(rough(seed), 40, true, Duration::from_secs(8)).await;
    }
}
