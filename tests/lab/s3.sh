#!/bin/bash
# An S3 server: Ceph's gateway, before a monitor and one OSD that keeps all in
# memory. Sourced by tests/lab/storage.
#
# What is in the servers is gone with them: each start is from nothing, which
# takes less than a second.
#
# Functions handed to wait_for look unreachable to shellcheck.
# shellcheck disable=SC2317

# The key of the OSD's memory would be of no use: nothing is authenticated
# within this cluster, and the gateway's wish for encryption is refused then.
# What is proposed to a lone monitor need not wait for more; deleted objects
# give their memory back at once, and logs for replicas that are not there
# would be half of what 100,000 small objects take.
configure_ceph() {
    cat >"$DIR/s3/ceph.conf" <<END
[global]
fsid = $(<"$DIR/s3/fsid")
mon_host = v2:127.0.0.1:$1
run_dir = $DIR/s3
crash_dir = $DIR/s3
admin_socket =
keyring =
log_to_file = false
log_to_stderr = true
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
ms_mon_client_mode = crc
ms_bind_msgr1 = false
ms_bind_retry_count = 1
ms_bind_retry_delay = 0
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
[mon.a]
mon_data = $DIR/s3/mon
mon_allow_pool_size_one = true
mon_cluster_log_to_file = false
mon_data_avail_crit = 0
paxos_propose_interval = 0.01
paxos_min_wait = 0.01
[osd.0]
osd_data = $DIR/s3/osd
osd_objectstore = memstore
memstore_device_bytes = 6442450944
osd_min_pg_log_entries = 10
osd_max_pg_log_entries = 10
osd_pg_log_dups_tracked = 10
osd_pg_log_trim_min = 1
osd_map_cache_size = 4
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
[client.rgw.a]
rgw_data = $DIR/s3/rgw
rgw_dns_name = s3.localhost
rgw_s3_auth_use_sts = true
rgw_sts_key = $(<"$DIR/s3/sts.key")
rgw_gc_obj_min_wait = 1
rgw_gc_processor_period = 2
rgw_gc_processor_max_time = 2
END
}

# Run "$@" as a client of the cluster; what it says goes to the log.
ceph_run() {
    CEPH_CONF=$DIR/s3/ceph.conf timeout "$TIMEOUT" "$@" </dev/null >>"$DIR/ceph.log" 2>&1 || {
        tail -n 25 "$DIR/ceph.log" >&2
        die "'$1' failed; $DIR/ceph.log has all that was said"
    }
}

# Start "$2..." as server $1 of the cluster.
ceph_launch() {
    launch "$1" env CEPH_CONF="$DIR/s3/ceph.conf" "${@:2}"
}

monitor_settled() {
    stopped ceph-mon || (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

start_monitor() {
    local port map=$DIR/s3/monmap
    for _ in 1 2 3 4 5; do
        port=$(free_port)
        rm -rf "$map" "$DIR/s3/mon"
        configure_ceph "$port"
        ceph_run monmaptool --create --fsid "$(<"$DIR/s3/fsid")" --addv a "[v2:127.0.0.1:$port]" "$map"
        ceph_run ceph-mon -i a --mkfs --monmap "$map"
        ceph_launch ceph-mon ceph-mon -f -i a
        wait_for "$TIMEOUT" monitor_settled "$port" || give_up ceph-mon
        if running ceph-mon; then
            return
        fi
        port_was_taken ceph-mon || break
    done
    give_up ceph-mon
}

start_osd() {
    local id
    id=$(</proc/sys/kernel/random/uuid)
    ceph_run ceph osd new "$id" 0
    mkdir "$DIR/s3/osd"
    ceph_run ceph-osd -i 0 --mkfs --osd-uuid "$id"
    ceph_launch ceph-osd ceph-osd -f -i 0
}

# A user $1 with keys that can be told from others' in a message.
make_user() {
    openssl rand -hex 8 | tr a-f A-F >"$DIR/s3/$1.key"
    openssl rand -base64 30 >"$DIR/s3/$1.secret"
    ceph_run radosgw-admin -n client.rgw.a user create --uid="$1" --display-name="$1" \
        --access-key="$(<"$DIR/s3/$1.key")" --secret-key="$(<"$DIR/s3/$1.secret")"
}

# One user for all that should work, one for what is refused, and one that has
# room for next to nothing.
make_users() {
    make_user owner
    make_user stranger
    make_user small
    ceph_run radosgw-admin -n client.rgw.a caps add --uid=owner --caps='user-policy=*'
    ceph_run radosgw-admin -n client.rgw.a quota set --uid=small --quota-scope=user --max-size=1M
    ceph_run radosgw-admin -n client.rgw.a quota enable --uid=small --quota-scope=user
}

gateway_settled() {
    stopped radosgw || curl -sf --noproxy '*' --max-time 5 -o /dev/null "http://127.0.0.1:$1/"
}

# The same port of ::1, which "localhost" may mean too: pgBackRest tries one address only.
on_ipv6() {
    grep -qs '^0*1 ' /proc/net/if_inet6 && printf ' ssl_endpoint=[::1]:%s' "$1"
}

start_gateway() {
    local port tls
    for _ in 1 2 3 4 5; do
        port=$(free_port) tls=$(free_port)
        ceph_launch radosgw radosgw -f -n client.rgw.a \
            --rgw-frontends="beast endpoint=127.0.0.1:$port ssl_endpoint=127.0.0.1:$tls$(on_ipv6 "$tls") ssl_certificate=$DIR/pki/server.crt ssl_private_key=$DIR/pki/server.key"
        wait_for "$TIMEOUT" gateway_settled "$port" || give_up radosgw
        if running radosgw; then
            open_session "http://127.0.0.1:$port"
            tell_s3 "$port" "$tls"
            return
        fi
        port_was_taken radosgw || break
    done
    give_up radosgw
}

# Send the form $2 to the gateway at $1, as its owner. This curl signs what it is
# given and does not add the digest that has to be there.
post_form() {
    local digest
    digest=$(printf %s "$2" | openssl dgst -sha256 -r)
    curl -sSf --noproxy '*' --max-time 20 --aws-sigv4 aws:amz:default:s3 \
        --user "$(<"$DIR/s3/owner.key"):$(<"$DIR/s3/owner.secret")" \
        -H "x-amz-content-sha256: ${digest%% *}" --data-binary "$2" "$1/"
}

# Credentials of the owner that are good for twelve hours, which only those get
# whom a policy allows it: all things, on everything.
open_session() {
    local allow='%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22*%22%2C%22Resource%22%3A%22*%22%7D'
    {
        post_form "$1" "Action=PutUserPolicy&UserName=owner&PolicyName=all&PolicyDocument=%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B$allow%5D%7D" &&
            post_form "$1" 'Action=GetSessionToken&DurationSeconds=43200'
    } >"$DIR/s3/session.xml" 2>>"$DIR/ceph.log" || give_up radosgw
}

# The field $1 of those credentials.
session() {
    sed "s,.*<$1>\(.*\)</$1>.*,\1," "$DIR/s3/session.xml"
}

tell_s3() {
    write_json "$DIR/s3.json" \
        endpoint "http://127.0.0.1:$1" tls_endpoint "https://127.0.0.1:$2" \
        host_endpoint "http://s3.localhost:$1" tls_host_endpoint "https://s3.localhost:$2" \
        ca "$DIR/pki/ca.crt" region default \
        access_key "$(<"$DIR/s3/owner.key")" secret_key "$(<"$DIR/s3/owner.secret")" \
        session_access_key "$(session AccessKeyId)" \
        session_secret_key "$(session SecretAccessKey)" session_token "$(session SessionToken)" \
        stranger_access_key "$(<"$DIR/s3/stranger.key")" \
        stranger_secret_key "$(<"$DIR/s3/stranger.secret")" \
        small_access_key "$(<"$DIR/s3/small.key")" small_secret_key "$(<"$DIR/s3/small.secret")"
}

start_s3() {
    ! running radosgw || ! running ceph-osd || ! running ceph-mon || return 0
    needs ceph ceph-mon ceph-osd curl monmaptool openssl radosgw radosgw-admin
    stop_s3
    rm -rf "$DIR/s3" "$DIR/ceph.log"
    mkdir "$DIR/s3"
    cat /proc/sys/kernel/random/uuid >"$DIR/s3/fsid"
    openssl rand -hex 8 >"$DIR/s3/sts.key"
    start_monitor
    start_osd
    make_users
    start_gateway
}

# Nothing of theirs is kept, so they need not be asked.
stop_s3() {
    rm -f "$DIR/s3.json"
    kill_server radosgw
    kill_server ceph-osd
    kill_server ceph-mon
}
