#!/bin/sh
# Posts what the shop and the payment processor would: signed, some of it twice, late, or forged.
#   post.sh            the day's traffic
#   post.sh bad        one order with a payment status that nobody has mapped
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tool=${QUICKSTART_TOOL:-target/debug/examples/quickstart}
hub=${QUICKSTART_HUB:-127.0.0.1:8470}

# shop <topic> <webhook id> <file>
shop() {
    "$tool" post "http://$hub/hooks/shop/$(cat "$here/secrets/shop_path")" --shopify "$here/secrets/shop_webhook_secret" \
        --header "X-Shopify-Topic: $1" --header "X-Shopify-Webhook-Id: $2" "$here/samples/shopify/$3"
}
# psp <file>
psp() {
    "$tool" post "http://$hub/hooks/psp/$(cat "$here/secrets/psp_path")" --stripe "$here/secrets/psp_webhook_secret" \
        "$here/samples/stripe/$1"
}

if [ "${1:-}" = bad ]; then
    shop orders/create wh-1005 ../bad/1005-half-paid.json
    exit
fi

shop orders/create  wh-1001-a 1001-created.json     # Jürgen Müßig, 47.90 EUR, not paid yet
shop orders/updated wh-1001-b 1001-paid.json
shop orders/create  wh-1002-a 1002-yen.json         # 4980 JPY, which have no decimals
shop orders/create  wh-1002-a 1002-yen.json         # the same delivery again: Shopify did not hear our answer
shop orders/updated wh-1003-b 1003-cancelled.json   # the newest state of #1003 comes first ...
shop orders/create  wh-1003-a 1003-created.json     # ... and its oldest afterwards
psp evt-1001-created.json
psp evt-1001-succeeded.json
psp evt-1002-succeeded.json                         # again the newest first
psp evt-1002-created.json
psp evt-1002-succeeded.json                         # and once more: Stripe repeats events
psp evt-1001-refunded.json                          # a charge: of no interest to this connection

# Somebody who knows the address but not the key. The hub must refuse it.
random=$(mktemp)
head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n' > "$random"
if "$tool" post "http://$hub/hooks/shop/$(cat "$here/secrets/shop_path")" --shopify "$random" \
    --header "X-Shopify-Topic: orders/updated" --header "X-Shopify-Webhook-Id: wh-forged" "$here/samples/shopify/1001-forged.json"
then
    rm "$random"; echo "the hub took a forged delivery" >&2; exit 1
fi
rm "$random"
