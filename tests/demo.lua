-- The demonstration behind `make demo`: a real API server, a simulated API Connect operator on it,
-- and the recovery procedure from plan to finished kit, shown command by command.
local fs = require("salvor.fs")
local proc = require("salvor.proc")

package.path = fs.absolute("tests") .. "/?.lua;" .. package.path

local journal = require("salvor.procedure.journal")
local k8s = require("salvor.k8s")
local ui = require("salvor.ui")
local world = require("worlds.apic_v10")

local SALVOR = fs.absolute(arg[-1])
local NAMESPACE = "apic"

local function heading(text)
    print("\n== " .. text)
end

-- Runs a command as a person would, and shows both.
local function show(words, env)
    print("\n$ " .. table.concat(words, " "))
    local argv = table.move(words, 1, #words, 1, {})
    argv[1] = argv[1] == "salvor" and SALVOR or argv[1]
    local result = must(proc.run(argv, {env = env, timeout = 120}))
    io.stdout:write(result.stdout, result.stderr)
    assert(result.code == 0, "that should have succeeded")
end

local scratch = must(fs.temporary_folder())
local lab = fs.join(scratch, "lab")
local cleanup <close> = setmetatable({}, {__close = function() -- luacheck: ignore 211
    proc.run({"tests/lab/lab", "stop", lab}, {timeout = 60})
    must(fs.remove_tree(scratch))
end})

heading("A Kubernetes API server starts on loopback")
local argv = {"tests/lab/lab", "start", lab, "--parent", tostring(proc.pid())}
local started = must(proc.run(argv, {timeout = 300}))
assert(started.code == 0, started.stderr)
local kubeconfig = fs.join(lab, "kubeconfig")
local client = must(k8s.connect({kubeconfig = kubeconfig}))
must(client:create({apiVersion = "v1", kind = "Namespace", metadata = {name = NAMESPACE}}))

heading("A simulated API Connect 10.0.5 management subsystem is installed on it")
local subsystem <close> = world.start({ -- luacheck: ignore 211
    kubeconfig = kubeconfig,
    namespace = NAMESPACE,
})
local kit = fs.join(scratch, "kit")
local env = {
    KUBECONFIG = kubeconfig,
    XDG_STATE_HOME = fs.join(scratch, "state"),
    XDG_CONFIG_HOME = fs.join(scratch, "config"),
}
local procedure = {"apic-v10/prepare-management", "-n", NAMESPACE, "-p", "kit=" .. kit}

local function salvor(verb, ...)
    local words = {"salvor", verb}
    for _, word in ipairs(procedure) do
        words[#words + 1] = word
    end
    for _, word in ipairs({...}) do
        words[#words + 1] = word
    end
    show(words, env)
end

heading("The plan: every check, and what each step would do; nothing is changed")
salvor("plan", "-p", "take_backup=true")
heading("The run: a backup is taken and waited for, the kit is written, published and read back")
salvor("run", "-p", "take_backup=true")
heading("The kit")
show({"find", kit, "-printf", "%M %6s  %P\\n"})
local generation = must(fs.read(fs.join(kit, "latest"))):gsub("\n", "")
show({"cat", fs.join(kit, generation, "recreate.yaml")})
heading("The journal of the run: one record before and one after each effect, chained by SHA-256")
local runs = fs.join(scratch, "state", "salvor", "runs")
local records = must(journal.read(fs.join(runs, must(fs.list(runs))[1].name, "journal.jsonl")))
ui.print_table({
    {title = "", key = "number", align = "right"},
    {title = "RECORD", key = "type"},
    {title = "STEP", key = "step"},
    {title = "", key = "verb"},
    {title = "WHAT", key = "target"},
}, records)
print("\nDone. Nothing of this is left on the machine but the build.")
