-- Runs the test programs in parallel and counts:
--
--     salvor tests/run.lua [--lab] [--valgrind] PROGRAM|SPEC...
--
-- A word that ends in _spec.lua is run by busted inside this Salvor; any other is a program, one
-- that replays fuzzing over its corpus. All speak TAP. With --lab an API server is started for all
-- of them, and it is an error when it does not start; with --valgrind all run under valgrind. The
-- last line is "N passed, N failed, N skipped".
local fs = require("salvor.fs")
local proc = require("salvor.proc")
local task = require("salvor.task")

local SALVOR = arg[-1]
local TIMEOUT = 1200
local BUSTED = "/usr/bin/busted"
local VALGRIND = {"valgrind", "-q", "--error-exitcode=9", "--leak-check=full",
                  "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"}

local function read_arguments()
    local words, options = {}, {}
    for _, word in ipairs(arg) do
        if word == "--lab" or word == "--valgrind" then
            options[word] = true
        else
            words[#words + 1] = word
        end
    end
    return words, options
end

local function start_lab(folder)
    local argv = {"tests/lab/lab", "start", folder, "--parent", tostring(proc.pid())}
    local result = must(proc.run(argv, {timeout = 300}))
    if result.code ~= 0 then
        io.stderr:write(result.stderr)
        error("the lab does not start")
    end
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
local function environment(folder, lab)
    local env = {
        HOME = folder,
        TMPDIR = folder,
        XDG_CONFIG_HOME = false,
        XDG_STATE_HOME = false,
        XDG_CACHE_HOME = false,
        KUBECONFIG = false,
        NO_COLOR = "1",
        SALVOR = fs.absolute(SALVOR),
        SALVOR_LAB_DIR = lab or "none",
        -- What a lab of a program's own is started from is where it was for us.
        SALVOR_LAB_CACHE = os.getenv("SALVOR_LAB_CACHE") or fs.join(os.getenv("XDG_CACHE_HOME")
            or fs.join(os.getenv("HOME") or "/", ".cache"), "salvor-lab"),
        CMOCKA_MESSAGE_OUTPUT = "TAP",
        LUA_PATH = fs.absolute("tests/?.lua") .. ";;",
    }
    return env
end

local function count(output)
    local passed, failed, skipped = 0, 0, 0
    for line in output:gmatch("[^\n]+") do
        if line:match("^not ok") then
            failed = failed + 1
        elseif line:match("^ok .*# SKIP") then
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

local function run(word, scratch, lab, watcher)
    local began = task.now()
    local home = must(fs.temporary_folder(scratch))
    local argv, own = {table.unpack(watcher)}, command(word)
    table.move(own, 1, #own, #argv + 1, argv)
    local result, err = proc.run(argv, {env = environment(home, lab), timeout = TIMEOUT})
    result = result or {code = -1, stdout = "", stderr = tostring(err)}
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
local lab = options["--lab"] and fs.join(scratch, "lab") or nil
local cleanup <close> = setmetatable({}, {__close = function() -- luacheck: ignore 211
    if lab then
        proc.run({"tests/lab/lab", "stop", lab}, {timeout = 60})
    end
    must(fs.remove_tree(scratch))
end})
if lab then
    start_lab(lab)
end
local total = {0, 0, 0}
for _, counts in ipairs(task.map(words, function(word)
    return run(word, scratch, lab, options["--valgrind"] and VALGRIND or {})
end, {workers = processors()})) do
    for index = 1, 3 do
        total[index] = total[index] + counts[index]
    end
end
print(string.format("%d passed, %d failed, %d skipped", table.unpack(total)))
os.exit(total[2] == 0)
