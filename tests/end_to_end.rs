//! The whole hub, in this process, against the sandbox's vendors; what they wrote in their own ledgers is the judge.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::net::SocketAddr;
use std::time::Duration;

use syncline::cli::demo::installation;
use syncline::hub::{Hub, HubOptions};
use syncline::sandbox::{Faults, Sandbox, SandboxOptions};

fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

async fn run(faults: Faults, traffic: Duration) {
    let dir = tempfile::tempdir().unwrap();
    let drop_dir = dir.path().join("drop");
    std::fs::create_dir_all(&drop_dir).unwrap();
    let mut options = SandboxOptions::new(7, &drop_dir);
    options.faults = faults;
    options.shop_bucket = (400, 200);
    options.psp_calls_per_s = 400;
    options.order_every = Duration::from_millis(50);
    let sandbox = Sandbox::start(options).await.unwrap();
    let installed = dir.path().join("hub");
    installation::write(&installed, &sandbox, free_address()).unwrap();
    let config = syncline::config::load(&installed).unwrap_or_else(|problems| panic!("{problems}"));
    let hub = Hub::start(config, HubOptions::default(), |_| axum::Router::new()).await.unwrap();
    let hook = |name: &str| hub.plant.now().webhook_url(name).unwrap();
    sandbox.set_webhook_targets(hook("shop"), hook("psp"));
    sandbox.start_traffic();
    tokio::time::sleep(traffic).await;
    sandbox.calm();
    sandbox.stop_traffic().await.unwrap();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let verdict = sandbox.verdict();
        if verdict.clean() {
            break;
        }
        if tokio::time::Instant::now() > deadline {
            for issue in hub.store.issues(syncline::store::IssueFilter::All).await.unwrap() {
                println!("issue {} x{}: {} | {}", issue.class, issue.open_count, issue.title, issue.sample);
            }
            println!("{:?}", hub.store.queue_stats().await.unwrap());
            println!("{:?}", hub.store.tally(0).await.unwrap());
            panic!("{verdict}\n{:?}", sandbox.progress());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("{:?}", sandbox.faults());
    let report = hub.store.verify(&|_, _, _| {}).await.unwrap();
    assert_eq!(report.faults, Vec::<String>::new());
    assert_eq!(report.received, report.applied + report.superseded + report.ignored + report.dead + report.pending);
    hub.stop().await;
    sandbox.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vendors_that_behave_end_in_agreement() {
    run(Faults::none(), Duration::from_secs(4)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vendors_that_misbehave_end_in_agreement() {
    run(Faults::rough(), Duration::from_secs(8)).await;
}
