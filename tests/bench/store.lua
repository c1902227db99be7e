--- Objects and backup sets, beside rclone, aws-cli, OpenSSH's sftp and tar, and curl or dd as the
--- limit.
local fs = require("salvor.fs")
local json = require("salvor.json")
local proc = require("salvor.proc")
local fault_proxy = require("support.fault_proxy")
local python_server = require("support.python_server")

local MiB = 1 << 20
local LARGE = 512 * MiB
local SMALL = 2000 -- objects of 4 KiB
local NAMES = 100000
local PAGE = 1000 -- names
local MANY_NAMES = 1000000
local WORKERS = "16"
local RUNS = 5
local AWS = "/usr/bin/aws" -- Debian's, whatever else is on PATH
local SET = 3 -- archives, 2 GiB of them
local SET_MEMBERS = 14 -- of 64 MiB in each, which make 49 MiB when compressed
local SET_ID = "1587549284406812631"

local function run(argv, opts)
    opts = opts or {}
    local result = must(proc.run(argv, {timeout = 1200, env = opts.env, cwd = opts.cwd}))
    assert(result.code == 0, table.concat(argv, " ") .. ": " .. result.stderr)
end

local function shell(script, ...)
    run({"sh", "-euc", script, "sh", ...})
end

local storage = {}
storage.__index = storage

--- A server of this run's own; nil and a reason where there is none. To be closed.
local function start(bench, name)
    local folder = must(fs.temporary_folder(bench.scratch))
    local argv = {"tests/lab/storage", "start", folder, "--parent", tostring(proc.pid()), name}
    local result = must(proc.run(argv, {timeout = 900}))
    if result.code ~= 0 then
        return nil, (result.stderr:match("^[^\n]+") or "the server does not start")
    end
    return setmetatable({folder = folder,
        at = must(json.decode(must(fs.read(fs.join(folder, name .. ".json")))))}, storage)
end

function storage:__close()
    run({"tests/lab/storage", "stop", self.folder})
end

--- Bytes that cannot be compressed, and a folder of small files of them.
local function make_data(bench, size)
    local path = fs.join(bench.scratch, "data-" .. size // MiB)
    if not fs.stat(path) then
        shell('head -c "$1" /dev/urandom > "$2"', tostring(size), path)
    end
    return path
end

local function make_small(bench)
    local folder = fs.join(bench.scratch, "small")
    must(fs.mkdir(folder))
    shell('cd "$1"; head -c "$2" /dev/urandom | split -b 4096 -a 4 -d - object-', folder,
        tostring(SMALL * 4096))
    return folder, string.format("object-[0000-%04d]", SMALL - 1) -- as curl has its names
end

local function program(name, ...)
    return {name = name:match("[^/]+$"), argv = {name, ...}}
end

--- A program that takes more than one command to run.
local function script(name, commands, ...)
    return {name = name, argv = {"sh", "-euc", commands, "sh", ...}}
end

local function remover(path)
    return function()
        run({"rm", "-rf", path})
    end
end

-- S3

local function set_environment(bench, at)
    local env = bench.env
    env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY = at.access_key, at.secret_key
    env.AWS_EC2_METADATA_DISABLED, env.AWS_CA_BUNDLE, env.RCLONE_CONFIG = "true", false, ""
    env.RCLONE_CONFIG_LAB_TYPE, env.RCLONE_CONFIG_LAB_PROVIDER = "s3", "Ceph"
    env.RCLONE_CONFIG_LAB_ENDPOINT, env.RCLONE_CONFIG_LAB_ENV_AUTH = at.endpoint, "true"
end

local function bench_large(bench, s3, data)
    local file = make_data(bench, LARGE)
    local there, back = "large/up", fs.join(bench.scratch, "back")
    local up = {time = 1, mebibytes = 64, runs = RUNS, before = function() s3:remove("large") end,
                bare = s3:curl("-T", file, there)}
    bench:pair("512 MiB to S3", data("cp", "-q", file, s3:url(there)),
        s3:rclone("copyto", file, "lab:bench/" .. there), up)
    bench:pair("512 MiB to S3", data("cp", "-q", file, s3:url(there)),
        s3:aws("cp", "--only-show-errors", file, "s3://bench/" .. there), up)
    s3:put(file, "down")
    local down = {time = 1, mebibytes = 64, runs = RUNS, before = remover(back),
                  bare = s3:curl("-o", back, "down")}
    bench:pair("512 MiB from S3", data("cp", "-q", s3:url("down"), back),
        s3:rclone("copyto", "lab:bench/down", back), down)
    bench:pair("512 MiB from S3", data("cp", "-q", s3:url("down"), back),
        s3:aws("cp", "--only-show-errors", "s3://bench/down", back), down)
    run({"rm", "-rf", back})
end

--- The server holds the second half of an answer back until the first is acknowledged, for which
--- the kernel takes 40 ms where it is not told to hurry (src/net/sockets.c).
local function note_delay(bench, what)
    bench:note(what .. ": curl waits 40 ms for each answer, and so is not the limit it should be")
end

local function bench_small(bench, s3, data)
    local folder, names = make_small(bench)
    local back = fs.join(bench.scratch, "back")
    bench:pair("2,000 x 4 KiB to S3",
        data("cp", "-q", "--workers", WORKERS, folder, s3:url("small")),
        s3:rclone("copy", "--transfers", WORKERS, "--checkers", WORKERS, folder, "lab:bench/small"),
        {time = 0.7, runs = RUNS, before = function() s3:remove("small") end,
         bare = s3:curl("-Z", "--parallel-max", WORKERS, "-T", fs.join(folder, names), "small/")})
    bench:pair("2,000 x 4 KiB from S3",
        data("cp", "-q", "--workers", WORKERS, s3:url("small"), back),
        s3:rclone("copy", "--transfers", WORKERS, "--checkers", WORKERS, "lab:bench/small", back),
        {time = 0.7, runs = RUNS, before = remover(back),
         bare = s3:curl("-Z", "--parallel-max", WORKERS, "--create-dirs", "-o",
             fs.join(back, "#1"), "small/" .. names)})
    note_delay(bench, "2,000 x 4 KiB from S3")
    must(fs.remove_tree(back))
end

local function bench_names(bench, s3, data)
    local folder = fs.join(bench.scratch, "names")
    must(fs.mkdir(folder))
    shell('cd "$1"; seq -f "name-%06.0f" "$2" | xargs touch', folder, tostring(NAMES))
    run({"rclone", "copy", "--transfers", "64", "--s3-no-check-bucket", "--no-traverse", folder,
         "lab:bench/names"}, {env = bench.env})
    bench:pair("list 100,000 names", data("ls", "-r", s3:url("names")),
        s3:rclone("lsf", "-R", "--files-only", "--format", "tsp", "--use-server-modtime",
            "lab:bench/names"),
        {time = 1, mebibytes = 32, runs = RUNS,
         -- The pages, when it is known where each begins.
         bare = s3:curl(string.format("?list-type=2&prefix=names%%2F&start-after=names%%2Fname-"
             .. "[000000-%06d:%d]", NAMES - PAGE, PAGE))})
    note_delay(bench, "list 100,000 names")
end

local bucket = {}
bucket.__index = bucket

function bucket:url(key)
    return "s3://bench/" .. key .. "?endpoint=" .. self.at.endpoint .. "&region=default"
end

function bucket.rclone(_, ...)
    return program("rclone", ...)
end

function bucket:aws(...)
    return program(AWS, "s3", "--endpoint-url", self.at.endpoint, ...)
end

--- Transfers by curl: its words, of which the last is the key or, in its brackets, many.
function bucket:curl(...)
    local words = {...}
    local key = table.remove(words)
    return program("curl", "-sSf", "--noproxy", "*", "--aws-sigv4", "aws:amz:default:s3", "--user",
        self.at.access_key .. ":" .. self.at.secret_key, "-H",
        "x-amz-content-sha256: UNSIGNED-PAYLOAD", self.at.endpoint .. "/bench/" .. key,
        table.unpack(words))
end

function bucket:put(file, key)
    run(self:curl("-T", file, key).argv)
end

--- All below a prefix, if there is any.
function bucket:remove(prefix)
    proc.run({"rclone", "purge", "lab:bench/" .. prefix}, {timeout = 300, env = self.env})
end

--- A part that has a bucket to itself.
local function on_s3(measure)
    return function(bench, data)
        if not proc.which("rclone") or not fs.stat(AWS) then
            return bench:leave_out("S3", "there is no rclone or no aws-cli (tests/bench/packages)")
        end
        local server <close>, why = start(bench, "s3")
        if not server then
            return bench:leave_out("S3", why)
        end
        set_environment(bench, server.at)
        local s3 = setmetatable({at = server.at, env = bench.env}, bucket)
        run(s3:curl("-XPUT", "").argv)
        measure(bench, s3, data)
    end
end

--- As many as few have, from a server that only makes them up.
local function bench_many_names(bench, data)
    local server = python_server.start(python_server.class(), "names_server.py", nil, MANY_NAMES)
    local env = bench.env
    env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY, env.AWS_CA_BUNDLE = "a", "b", false
    bench:single("list 1,000,000 names", data("ls", "-r",
        "s3://many?region=default&endpoint=http://127.0.0.1:" .. server.port), 32)
    server:stop()
end

-- SFTP

--- What moves `file` to ("put") or from ("get") the server at `port`: ours, OpenSSH's sftp, and the
--- limit, the bytes through a bare session.
local function sftp_programs(bench, at, port, data, direction, file)
    local known_hosts = fs.join(bench.scratch, "known_hosts-" .. port)
    local hosts = must(fs.read(at.known_hosts)):gsub("%]:%d+", "]:" .. port)
    must(fs.write(known_hosts, hosts))
    local there = at.home .. "/bench"
    local url = string.format("sftp://%s@%s:%d%s?key_file=%s&known_hosts=%s&config=none", at.user,
        at.host, port, there, at.ed25519, known_hosts)
    local login = {"-q", "-F", "none", "-oBatchMode=yes", "-oIdentitiesOnly=yes",
                   "-oUserKnownHostsFile=" .. known_hosts, "-i", at.ed25519,
                   "-oPort=" .. port, at.user .. "@" .. at.host}
    local batch = fs.join(bench.scratch, "batch-" .. direction)
    local function sftp(from, to)
        must(fs.write(batch, direction .. " " .. from .. " " .. to .. "\n"))
        return program("sftp", "-b", batch, table.unpack(login))
    end
    if direction == "put" then
        return data("cp", "-q", file, url), sftp(file, there),
            script("dd | ssh", 'from=$1 to=$2; shift 2; dd if="$from" bs=1M status=none |'
                .. ' ssh "$@" "dd of=$to bs=1M status=none"', file, there, table.unpack(login))
    end
    return data("cp", "-q", url, file), sftp(there, file),
        script("ssh | dd", 'from=$1 to=$2; shift 2; ssh "$@" "dd if=$from bs=1M status=none" |'
            .. ' dd of="$to" bs=1M status=none', there, file, table.unpack(login))
end

local function bench_connection(bench, server, data, port, what, size, limit)
    local at, file = server.at, make_data(bench, size)
    local back = fs.join(bench.scratch, "back")
    local function measure(direction, name, local_file, written)
        local ours, theirs, bare = sftp_programs(bench, at, port, data, direction, local_file)
        bench:pair(what .. " by SFTP, " .. name, ours, theirs,
            {time = limit, mebibytes = 64, runs = RUNS, before = remover(written), bare = bare})
    end
    measure("put", "up", file, fs.join(at.files, "bench"))
    measure("get", "down", back, back)
    must(fs.remove_tree(back))
end

--- The delay is that of a relay, and not of the kernel's netem: that is not everywhere, and slows
--- the whole loopback device down.
local function bench_sftp(bench, data)
    local server <close>, why = start(bench, "sftp")
    if not server then
        return bench:leave_out("SFTP", why)
    end
    local at = server.at
    bench_connection(bench, server, data, math.tointeger(at.port), "512 MiB", LARGE, 1.2)
    local far <close> = fault_proxy.start({to = at.host .. ":" .. math.tointeger(at.port),
                                           raw = true})
    far:rules({{delay = 0.025}})
    bench_connection(bench, server, data, far.port, "512 MiB, 50 ms away,", LARGE, 1)
end

-- Backup sets

--- Archives as API Connect v2018 makes them, of text that compresses to three quarters.
local function make_set(bench)
    local folder = fs.join(bench.scratch, "set")
    must(fs.mkdir(folder))
    shell([[cd "$1"; mkdir data; head -c 50331648 /dev/urandom | base64 -w0 > data/part-1
        for i in $(seq 2 "$3"); do ln data/part-1 "data/part-$i"; done
        for i in $(seq 0 $(($2 - 1))); do
            tar -c --hard-dereference data | gzip -1 > "$4-$i-$2.tar.gz" &
        done
        wait; rm -r data]], folder, tostring(SET), tostring(SET_MEMBERS), SET_ID)
    return folder
end

local function bench_sets(bench, data)
    local folder = make_set(bench)
    bench:pair("verify 2 GiB of archives", data("verify", "--full", folder),
        script("tar", 'for f in "$1"/*; do tar -tzf "$f"; done', folder),
        {time = 1.3, runs = RUNS,
         bare = script("dd", 'for f in "$1"/*; do dd if="$f" bs=1M status=none; done', folder)})
    must(fs.remove_tree(folder))
end

local PARTS = {
    {"large", on_s3(bench_large)},
    {"small", on_s3(bench_small)},
    {"names", on_s3(bench_names)},
    {"many", bench_many_names},
    {"sftp", bench_sftp},
    {"sets", bench_sets},
}

return function(bench, build, what)
    local function ours(...)
        return {name = "salvor", argv = {fs.join(build, "salvor"), "store", ...}}
    end
    for _, part in ipairs(PARTS) do
        if what == "" or what == part[1] then
            part[2](bench, ours)
        end
    end
end
