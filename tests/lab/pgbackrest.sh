#!/bin/bash
# What pgBackRest keeps: repositories of a PostgreSQL that was real when they
# were made. Sourced by tests/lab/storage.

# The same program makes the same repositories.
BACKUPS=$CACHE/backups-$(sha256sum "$HERE/backups" | cut -c1-12).tar.gz

# Run "$@" as a user whom PostgreSQL accepts.
as_postgres() {
    if [[ $(id -u) == 0 ]]; then
        setpriv --reuid=postgres --regid=postgres --init-groups env -i PATH="$PATH" "$@"
    else
        "$@"
    fi
}

# Make the repositories in the new folder $1, which may not be below one that
# only we may enter.
make_backups() {
    [[ $(id -u) != 0 ]] || chown postgres:postgres "$1"
    # As root we may not be able to read our own scripts as somebody else.
    cp "$HERE/backups" "$1/backups"
    chmod 755 "$1/backups"
    (cd "$1" && as_postgres "$1/backups" "$1") >"$1/backups.log" 2>&1 || {
        tail -n 25 "$1/backups.log" >&2
        die "the repositories of pgBackRest could not be made"
    }
}

prepare_pgbackrest() {
    local work
    [[ ! -e $BACKUPS ]] || return 0
    needs pgbackrest psql setpriv /usr/lib/postgresql/15/bin/postgres
    lock_cache backups
    [[ ! -e $BACKUPS ]] || return 0
    rm -f "$CACHE"/backups-*
    work=$(mktemp -d /tmp/backups.XXXXXX)
    # shellcheck disable=SC2064 # the folder of now is meant
    (
        trap "rm -rf '$work'" EXIT
        make_backups "$work"
        tar -C "$work/repositories" --sparse -czf "$BACKUPS.new" .
    )
    mv "$BACKUPS.new" "$BACKUPS"
}

start_pgbackrest() {
    local folder=$DIR/pgbackrest name names=()
    [[ ! -e $DIR/pgbackrest.json ]] || return 0
    prepare_pgbackrest
    rm -rf "$folder"
    mkdir "$folder"
    tar -C "$folder" --no-same-owner -xzf "$BACKUPS"
    for name in gz zst lz4 bz2 none encrypted bundle; do
        names+=("$name" "$folder/$name")
    done
    write_json "$DIR/pgbackrest.json" stanza main passphrase backups-of-the-lab "${names[@]}"
}

# There is no server, and files stay.
stop_pgbackrest() {
    :
}
