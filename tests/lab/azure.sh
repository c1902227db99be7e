#!/bin/bash
# Azure Blob: Microsoft's emulator, by HTTP and by HTTPS with what it takes for
# OAuth. Sourced by tests/lab/storage.
#
# Functions handed to wait_for look unreachable to shellcheck.
# shellcheck disable=SC2317

AZURITE=$CACHE/azurite-$(sha256sum "$HERE/azurite/package-lock.json" | cut -c1-12)

# Install the emulator where all labs find it. Nothing of what is installed is run.
prepare_azure() {
    local work
    [[ ! -d $AZURITE ]] || return 0
    needs node npm
    lock_cache azurite
    [[ ! -d $AZURITE ]] || return 0
    rm -rf "$CACHE"/azurite-*
    work=$(mktemp -d "$CACHE/azurite-work.XXXXXX")
    cp "$HERE"/azurite/*.json "$work"
    (cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >&2 || {
        rm -rf "$work"
        cannot "npm cannot install the emulator of Azure"
    }
    mv "$work" "$AZURITE"
}

# The HMAC-SHA256 of what is read, in base64, with the account's key.
sign() {
    local key
    key=$(base64 -d <"$DIR/azure/key" | od -An -v -tx1 | tr -d ' \n')
    openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64
}

# A shared access signature for the account with permissions $1, until $2.
shared_access() {
    local signature
    signature=$(printf '%s\n' lab "$1" b sco '' "$2" '' '' 2019-12-12 | sign)
    signature=${signature//+/%2B} signature=${signature//\//%2F}
    echo "sv=2019-12-12&ss=b&srt=sco&sp=$1&se=${2//:/%3A}&sig=${signature//=/%3D}"
}

# A token that says what the emulator looks at; its signature it cannot check.
oauth_token() {
    printf '{"alg":"none","typ":"JWT"}' | basenc -w0 --base64url | tr -d =
    printf .
    printf '{"aud":"https://storage.azure.com","iss":"https://sts.windows.net/lab/",' |
        cat - <(printf '"iat":0,"nbf":0,"exp":%d}' "$1") | basenc -w0 --base64url | tr -d =
    printf .bm9uZQ
}

azurite_settled() {
    stopped "$1" || grep -q 'successfully listens' "$DIR/$1.log"
}

# Start server $1 with flags "$2..."; its port is left in PORT.
start_azurite() {
    for _ in 1 2 3 4 5; do
        PORT=$(free_port)
        AZURITE_ACCOUNTS="lab:$(<"$DIR/azure/key")" \
            launch "$1" node "$AZURITE/node_modules/azurite/dist/src/blob/main.js" \
            --blobHost 127.0.0.1 --blobPort "$PORT" --location "$DIR/azure/$1" \
            --skipApiVersionCheck "${@:2}"
        wait_for "$TIMEOUT" azurite_settled "$1" || give_up "$1"
        if running "$1"; then
            return
        fi
        port_was_taken "$1" || grep -q EADDRINUSE "$DIR/$1.log" || break
    done
    give_up "$1"
}

tell_azure() {
    local url=http://127.0.0.1:$1/lab tls_url=https://127.0.0.1:$2/lab key
    key=$(<"$DIR/azure/key")
    write_json "$DIR/azure.json" \
        account lab key "$key" endpoint "$url" tls_endpoint "$tls_url" ca "$DIR/pki/ca.crt" \
        host_endpoint "http://lab.blob.localhost:$1" \
        tls_host_endpoint "https://lab.blob.localhost:$2" \
        connection_string "DefaultEndpointsProtocol=http;AccountName=lab;AccountKey=$key;BlobEndpoint=$url;" \
        sas "$(shared_access rwdlacup 2099-01-01T00:00:00Z)" \
        read_sas "$(shared_access rl 2099-01-01T00:00:00Z)" \
        expired_sas "$(shared_access rwdlacup 2020-01-01T00:00:00Z)" \
        token "$(oauth_token 4070908800)" expired_token "$(oauth_token 1577836800)"
}

start_azure() {
    local port
    ! running azurite || ! running azurite-tls || return 0
    needs basenc node od openssl
    prepare_azure
    stop_azure
    rm -rf "$DIR/azure"
    mkdir "$DIR/azure"
    openssl rand -base64 64 | tr -d '\n' >"$DIR/azure/key"
    start_azurite azurite
    port=$PORT
    start_azurite azurite-tls --oauth basic --cert "$DIR/pki/server.crt" --key "$DIR/pki/server.key"
    tell_azure "$port" "$PORT"
}

stop_azure() {
    rm -f "$DIR/azure.json"
    kill_server azurite
    kill_server azurite-tls
}
