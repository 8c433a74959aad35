#!/bin/sh
# Makes the folders and random secrets of the quickstart. Secrets that exist stay.
set -eu
umask 077
cd "$(dirname "$0")"
mkdir -p secrets drop out
random() { head -c "$1" /dev/urandom; }
keep() { [ -s "secrets/$1" ] || cat > "secrets/$1"; }
# The last part of a webhook address: only who knows it reaches the connection at all.
for name in shop_path psp_path; do random 16 | od -An -tx1 | tr -d ' \n' | keep "$name"; done
# Shopify signs with an app's API secret key, Stripe with the whole whsec_... text, Standard Webhooks with what follows whsec_.
random 16 | od -An -tx1 | tr -d ' \n' | keep shop_webhook_secret
for name in psp_webhook_secret service_secret; do { printf whsec_; random 24 | base64 | tr -d '\n'; } | keep "$name"; done
echo "ready: secrets in $(pwd)/secrets, files are picked up from $(pwd)/drop, results go to $(pwd)/out"
