//! The installation that the demonstration runs: its configuration and secrets, as files a person could have written.
//!
//! Not here: starting anything.

use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::sandbox::Sandbox;

/// Writes the configuration for a hub beside `sandbox` into `folder`.
pub fn write(folder: &Path, sandbox: &Sandbox, listen: SocketAddr) -> std::io::Result<()> {
    let credentials = sandbox.credentials();
    std::fs::create_dir_all(folder.join("secrets"))?;
    for (name, secret) in [
        ("shop_token", &credentials.shop_token),
        ("shop_webhook_secret", &credentials.shop_webhook_secret),
        ("erp_password", &credentials.erp_password),
        ("psp_key", &credentials.psp_key),
        ("psp_webhook_secret", &credentials.psp_webhook_secret),
    ] {
        write_private(&folder.join("secrets").join(name), secret)?;
    }
    std::fs::write(folder.join("syncline.yaml"), configuration(sandbox, listen))
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

/// The origin of a vendor's address: connectors add their own paths.
fn origin(url: &str) -> String {
    let after = url.find("://").map_or(0, |at| at + 3);
    let end = url[after..].find('/').map_or(url.len(), |at| after + at);
    url[..end].to_owned()
}

fn configuration(sandbox: &Sandbox, listen: SocketAddr) -> String {
    format!(
        r#"# The demonstration: a shop, an ERP and a payment processor on this machine, none of which behaves well.
hub:
  listen: {listen}
  public_url: http://{listen}
  database: sqlite:data/syncline.db

connections:
  shop:
    connector: shopify
    settings:
      shop: sandbox.myshopify.com
      base_url: {shop}
      currency: EUR
      location_id: 655441491
      access_token: ${{file:secrets/shop_token}}
      webhook_secret: ${{file:secrets/shop_webhook_secret}}
    allow_networks: [127.0.0.0/8]
    polls: {{ orders: 2s, products: 15s, inventory: 3s }}
    rate_limit: {{ scheme: leaky_bucket, size: 400, leak_per_s: 200, usage_header: X-Shopify-Shop-Api-Call-Limit, concurrency: 16 }}
  erp:
    connector: sandbox-erp
    settings:
      base_url: {erp}
      username: {erp_user}
      password: ${{file:secrets/erp_password}}
      drop_dir: {drop_dir}
    allow_networks: [127.0.0.0/8]
  psp:
    connector: stripe
    settings:
      base_url: {psp}
      secret_key: ${{file:secrets/psp_key}}
      webhook_secret: ${{file:secrets/psp_webhook_secret}}
    allow_networks: [127.0.0.0/8]
    polls: {{ payments: 2s }}
    rate_limit: {{ scheme: fixed_window, requests: 400, per: 1s, concurrency: 16 }}

retry:
  # A minute is a long time in a demonstration.
  quick: {{ first_delay: 200ms, max_delay: 3s, give_up_after: 10m }}

flows:
  # Every order, in each of its states, in order.
  orders-to-erp:
    from: shop.orders
    to: erp.orders
    deliver: every
    mode: live
    retry: quick
    freshness: 10s
  # What a payment is now; the order it pays must be known to the ERP first.
  payments-to-erp:
    from: psp.payments
    to: erp.payments
    needs: [order]
    deliver: latest
    mode: live
    retry: quick
    freshness: 10s
  # The newest level of each article; what it replaces while the shop is busy is not sent.
  stock-to-shop:
    from: erp.stock
    to: shop.inventory
    needs: [sku]
    publish: on_hand - committed
    deliver: latest
    mode: live
    retry: quick
    freshness: 30s
  # Shipments, so that the shop can tell its customers.
  shipments-to-shop:
    from: erp.deliveries
    to: shop.fulfilments
    needs: [order]
    deliver: every
    mode: live
    retry: quick
    freshness: 30s
"#,
        shop = origin(&sandbox.shop_url()),
        erp = origin(&sandbox.erp_url()),
        erp_user = sandbox.credentials().erp_user,
        drop_dir = sandbox.drop_dir().display(),
        psp = origin(&sandbox.psp_url()),
    )
}
