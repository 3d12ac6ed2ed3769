#!/bin/bash
# Signs a request with openssl, as a reader of the contract would: sign.sh KEY SECRET METHOD PATH TIMESTAMP NONCE BODY
# The signed text is {key}{METHOD}{path}{timestamp}{nonce}{body}; the signature is HMAC-SHA256 in lower-case hex.
set -euo pipefail
key=$1 secret=$2 method=$3 path=$4 timestamp=$5 nonce=$6 body=$7
printf '%s' "$key$method$path$timestamp$nonce$body" | openssl dgst -sha256 -hmac "$secret" -r | cut -d' ' -f1
