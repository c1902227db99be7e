--- Objects on S3, beside rclone and aws-cli, and curl as the limit.
local fs = require("salvor.fs")
local proc = require("salvor.proc")
local python_server = require("support.python_server")
local storage = require("storage")

local SMALL = 2000 -- objects of 4 KiB
local NAMES = 100000
local PAGE = 1000 -- names
local MANY_NAMES = 1000000
local WORKERS = "16"
local AWS = "/usr/bin/aws" -- Debian's, whatever else is on PATH

--- A folder of small files, and their names as curl takes them.
local function make_small(bench)
    local folder = fs.join(bench.scratch, "small")
    must(fs.mkdir(folder))
    storage.shell('cd "$1"; head -c "$2" /dev/urandom | split -b 4096 -a 4 -d - object-', folder,
        tostring(SMALL * 4096))
    return folder, string.format("object-[0000-%04d]", SMALL - 1)
end

local function set_environment(bench, at)
    local env = bench.env
    env.AWS_ACCESS_KEY_ID, env.AWS_SECRET_ACCESS_KEY = at.access_key, at.secret_key
    env.AWS_EC2_METADATA_DISABLED, env.AWS_CA_BUNDLE, env.RCLONE_CONFIG = "true", false, ""
    env.RCLONE_CONFIG_LAB_TYPE, env.RCLONE_CONFIG_LAB_PROVIDER = "s3", "Ceph"
    env.RCLONE_CONFIG_LAB_ENDPOINT, env.RCLONE_CONFIG_LAB_ENV_AUTH = at.endpoint, "true"
end

local function bench_large(bench, s3, data)
    local file = storage.large_file(bench)
    local there, back = "large/up", fs.join(bench.scratch, "back")
    local up = {time = 1, mebibytes = 64, runs = storage.RUNS,
                before = function() s3:remove("large") end, bare = s3:curl("-T", file, there)}
    bench:pair("512 MiB to S3", data("cp", "-q", file, s3:url(there)),
        s3:rclone("copyto", file, "lab:bench/" .. there), up)
    bench:pair("512 MiB to S3", data("cp", "-q", file, s3:url(there)),
        s3:aws("cp", "--only-show-errors", file, "s3://bench/" .. there), up)
    s3:put(file, "down")
    local down = {time = 1, mebibytes = 64, runs = storage.RUNS, before = storage.remover(back),
                  bare = s3:curl("-o", back, "down")}
    bench:pair("512 MiB from S3", data("cp", "-q", s3:url("down"), back),
        s3:rclone("copyto", "lab:bench/down", back), down)
    bench:pair("512 MiB from S3", data("cp", "-q", s3:url("down"), back),
        s3:aws("cp", "--only-show-errors", "s3://bench/down", back), down)
    storage.run({"rm", "-rf", back})
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
        {time = 0.7, runs = storage.RUNS, before = function() s3:remove("small") end,
         bare = s3:curl("-Z", "--parallel-max", WORKERS, "-T", fs.join(folder, names), "small/")})
    bench:pair("2,000 x 4 KiB from S3",
        data("cp", "-q", "--workers", WORKERS, s3:url("small"), back),
        s3:rclone("copy", "--transfers", WORKERS, "--checkers", WORKERS, "lab:bench/small", back),
        {time = 0.7, runs = storage.RUNS, before = storage.remover(back),
         bare = s3:curl("-Z", "--parallel-max", WORKERS, "--create-dirs", "-o",
             fs.join(back, "#1"), "small/" .. names)})
    note_delay(bench, "2,000 x 4 KiB from S3")
    must(fs.remove_tree(back))
end

local function bench_names(bench, s3, data)
    local folder = fs.join(bench.scratch, "names")
    must(fs.mkdir(folder))
    storage.shell('cd "$1"; seq -f "name-%06.0f" "$2" | xargs touch', folder, tostring(NAMES))
    storage.run({"rclone", "copy", "--transfers", "64", "--s3-no-check-bucket", "--no-traverse",
                 folder, "lab:bench/names"}, bench.env)
    bench:pair("list 100,000 names", data("ls", "-r", s3:url("names")),
        s3:rclone("lsf", "-R", "--files-only", "--format", "tsp", "--use-server-modtime",
            "lab:bench/names"),
        {time = 1, mebibytes = 32, runs = storage.RUNS,
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
    return storage.program("rclone", ...)
end

function bucket:aws(...)
    return storage.program(AWS, "s3", "--endpoint-url", self.at.endpoint, ...)
end

--- Transfers by curl: its words, of which the last is the key or, in its brackets, many.
function bucket:curl(...)
    local words = {...}
    local key = table.remove(words)
    return storage.program("curl", "-sSf", "--noproxy", "*", "--aws-sigv4", "aws:amz:default:s3",
        "--user", self.at.access_key .. ":" .. self.at.secret_key, "-H",
        "x-amz-content-sha256: UNSIGNED-PAYLOAD", self.at.endpoint .. "/bench/" .. key,
        table.unpack(words))
end

function bucket:put(file, key)
    storage.run(self:curl("-T", file, key).argv)
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
        local server <close>, why = storage.start(bench, "s3")
        if not server then
            return bench:leave_out("S3", why)
        end
        set_environment(bench, server.at)
        local s3 = setmetatable({at = server.at, env = bench.env}, bucket)
        storage.run(s3:curl("-XPUT", "").argv)
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

return {
    {"large", on_s3(bench_large)},
    {"small", on_s3(bench_small)},
    {"names", on_s3(bench_names)},
    {"many", bench_many_names},
}
