--- The prompt: how soon a key's answer is on the terminal, with many objects in the completion's
--- cache and many inputs in the history, beside other prompts; and how soon Ctrl-C is obeyed.
local fs = require("salvor.fs")
local json = require("salvor.json")
local k8s = require("salvor.k8s")
local lab = require("lab")
local proc = require("salvor.proc")
local task = require("salvor.task")

local OBJECTS = 5000
local ENTRIES = 10000
local KEYS = 100
local ROUNDS = 3
local MEDIAN, WORST, CANCELLED = 5, 30, 100 -- milliseconds at most

local UP, DOWN, LEFT, RIGHT = "\27[A", "\27[B", "\27[D", "\27[C"

local function fill(client)
    local numbers = {}
    for number = 1, OBJECTS do
        numbers[number] = number
    end
    task.map(numbers, function(number)
        must(client:create({apiVersion = "v1", kind = "ConfigMap",
                            metadata = {name = string.format("cm-%05d", number)}}))
    end, {workers = 32})
end

local function write_history(folder)
    local rows = {}
    for number = 1, ENTRIES do
        rows[number] = json.encode("print('number " .. number .. "')") .. "\n"
    end
    must(fs.mkdir(fs.join(folder, "salvor"), {parents = true}))
    must(fs.write(fs.join(folder, "salvor/prompt.history"), table.concat(rows)))
end

-- Steps of tests/bench/keys.py

local Steps = {}
Steps.__index = Steps

local function steps()
    return setmetatable({}, Steps)
end

function Steps:send(text, wait)
    self[#self + 1] = {send = text, wait = wait}
    return self
end

--- One key after the other, over and over.
function Steps:keys(sort, ...)
    local keys = {...}
    for number = 0, KEYS - 1 do
        self[#self + 1] = {sort = sort, key = keys[number % #keys + 1]}
    end
    return self
end

function Steps:key(sort, key)
    self[#self + 1] = {sort = sort, key = key}
    return self
end

local TWENTY = "\27[200~" .. ("for i = 1, 10 do print(i, \"a string\") end -- and so on\n"):rep(20)
    .. "\27[201~"

local function keys_of_ours()
    local all = steps():send("", "> ")
    all:send("c:get(\"cm\", \"cm-0", "cm-0"):send("\t", "in all)"):send("\7", "")
    all:keys("letters", "1", "2", "3", "4"):send("\3", "> ")
    all:send("c:get(\"cm\", \"cm-0", "cm-0")
    for _ = 1, KEYS // 4 do
        all:key("Tab and the list", "\t"):key("Tab and the list", "\t")
            :key("Tab and the list", DOWN):key("Tab and the list", UP)
        all:send("\7\23\"cm-0", "\"cm-0")
    end
    all:send("\3", "> "):send("some words of a line", "line")
    all:keys("arrows and words", LEFT, "\27b", RIGHT, "\27f"):send("\3", "> ")
    all:send(TWENTY, "... "):send(UP:rep(8), "\27[")
    all:keys("in 20 rows", "x", UP, DOWN, "\127"):send("\3", "> ")
    all:send("\18", "search")
    all:keys("^R in the history", "n", "u", "\18", "\127", "\127")
    return all:send("\3", "> ")
end

local function keys_of_others(prompt)
    local all = steps():send("", prompt)
    all:keys("letters", "1", "2", "3", "4"):send("\3", prompt)
    all:send("some words of a line", "line")
    return all:keys("arrows and words", LEFT, "\27b", RIGHT, "\27f")
end

--- What goes on when Ctrl-C is pressed; the first key is Enter.
local GOES_ON = {
    {"a loop", "while true do end"},
    {"a watch", "for _ in c:watch(\"namespaces\") do end"},
    {"a child process", "proc.run({\"sleep\", \"1000\"})"},
}

local function keys_of_cancellation()
    local all = steps():send("", "> ")
    for _, case in ipairs(GOES_ON) do
        for _ = 1, 20 do
            all:send(case[2], ""):send("\r", "\r\n")
            all:key("Ctrl-C in " .. case[1], "\3")
        end
    end
    return all
end

-- Running and telling

local function run(bench, argv, plan, into)
    local path = fs.join(bench.scratch, "keys.json")
    must(fs.write(path, must(json.encode({argv = argv, steps = plan}))))
    local result = must(proc.run({"python3", "tests/bench/keys.py", path},
        {timeout = 600, env = bench.prompt_env}))
    assert(result.code == 0, result.stderr)
    local measured = must(json.decode(result.stdout))
    into.mebibytes = math.max(into.mebibytes or 0, measured.mebibytes)
    for sort, times in pairs(measured.sorts) do
        into[sort] = table.move(times, 1, #times, #(into[sort] or {}) + 1, into[sort] or {})
    end
end

local function tell(bench, name, sort, times, limits)
    table.sort(times)
    bench:note(string.format("%s, %s: median %.1f ms, of 99 in 100 %.1f ms, worst %.1f ms, of %d%s",
        name, sort, times[(#times + 1) // 2], times[math.ceil(#times * 0.99)], times[#times],
        #times, limits))
end

local function tell_all(bench, name, measured, limits)
    local sorts = {}
    for sort in pairs(measured) do
        sorts[#sorts + 1] = sort ~= "mebibytes" and sort or nil
    end
    table.sort(sorts)
    for _, sort in ipairs(sorts) do
        tell(bench, name, sort, measured[sort], limits or "")
    end
    bench:note(string.format("%s: %.1f MiB", name, measured.mebibytes))
end

return function(bench, build)
    local at <close>, why = lab.start(bench)
    if not at then
        return bench:leave_out("prompt", why)
    end
    fill(must(k8s.connect({kubeconfig = at.kubeconfig, timeout = 60})))
    bench.prompt_env = {TERM = "xterm-256color", HOME = bench.scratch, KUBECONFIG = at.kubeconfig,
                        XDG_STATE_HOME = fs.join(bench.scratch, "state"), NO_COLOR = false,
                        PYTHON_HISTORY = "/dev/null"}
    write_history(bench.prompt_env.XDG_STATE_HOME)
    local salvor = {fs.join(build, "salvor")}
    local ours, cancelled, bash, python = {}, {}, {}, {}
    for _ = 1, ROUNDS do
        run(bench, salvor, keys_of_ours(), ours)
        run(bench, {"bash", "--norc", "--noprofile", "-i"}, keys_of_others("bash-"), bash)
        if proc.which("ptpython3") or proc.which("ptpython") then
            run(bench, {proc.which("ptpython3") and "ptpython3" or "ptpython"},
                keys_of_others(">>>"), python)
        end
    end
    run(bench, salvor, keys_of_cancellation(), cancelled)
    tell_all(bench, "salvor", ours,
        string.format(" (at most %d ms and %d ms)", MEDIAN, WORST))
    tell_all(bench, "bash", bash)
    if python.mebibytes then
        tell_all(bench, "ptpython", python)
    else
        bench:leave_out("ptpython", "it is not installed")
    end
    tell_all(bench, "salvor", cancelled, string.format(" (at most %d ms)", CANCELLED))
end
