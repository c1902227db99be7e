#!/bin/bash
# SFTP servers: OpenSSH, twice, with other host keys. Sourced by
# tests/lab/storage.
#
# As root there is a user of their own, with a password, in namespaces of their
# own (tests/lab/sshd); otherwise the user who starts them is the one they serve,
# by key alone.
#
# Functions handed to wait_for look unreachable to shellcheck.
# shellcheck disable=SC2317

SSHD=/usr/sbin/sshd

# Keys of the user: all but the stranger's are let in; the locked one has a
# passphrase. RSA for those who cannot sign with SHA-2, which is refused.
make_ssh_keys() {
    local kind
    cd "$DIR/sftp" || return 1
    for kind in ed25519 ecdsa rsa; do
        ssh-keygen -q -t "$kind" -N '' -C host -f "host_$kind"
        ssh-keygen -q -t "$kind" -N '' -C "$kind" -f "$kind"
    done
    ssh-keygen -q -t ed25519 -N '' -C other-host -f other_host_ed25519
    ssh-keygen -q -t ed25519 -N '' -C stranger -f stranger
    ssh-keygen -q -t ed25519 -N "$1" -C locked -f locked
    cat ed25519.pub ecdsa.pub rsa.pub locked.pub >authorized_keys
    chmod 644 authorized_keys
}

# The machine's users are not wanted, but for those that sshd itself needs.
make_ssh_user() {
    local home=$DIR/sftp/files
    mkdir "$home"
    [[ $(id -u) == 0 ]] || return 0
    getent passwd root sshd >"$DIR/sftp/passwd"
    echo 'keeper:x:64001:64001::/srv/home:/bin/sh' >>"$DIR/sftp/passwd"
    echo "keeper:$(openssl passwd -6 "$1"):19000:0:99999:7:::" >"$DIR/sftp/shadow"
    chmod 644 "$DIR/sftp/passwd"
    chown 64001:64001 "$home"
}

# The user's sessions need nothing of the machine.
configure_sshd() {
    local server=$1 key keys=$DIR/sftp/authorized_keys
    [[ $(id -u) != 0 ]] || keys=/srv/authorized_keys
    {
        cat <<END
Port $2
ListenAddress 127.0.0.1
PidFile none
LogLevel VERBOSE
UsePAM no
StrictModes no
AuthorizedKeysFile $keys
Subsystem sftp internal-sftp
MaxSessions 100
MaxStartups 200
END
        for key in "${@:3}"; do
            echo "HostKey $DIR/sftp/$key"
        done
    } >"$DIR/sftp/$server.conf"
}

sshd_settled() {
    stopped "$1" || (: <"/dev/tcp/127.0.0.1/$2") 2>/dev/null
}

# Start server $1 with host keys "$2..."; its port is left in PORT.
start_sshd() {
    local run=("$SSHD")
    [[ $(id -u) != 0 ]] ||
        run=(unshare --mount --pid --fork --kill-child --propagation private "$HERE/sshd" "$DIR/sftp")
    for _ in 1 2 3 4 5; do
        PORT=$(free_port)
        configure_sshd "$1" "$PORT" "${@:2}"
        launch "$1" "${run[@]}" -D -e -f "$DIR/sftp/$1.conf"
        wait_for "$TIMEOUT" sshd_settled "$1" "$PORT" || give_up "$1"
        if running "$1"; then
            return
        fi
        port_was_taken "$1" || break
    done
    give_up "$1"
}

# Lines for known_hosts: port $1, keys "$2...".
known_hosts() {
    local port=$1 key
    for key in "${@:2}"; do
        echo "[127.0.0.1]:$port $(cut -d' ' -f1,2 "$DIR/sftp/$key.pub")"
    done
}

fingerprint() {
    local word
    read -r _ word _ < <(ssh-keygen -l -f "$DIR/sftp/$1.pub")
    echo "$word"
}

tell_sftp() {
    local user home paths=()
    user=$(id -un) home=$DIR/sftp/files
    if [[ $(id -u) == 0 ]]; then
        user=keeper home=/srv/home
        # A file system of 1 MiB.
        paths=(full /srv/full password "$3")
    fi
    write_json "$DIR/sftp.json" \
        host 127.0.0.1 port "$1" other_port "$2" user "$user" "${paths[@]}" passphrase "$4" \
        home "$home" files "$DIR/sftp/files" \
        known_hosts "$DIR/sftp/known_hosts" other_known_hosts "$DIR/sftp/other_known_hosts" \
        fingerprint "$(fingerprint host_ed25519)" \
        other_fingerprint "$(fingerprint other_host_ed25519)" \
        ed25519 "$DIR/sftp/ed25519" ecdsa "$DIR/sftp/ecdsa" rsa "$DIR/sftp/rsa" \
        locked "$DIR/sftp/locked" stranger "$DIR/sftp/stranger"
}

start_sftp() {
    local port other password passphrase keys=(host_ed25519 host_ecdsa host_rsa)
    ! running sshd || ! running sshd-other || return 0
    needs "$SSHD" openssl ssh-keygen unshare
    [[ $(id -u) != 0 ]] ||
        unshare --mount --pid --fork --propagation private mount -t proc proc /proc 2>/dev/null ||
        cannot "new mount and PID namespaces are refused"
    # The server has others in the place of these.
    [[ $DIR/ != /run/* && $DIR/ != /srv/* ]] || cannot "the folder is below /run or /srv"
    stop_sftp
    rm -rf "$DIR/sftp"
    mkdir "$DIR/sftp"
    password=$(openssl rand -base64 9) passphrase=$(openssl rand -base64 9)
    (make_ssh_keys "$passphrase")
    make_ssh_user "$password"
    start_sshd sshd "${keys[@]}"
    port=$PORT
    start_sshd sshd-other other_host_ed25519
    other=$PORT
    known_hosts "$port" "${keys[@]}" >"$DIR/sftp/known_hosts"
    known_hosts "$other" other_host_ed25519 >"$DIR/sftp/other_known_hosts"
    tell_sftp "$port" "$other" "$password" "$passphrase"
}

stop_sftp() {
    rm -f "$DIR/sftp.json"
    kill_server sshd
    kill_server sshd-other
}
