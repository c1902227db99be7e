--- The storage servers that specs run against (tests/lab/storage): those of SALVOR_STORAGE_DIR,
--- otherwise of a folder of this process's own, stopped when it ends. Each is started on first use
--- and shared between specs, which keep apart by names of their own: those of bucket(), folder()
--- and container().
local digest = require("salvor.digest")
local fault_proxy = require("support.fault_proxy")
local fs = require("salvor.fs")
local json = require("salvor.json")
local md5 = require("salvor.store.http.md5")
local proc = require("salvor.proc")
local task = require("salvor.task")

local store_lab = {}

-- The exit status of `storage start` where a server cannot be had.
local CANNOT = 77
local UNSIGNED = "UNSIGNED-PAYLOAD"
local SHA256_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

-- Keeps the finaliser until the state is closed.
local own -- luacheck: ignore 231
local folder
local started = {}

local function storage(...)
    return must(proc.run({"tests/lab/storage", ...}, {timeout = 900}))
end

local function own_folder()
    local made = must(fs.temporary_folder())
    own = setmetatable({}, {__gc = function()
        os.execute(string.format("tests/lab/storage stop '%s'; rm -rf '%s'", made, made))
    end})
    storage("start", made, "--parent", tostring(proc.pid()))
    return made
end

local function find_folder()
    local named = os.getenv("SALVOR_STORAGE_DIR")
    if named == "none" then
        return nil, "no storage is started for this run"
    end
    folder = folder or (named ~= "" and named) or own_folder()
    return folder
end

-- What says how to reach server `name`; nil and a reason where it cannot be had.
local function start(name)
    local where, reason = find_folder()
    if not where then
        return nil, reason
    end
    local result = storage("start", where, name)
    if result.code == CANNOT and not os.getenv("CI") then
        return nil, (result.stderr:gsub("^lab: ", ""):gsub("%s+$", ""))
    end
    assert(result.code == 0, result.stderr)
    return must(json.decode(must(fs.read(fs.join(where, name .. ".json")))))
end

--- How to reach "s3", "sftp", "azure" or "pgbackrest": the keys that tests/lab/README.md has. nil
--- and a reason where it cannot be had; raises when it can and does not start.
function store_lab.server(name)
    if not started[name] then
        started[name] = {start(name)}
    end
    return table.unpack(started[name], 1, 2)
end

--- The same, for who is within a describe() of this module.
function store_lab.s3()
    return assert(store_lab.server("s3"))
end

function store_lab.sftp()
    return assert(store_lab.server("sftp"))
end

function store_lab.azure()
    return assert(store_lab.server("azure"))
end

--- Others use the same repositories: change a copy.
function store_lab.pgbackrest()
    return assert(store_lab.server("pgbackrest"))
end

--- A proxy before "s3", "sftp" or "azure" that lets things go wrong: tests/support/fault_proxy.lua.
--- `certificate`: nil, "server" for TLS, "expired" for TLS with a certificate that ended in 2020.
function store_lab.proxy(name, certificate)
    local at = store_lab.server(name)
    local opts = {to = at.endpoint and at.endpoint:match("//([^/]+)"), raw = not at.endpoint}
    opts.to = opts.to or at.host .. ":" .. math.tointeger(at.port)
    if certificate then
        local pki = fs.dirname(at.ca)
        opts.certificate = fs.join(pki, certificate .. ".crt")
        opts.key = fs.join(pki, certificate .. ".key")
    end
    return fault_proxy.start(opts)
end

--- Configures a bucket, as the owner: what is "lifecycle" or "object-lock", text the XML.
function store_lab.configure_bucket(bucket, what, text)
    local file = must(fs.temporary_folder()) .. "/body.xml"
    must(fs.write(file, text))
    assert(store_lab.s3_request("PUT", "/" .. bucket .. "?" .. what .. "=", {
        body = file, headers = {"Content-MD5: " .. md5.to_base64(digest.md5(text))}}))
    must(fs.remove_tree(fs.dirname(file)))
end

--- A new bucket that locks every object for three days.
function store_lab.locking_bucket()
    local bucket = store_lab.name()
    assert(store_lab.s3_request("PUT", "/" .. bucket,
        {headers = {"x-amz-bucket-object-lock-enabled: true"}}))
    store_lab.configure_bucket(bucket, "object-lock", "<ObjectLockConfiguration>"
        .. "<ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention>"
        .. "<Mode>GOVERNANCE</Mode><Days>3</Days></DefaultRetention></Rule>"
        .. "</ObjectLockConfiguration>")
    return bucket
end

--- A describe() whose body is given how to reach the servers of those `names`, "s3" or "s3 sftp";
--- one skipped test, with the reason, where one cannot be had.
function store_lab.describe(title, names, body)
    local busted = require("busted") -- which is not there for who only measures
    local found = {}
    for name in names:gmatch("%w+") do
        local server, why = store_lab.server(name)
        if not server then
            return busted.describe(title, function()
                busted.it("needs " .. name .. " # SKIP " .. why, function()
                    busted.pending(why)
                end)
            end)
        end
        found[#found + 1] = server
    end
    busted.describe(title, function()
        body(table.unpack(found))
    end)
end

local count = 0

--- A name nobody else has.
function store_lab.name()
    count = count + 1
    -- Numbers of processes come back, while a folder of servers may be kept for long.
    return string.format("spec-%d-%x-%d", proc.pid(), math.random(0) & 0xffffff, count)
end

local function curl(method, opts)
    local argv = {"curl", "-sS", "--fail-with-body", "--noproxy", "*", "--path-as-is", "-X", method}
    if method == "HEAD" then
        argv[#argv + 1] = "-I"
    end
    for _, header in ipairs(opts.headers or {}) do
        table.move({"-H", header}, 1, 2, #argv + 1, argv)
    end
    if opts.body then
        table.move({"--upload-file", opts.body}, 1, 2, #argv + 1, argv)
    end
    return argv
end

local function answer(argv)
    local result = must(proc.run(argv, {timeout = 120}))
    if result.code ~= 0 then
        return nil, result.stderr .. result.stdout
    end
    return result.stdout
end

--- A request to the gateway by curl, that is: as somebody else sees it, of the owner unless opts
--- has `access_key` and `secret_key`. opts.body is the path of a file, opts.headers a list;
--- opts.endpoint another URL than the gateway's. The path is signed as it stands. The body of the
--- answer; nil and what curl says when it is an error.
function store_lab.s3_request(method, path, opts)
    opts = opts or {}
    local at = store_lab.s3()
    local argv = curl(method, opts)
    local user = (opts.access_key or at.access_key) .. ":" .. (opts.secret_key or at.secret_key)
    table.move({"--aws-sigv4", "aws:amz:default:s3", "--user", user}, 1, 4, #argv + 1, argv)
    argv[#argv + 1] = "-Hx-amz-content-sha256: " .. (opts.body and UNSIGNED or SHA256_OF_NOTHING)
    argv[#argv + 1] = (opts.endpoint or at.endpoint) .. path
    return answer(argv)
end

--- The name of a new, empty bucket.
function store_lab.bucket()
    local name = store_lab.name()
    assert(store_lab.s3_request("PUT", "/" .. name))
    return name
end

--- A request to the emulator of Azure by curl, with full rights unless opts.sas has others; the
--- rest as for s3_request(). `path` begins with the container and may have a query.
function store_lab.azure_request(method, path, opts)
    opts = opts or {}
    local at = store_lab.azure()
    local argv = curl(method, opts)
    if method == "PUT" and not opts.body then
        argv[#argv + 1] = "-HContent-Length: 0"
    end
    argv[#argv + 1] = at.endpoint .. path .. (path:find("?", 1, true) and "&" or "?")
        .. (opts.sas or at.sas)
    return answer(argv)
end

--- The name of a new, empty container.
function store_lab.container()
    local name = store_lab.name()
    assert(store_lab.azure_request("PUT", "/" .. name .. "?restype=container"))
    return name
end

--- A new, empty folder of the SFTP server's: its path there and its path on this machine.
function store_lab.folder()
    local at, name = store_lab.sftp(), store_lab.name()
    local path = fs.join(at.files, name)
    must(fs.mkdir(path))
    if at.password then -- a user other than ours
        assert(os.execute(string.format("chown 64001:64001 '%s'", path)))
    end
    return at.home .. "/" .. name, path
end

--- How many files this process has open. With `expected`: once there are so few, since connections
--- end by themselves, or after some seconds.
function store_lab.count_open_files(expected)
    local deadline = task.now() + 10
    while true do
        local found = #must(fs.list("/proc/self/fd"))
        if not expected or found <= expected or task.now() > deadline then
            return found
        end
        task.sleep(0.01)
    end
end

return store_lab
