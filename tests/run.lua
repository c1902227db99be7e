-- Runs the test programs in parallel and counts:
--
--     salvor tests/run.lua [--lab[=kubernetes]] [--valgrind] [--workers=COUNT] PROGRAM|SPEC...
--
-- A word that ends in _spec.lua is run by busted inside this Salvor; any other is a program, one
-- that replays fuzzing over its corpus. All speak TAP. With --lab an API server is started for all
-- of them, and it is an error when it does not start; so is a node, on which pods run, for those
-- whose name ends in _node_spec.lua. Where there can be no node these are skipped, with the reason.
-- The storage servers are started by the first who asks for one (tests/support/store_lab.lua), but
-- not with --lab=kubernetes: they take as long to start as all of a short run.
-- With --valgrind all run under valgrind. Most of a test's time is waiting for a server, so two run
-- at the same time for each processor, or as many as --workers says. The last line is
-- "N passed, N failed, N skipped".
local fs = require("salvor.fs")
local proc = require("salvor.proc")
local task = require("salvor.task")

package.path = fs.absolute("tests") .. "/?.lua;" .. package.path

local node = require("support.node")

local SALVOR = arg[-1]
local TIMEOUT = 1200
local STARTING, STOPPING = 600, 300 -- seconds for the servers
local BUSTED = "/usr/bin/busted"
local VALGRIND = {"valgrind", "-q", "--error-exitcode=9", "--leak-check=full",
                  "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"}

local function read_arguments()
    local words, options = {}, {}
    for _, word in ipairs(arg) do
        local option, value = word:match("^(%-%-[^=]+)=?(.*)$")
        if option then
            options[option] = value
        else
            words[#words + 1] = word
        end
    end
    return words, options
end

local function start_lab(folder)
    local argv = {"tests/lab/lab", "start", folder, "--parent", tostring(proc.pid())}
    local result = must(proc.run(argv, {timeout = STARTING}))
    if result.code ~= 0 then
        io.stderr:write(result.stderr)
        error("the lab does not start")
    end
end

local function succeeds(argv)
    return must(proc.run(argv)).code == 0
end

-- The folder of the node's lab; nil and a reason when there is to be none.
local function start_node(folder)
    if not succeeds({"tests/lab/build", "--check", "--all"}) then
        return nil, "its programs have not been built (tests/lab/build --all)"
    end
    return node.start(folder)
end

local function needs_node(words)
    for _, word in ipairs(words) do
        if word:match("_node_spec%.lua$") then
            return true
        end
    end
    return false
end

-- Nothing is started yet but what will stop whatever is.
local function start_storage(folder)
    must(proc.run({"tests/lab/storage", "start", folder, "--parent", tostring(proc.pid())}))
    return folder
end

-- What programs are told about the servers that run for them.
local function start_servers(words, options, scratch)
    local env = {SALVOR_LAB_DIR = "none", SALVOR_NODE_DIR = "none", SALVOR_STORAGE_DIR = "none"}
    if not options["--lab"] then
        return env
    end
    if options["--lab"] ~= "kubernetes" then
        env.SALVOR_STORAGE_DIR = start_storage(fs.join(scratch, "storage"))
    end
    task.all({
        function()
            env.SALVOR_LAB_DIR = fs.join(scratch, "lab")
            start_lab(env.SALVOR_LAB_DIR)
        end,
        function()
            if needs_node(words) then
                local folder, why = start_node(fs.join(scratch, "node"))
                env.SALVOR_NODE_DIR = folder or "none"
                env.SALVOR_NODE_REASON = why
            end
        end,
    })
    return env
end

local function stop_servers(scratch)
    for _, name in ipairs({"lab", "node"}) do
        proc.run({"tests/lab/lab", "stop", fs.join(scratch, name)}, {timeout = STOPPING})
    end
    proc.run({"tests/lab/storage", "stop", fs.join(scratch, "storage")}, {timeout = STOPPING})
end

local function command(word)
    if word:match("_spec%.lua$") then
        return {SALVOR, BUSTED, "--output=TAP", "--helper=tests/support/helper.lua", word}
    end
    local corpus = word:match("/replay_([%w_]+)$")
    local argv = {word}
    for _, file in ipairs(corpus and must(fs.list("tests/fuzz/corpus/" .. corpus)) or {}) do
        argv[#argv + 1] = fs.join("tests/fuzz/corpus", corpus, file.name)
    end
    return argv
end

-- Every program gets a home of its own, so that none sees another's or the user's files.
local function environment(folder, servers)
    local env = {
        HOME = folder,
        TMPDIR = folder,
        XDG_CONFIG_HOME = false,
        XDG_STATE_HOME = false,
        XDG_CACHE_HOME = false,
        KUBECONFIG = false,
        NO_COLOR = "1",
        SALVOR = fs.absolute(SALVOR),
        -- What a lab of a program's own is started from is where it was for us.
        SALVOR_LAB_CACHE = os.getenv("SALVOR_LAB_CACHE") or fs.join(os.getenv("XDG_CACHE_HOME")
            or fs.join(os.getenv("HOME") or "/", ".cache"), "salvor-lab"),
        CMOCKA_MESSAGE_OUTPUT = "TAP",
        LUA_PATH = fs.absolute("tests/?.lua") .. ";;",
    }
    for name, value in pairs(servers) do
        env[name] = value
    end
    return env
end

local function count(output)
    local passed, failed, skipped = 0, 0, 0
    for line in output:gmatch("[^\n]+") do
        if line:match("^not ok") and not line:match("# SKIP") then
            failed = failed + 1
        elseif line:match("ok .*# SKIP") then -- cmocka calls one "not ok"
            skipped = skipped + 1
        elseif line:match("^ok ") then
            passed = passed + 1
        end
    end
    return passed, failed, skipped
end

local function print_failures(result)
    for line in result.stdout:gmatch("[^\n]+") do
        if not line:match("^ok ") then
            print("    " .. line)
        end
    end
    print("    " .. result.stderr:gsub("\n", "\n    "))
end

local function run(word, scratch, servers, watcher)
    local began = task.now()
    local home = must(fs.temporary_folder(scratch))
    local argv, own = {table.unpack(watcher)}, command(word)
    table.move(own, 1, #own, #argv + 1, argv)
    local result, err = proc.run(argv, {env = environment(home, servers), timeout = TIMEOUT})
    if not result then
        local written = err.details or {stdout = "", stderr = ""}
        result = {code = -1, stdout = written.stdout, stderr = written.stderr .. tostring(err)}
    end
    local passed, failed, skipped = count(result.stdout)
    -- A crash, a time-out and a test that ended half-way are failures even when no line says so.
    if failed == 0 and (result.code ~= 0 or not result.stdout:match("1%.%.%d+")) then
        failed = 1
    end
    print(string.format("%s %s: %d passed, %d failed, %d skipped (%.1f s)",
        failed == 0 and "ok  " or "FAIL", word, passed, failed, skipped, task.now() - began))
    if failed > 0 then
        print_failures(result)
    end
    for reason in ("\n" .. result.stdout):gmatch("\nok [^\n]*# SKIP ([^\n]*)") do
        print("    skipped: " .. reason)
    end
    return {passed, failed, skipped}
end

local function processors()
    local result = proc.run({"nproc"})
    return result and tonumber(result.stdout) or 2
end

local words, options = read_arguments()
local scratch = must(fs.temporary_folder())
local cleanup <close> = setmetatable({}, {__close = function() -- luacheck: ignore 211
    stop_servers(scratch)
    must(fs.remove_tree(scratch))
end})
local servers = start_servers(words, options, scratch)
local total = {0, 0, 0}
for _, counts in ipairs(task.map(words, function(word)
    return run(word, scratch, servers, options["--valgrind"] and VALGRIND or {})
end, {workers = tonumber(options["--workers"]) or 2 * processors()})) do
    for index = 1, 3 do
        total[index] = total[index] + counts[index]
    end
end
print(string.format("%d passed, %d failed, %d skipped", table.unpack(total)))
os.exit(total[2] == 0)
