--- A large file by SFTP, beside OpenSSH's sftp, and dd through ssh as the limit.
local fs = require("salvor.fs")
local fault_proxy = require("support.fault_proxy")
local storage = require("storage")

local UP = [[from=$1 to=$2; shift 2
    dd if="$from" bs=1M status=none | ssh "$@" "dd of=$to bs=1M status=none"]]
local DOWN = [[from=$1 to=$2; shift 2
    ssh "$@" "dd if=$from bs=1M status=none" | dd of="$to" bs=1M status=none]]

--- A file of the server, as it is reached through `port`: by our URL, and by OpenSSH's programs.
local function remote_file(bench, at, port)
    local known_hosts = fs.join(bench.scratch, "known_hosts-" .. port)
    local hosts = must(fs.read(at.known_hosts)):gsub("%]:%d+", "]:" .. port)
    must(fs.write(known_hosts, hosts))
    local path = at.home .. "/bench"
    return {
        path = path,
        url = string.format("sftp://%s@%s:%d%s?key_file=%s&known_hosts=%s&config=none", at.user,
            at.host, port, path, at.ed25519, known_hosts),
        login = {"-q", "-F", "none", "-oBatchMode=yes", "-oIdentitiesOnly=yes",
                 "-oUserKnownHostsFile=" .. known_hosts, "-i", at.ed25519, "-oPort=" .. port,
                 at.user .. "@" .. at.host},
    }
end

local function sftp(bench, remote, verb, from, to)
    local batch = fs.join(bench.scratch, "batch-" .. verb)
    must(fs.write(batch, string.format("%s %s %s\n", verb, from, to)))
    return storage.program("sftp", "-b", batch, table.unpack(remote.login))
end

local function bench_connection(bench, server, data, port, what, limit)
    local remote = remote_file(bench, server.at, port)
    local file, back = storage.large_file(bench), fs.join(bench.scratch, "back")
    local limits = {time = limit, mebibytes = 64, runs = storage.RUNS}
    limits.before = storage.remover(fs.join(server.at.files, "bench"))
    limits.bare = storage.script("dd | ssh", UP, file, remote.path, table.unpack(remote.login))
    bench:pair(what .. " by SFTP, up", data("cp", "-q", file, remote.url),
        sftp(bench, remote, "put", file, remote.path), limits)
    limits.before = storage.remover(back)
    limits.bare = storage.script("ssh | dd", DOWN, remote.path, back, table.unpack(remote.login))
    bench:pair(what .. " by SFTP, down", data("cp", "-q", remote.url, back),
        sftp(bench, remote, "get", remote.path, back), limits)
    must(fs.remove_tree(back))
end

--- The delay is that of a relay, and not of the kernel's netem: that is not everywhere, and slows
--- the whole loopback device down.
local function bench_sftp(bench, data)
    local server <close>, why = storage.start(bench, "sftp")
    if not server then
        return bench:leave_out("SFTP", why)
    end
    local at = server.at
    local port = math.tointeger(at.port)
    bench_connection(bench, server, data, port, "512 MiB", 1.2)
    local far <close> = fault_proxy.start({to = at.host .. ":" .. port, raw = true})
    far:rules({{delay = 0.025}})
    bench_connection(bench, server, data, far.port, "512 MiB, 50 ms away,", 1)
end

return {{"sftp", bench_sftp}}
