//! Running hubs between databases: rows of PostgreSQL become rows of MariaDB, and what an application left in its outbox arrives once.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use syncline::cli::Exit;
use syncline::hub::{Hub, HubOptions};
use syncline::model::clock::Clock;

use super::command::command;
use super::server::{Kind, PASSWORD, Server, USER};

fn schema(server: &Server, connector: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("connectors").join(connector).join("fixtures/schema.sql");
    server.run(&fs::read_to_string(file).unwrap());
}

fn connection(name: &str, connector: &str, server: &Server, polls: &str) -> String {
    format!(
        "  {name}:\n    connector: {connector}\n    allow_networks: [127.0.0.1]\n    settings: {{ host: 127.0.0.1, port: {}, database: shop, user: {USER}, password: \"${{SQL_PASSWORD}}\", tls: \"off\" }}\n    polls: {{ {polls} }}\n",
        server.port
    )
}

/// A running hub in `folder`; the password comes from a file, as in an installation.
async fn start(folder: &Path, connections: &str, flows: &str) -> Arc<Hub> {
    start_with(folder, "sqlite:data/syncline.db", connections, flows).await
}

async fn start_with(folder: &Path, database: &str, connections: &str, flows: &str) -> Arc<Hub> {
    let config = format!(
        "hub: {{ listen: \"127.0.0.1:0\", database: \"{database}\" }}\nconnections:\n{connections}flows:\n{flows}"
    );
    let config = config.replace("\"${SQL_PASSWORD}\"", &serde_json::Value::from(PASSWORD).to_string());
    fs::write(folder.join("syncline.yaml"), config).unwrap();
    let config = syncline::config::load(folder).unwrap_or_else(|problems| panic!("{problems}"));
    Hub::start(config, HubOptions::default(), |_| axum::Router::new()).await.unwrap()
}

async fn wait_for(hub: &Hub, what: &str, mut done: impl FnMut() -> bool) {
    let limit = Instant::now() + Duration::from_secs(180);
    while !done() {
        if Instant::now() > limit {
            for issue in hub.store.issues(syncline::store::IssueFilter::All).await.unwrap() {
                println!("issue {} x{}: {} | {}", issue.class, issue.open_count, issue.title, issue.sample);
            }
            panic!("waited in vain for {what}: {:?}", hub.store.queue_stats().await.unwrap());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_one_database_become_rows_of_another_whatever_happens_to_it() {
    let (source, mut sink) = (Server::start(Kind::Postgres), Server::start(Kind::Mariadb));
    schema(&source, "sql-postgres");
    schema(&sink, "sql-mysql");
    source.run(
        "INSERT INTO hub_stock (sku, location, on_hand, updated_at)
         SELECT 'SKU-' || n, 'WH''1', n + 0.125, '2026-11-20T10:00:00Z' FROM generate_series(1, 700) n",
    );
    let root = tempfile::tempdir().unwrap();
    let connections =
        [connection("pg", "sql-postgres", &source, "stock: 1s"), connection("maria", "sql-mysql", &sink, "stock: 1h")]
            .concat();
    let flows = "  stock: { from: pg.stock, to: maria.stock, mode: live, retry: quick }\nretry: { quick: { first_delay: 50ms, max_delay: 500ms, give_up_after: 5m } }\n";
    let hub = start(root.path(), &connections, flows).await;
    let read = |server: &Server, numbers: &str| -> BTreeMap<String, String> {
        let rows = server.run(&format!("SELECT sku, {numbers} FROM hub_stock"));
        rows.lines().filter_map(|row| row.split_once('\t')).map(|(sku, n)| (sku.to_owned(), n.to_owned())).collect()
    };
    wait_for(&hub, "the first rows", || read(&sink, "on_hand").len() > 50).await;
    // The sink dies in the middle and comes back.
    sink.kill();
    source.run("UPDATE hub_stock SET on_hand = on_hand + 1000, updated_at = clock_timestamp() WHERE sku LIKE 'SKU-1%'");
    sink.resume();
    let wanted = read(&source, "round(on_hand, 6)");
    wait_for(&hub, "the same numbers", || read(&sink, "on_hand") == wanted).await;
    assert_eq!(wanted["SKU-1"], "1001.125000");
    assert_eq!(sink.run("SELECT DISTINCT location FROM hub_stock"), "WH'1");
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_application_left_in_its_outbox_arrives_once_although_the_hub_forgets_to_say_so() {
    let server = Server::start(Kind::Postgres);
    schema(&server, "outbox");
    schema(&server, "sql-postgres");
    let order = |number: u32, total: u32| {
        server.run(&format!(
            "INSERT INTO outbox (topic, payload) VALUES ('order', jsonb_build_object('number', '#{number}', 'placed_at', '2026-11-20T10:00:00Z',
             'updated_at', '2026-11-20T10:00:0{}Z', 'currency', 'EUR', 'total', jsonb_build_object('amount_minor', {total}, 'currency', 'EUR'),
             'lines', jsonb_build_array(jsonb_build_object('sku', 'A', 'quantity', '2'))))",
            total % 10
        ))
    };
    (1..=30).for_each(|number| drop(order(number, 1991)));
    let root = tempfile::tempdir().unwrap();
    let connections = [
        connection("app", "outbox", &server, "orders: 1s, stock: 1h"),
        connection("books", "sql-postgres", &server, "stock: 1h"),
    ]
    .concat();
    let flows = "  orders: { from: app.orders, to: books.orders, mode: live }\n";
    let hub = start(root.path(), &connections, flows).await;
    let waiting = || server.run("SELECT count(*) FROM outbox WHERE sent_at IS NULL");
    let orders = || server.run("SELECT count(*), sum(total), (SELECT count(*) FROM hub_order_lines) FROM hub_orders");
    wait_for(&hub, "all orders", || waiting() == "0" && orders() == "30\t597.30\t30").await;
    hub.stop().await;
    drop(hub);
    let written = server.run("SELECT xmin FROM hub_orders ORDER BY number");
    // As after a crash between the hub's own commit and the mark: the rows wait again, and two orders have changed since.
    server.run("UPDATE outbox SET sent_at = NULL");
    order(7, 2992);
    order(8, 2993);
    order(8, 2995);
    let hub = start(root.path(), &connections, flows).await;
    wait_for(&hub, "the rows to be done with again", || waiting() == "0" && orders() == "30\t617.35\t30").await;
    hub.stop().await;
    let again = server.run("SELECT xmin FROM hub_orders ORDER BY number");
    let changed = written.lines().zip(again.lines()).filter(|(before, after)| before != after).count();
    assert_eq!(changed, 2, "what was delivered is not delivered again");
}

/// The hub's own store, the source and the destination are all on one server, and it dies.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_on_a_server_goes_on_where_the_server_stopped() {
    let mut server = Server::durable();
    let database = server.database("hub_store");
    schema(&server, "outbox");
    schema(&server, "sql-postgres");
    let order = |server: &Server, number: u32| {
        server.run(&format!(
            "INSERT INTO outbox (topic, payload) VALUES ('order', jsonb_build_object('number', '#{number}', 'placed_at', '2026-11-20T10:00:00Z',
             'updated_at', '2026-11-20T10:00:01Z', 'currency', 'EUR', 'total', jsonb_build_object('amount_minor', 1991, 'currency', 'EUR'),
             'lines', jsonb_build_array(jsonb_build_object('sku', 'A', 'quantity', '2'))))"
        ))
    };
    (1..=60).for_each(|number| drop(order(&server, number)));
    let root = tempfile::tempdir().unwrap();
    let connections = [
        connection("app", "outbox", &server, "orders: 1s, stock: 1h"),
        connection("books", "sql-postgres", &server, "stock: 1h"),
    ]
    .concat();
    let flows = "  orders: { from: app.orders, to: books.orders, mode: live, retry: quick }\nretry: { quick: { first_delay: 50ms, max_delay: 500ms, give_up_after: 5m } }\n";
    let hub = start_with(root.path(), &database, &connections, flows).await;
    let there = |server: &Server| server.run("SELECT count(*) FROM hub_orders").parse::<u32>().unwrap();
    wait_for(&hub, "the first orders", || there(&server) > 5).await;
    server.kill();
    server.resume();
    (61..=80).for_each(|number| drop(order(&server, number)));
    let all = |server: &Server| {
        server.run("SELECT count(*), sum(total), (SELECT count(*) FROM hub_order_lines) FROM hub_orders")
            == "80\t1592.80\t80"
    };
    wait_for(&hub, "all orders, once", || all(&server)).await;
    wait_for(&hub, "the outbox to be empty", || server.run("SELECT count(*) FROM outbox WHERE sent_at IS NULL") == "0")
        .await;
    hub.stop().await;
    drop(hub);
    assert!(!root.path().join("data/syncline.db").exists());
    // Its next life finds everything as it was.
    let hub = start_with(root.path(), &database, &connections, flows).await;
    let report = hub.store.verify(&|_, _, _| {}).await.unwrap();
    assert_eq!((report.faults, report.applied, report.pending), (Vec::new(), 80, 0));
    hub.stop().await;
    assert!(all(&server));
    drop(hub);
    // Commands find the store where the configuration has it, too, and tell nobody its password.
    let ask = async |arguments: &[&str]| {
        let ran = command(root.path(), Clock::default(), "ann", arguments, "").await;
        assert!(!format!("{}{}", ran.out, ran.err).contains(PASSWORD), "{}{}", ran.out, ran.err);
        ran
    };
    let verified = ask(&["verify"]).await;
    assert!(verified.exit == Exit::Done && verified.out.contains("80 applied"), "{}{}", verified.out, verified.err);
    let refused = ask(&["backup"]).await;
    assert!(format!("{}{}", refused.out, refused.err).contains("pg_dump"), "{}{}", refused.out, refused.err);
    let moved = ask(&["migrate-store", "--to", "sqlite:moved.db"]).await;
    assert!(moved.out.contains("the ledger is the same"), "{}{}", moved.out, moved.err);
    let again = ask(&["migrate-store", "--to", "sqlite:moved.db"]).await;
    assert!(again.exit == Exit::Failed && again.err.contains("is not empty"), "{}{}", again.out, again.err);
}
