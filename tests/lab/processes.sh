#!/bin/bash
# The lab's processes: started, told apart from others, stopped. Sourced by
# tests/lab/lab, tests/lab/node and tests/lab/storage, which say in DIR where
# all is kept.
#
# Functions handed to wait_for look unreachable to shellcheck, and what those
# who source this use looks unused.
# shellcheck disable=SC2317,SC2034

TIMEOUT=${SALVOR_LAB_TIMEOUT:-60}
# Seconds a server may take to end of its own accord. An API server with a watch
# open would take a minute, and nothing here is lost by a kill.
GRACE=2

die() {
    printf 'lab: %s\n' "$*" >&2
    exit 1
}

# DIR/NAME.pid holds a process id and the time that process started at. The two
# together name one process for good; the id alone could be another's by now.

# The start time of process $1; fails when it has ended, reaped or not.
start_time() {
    local stat fields
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    # The second field is a name that may hold anything, even ") ".
    read -ra fields <<<"${stat##*) }"
    [[ ${fields[0]} != [ZX] ]] || return 1
    echo "${fields[19]}"
}

# The process id of server $1; fails when it is not running.
pid_of() {
    local pid start
    { read -r pid start <"$DIR/$1.pid"; } 2>/dev/null || return 1
    [[ $(start_time "$pid") == "$start" ]] || return 1
    echo "$pid"
}

running() {
    pid_of "$1" >/dev/null
}

stopped() {
    ! running "$1"
}

# Poll "$2..." until it succeeds; fails after $1 seconds.
wait_for() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS <= deadline)) || return 1
        sleep 0.05
    done
}

# Until process $1 has ended.
await_end() {
    local start
    start=$(start_time "$1") || return 0
    while [[ $(start_time "$1") == "$start" ]]; do
        sleep 0.5
    done
}

# Start "$2..." as server $1, in a session of its own and with none of our
# files open: a caller that reads our output must see it end when we end.
launch() {
    local name=$1 pid fd
    shift
    (
        for fd in /proc/self/fd/*; do
            fd=${fd##*/}
            ((fd <= 2)) || exec {fd}>&-
        done
        exec setsid "$@" </dev/null >"$DIR/$name.log" 2>&1
    ) &
    pid=$!
    echo "$pid $(start_time "$pid")" >"$DIR/$name.pid"
}

# Stop server $1; nothing happens when it is not running.
stop_server() {
    local pid
    if pid=$(pid_of "$1"); then
        kill -TERM "$pid" 2>/dev/null || true
        wait_for "$GRACE" stopped "$1" || kill -KILL "$pid" 2>/dev/null || true
        wait_for 30 stopped "$1" || die "$1 (process $pid) does not end"
    fi
    rm -f "$DIR/$1.pid"
}

# Stop server $1, which has nothing to lose.
kill_server() {
    local pid
    if pid=$(pid_of "$1"); then
        kill -KILL "$pid" 2>/dev/null || true
    fi
    stop_server "$1"
}

# A port nobody answers on, below those the kernel gives to outgoing
# connections. Somebody else may still take it before we do: see start_etcd.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 10000))
        (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

port_was_taken() {
    grep -qi 'address already in use' "$DIR/$1.log"
}

# Server $1 has not become ready.
give_up() {
    printf 'lab: %s is not ready; the end of %s:\n' "$1" "$DIR/$1.log" >&2
    tail -n 25 "$DIR/$1.log" >&2
    stop_server "$1"
    exit 1
}
