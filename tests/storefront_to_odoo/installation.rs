//! The hub's folder, as a person would have written it; not here: running it.

use std::net::SocketAddr;
use std::path::Path;

use syncline::sandbox::Trade;

fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

pub fn write(folder: &Path, trade: &Trade) {
    let credentials = trade.credentials();
    std::fs::create_dir_all(folder.join("secrets")).unwrap();
    for (name, secret) in [
        ("woo_key", &credentials.woo_key),
        ("woo_secret", &credentials.woo_secret),
        ("woo_webhook_secret", &credentials.woo_webhook_secret),
        ("odoo_key", &credentials.odoo_key),
    ] {
        std::fs::write(folder.join("secrets").join(name), secret).unwrap();
    }
    std::fs::write(folder.join("syncline.yaml"), configuration(trade)).unwrap();
}

fn configuration(trade: &Trade) -> String {
    let [user, location, price_list, shipping, discount] = trade.odoo_ids();
    format!(
        r#"hub:
  listen: {listen}
  public_url: http://{listen}
  database: sqlite:data/syncline.db

connections:
  shop:
    connector: woocommerce
    settings:
      base_url: {woo}
      consumer_key: ${{file:secrets/woo_key}}
      consumer_secret: ${{file:secrets/woo_secret}}
      webhook_secret: ${{file:secrets/woo_webhook_secret}}
      currency: EUR
    allow_networks: [127.0.0.0/8]
    polls: {{ orders: 2s, customers: 2s, products: 5s, variations: 5s, stock: 3s, variation_stock: 3s, refunds: 5s }}
    rate_limit: {{ scheme: none, concurrency: 4 }}
  erp:
    connector: odoo
    settings:
      base_url: {odoo}
      database: {database}
      user_id: {user}
      api_key: ${{file:secrets/odoo_key}}
      location_id: {location}
      pricelist_id: {price_list}
      shipping_product_id: {shipping}
      discount_product_id: {discount}
    allow_networks: [127.0.0.0/8]
    polls: {{ products: 5s, customers: 5s, orders: 5s, stock: 2s, fulfilments: 2s, invoices: 10s }}
    rate_limit: {{ scheme: none, concurrency: 4 }}

retry:
  quick: {{ first_delay: 200ms, max_delay: 2s, give_up_after: 10m }}

flows:
  customers-to-odoo: {{ from: shop.customers, to: erp.customers, deliver: latest, mode: live, retry: quick }}
  orders-to-odoo: {{ from: shop.orders, to: erp.orders, needs: [customer.email, lines.sku], mode: live, retry: quick }}
  orders-confirm:
    from: shop.orders
    to: erp.order_status
    when: 'record.status in ["confirmed", "completed", "cancelled"]'
    needs: [customer.email, lines.sku]
    deliver: latest
    mode: live
    retry: quick
  stock-to-shop: {{ from: erp.stock, to: shop.stock, needs: [sku], deliver: latest, publish: available, mode: live, retry: quick }}
  parcels-to-shop:
    from: erp.fulfilments
    to: shop.fulfilments
    when: 'record.status == "in_transit"'
    needs: [order]
    mode: live
    retry: quick
"#,
        listen = free_address(),
        woo = trade.woo_url(),
        odoo = trade.odoo_url(),
        database = trade.credentials().odoo_database,
    )
}
