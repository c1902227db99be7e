-- What shells complete Salvor's words with: the words themselves, and bash, zsh and fish as they
-- are, on a terminal.
local fs = require("salvor.fs")
local json = require("salvor.json")
local places = require("salvor.completion.places")
local proc = require("salvor.proc")
local salvor = require("support.salvor")
local screen = require("support.screen")

local ID, RUN = "apic-v10/backup", "20261121-001500-1f3a9c"

local FILES = {
    ["config/salvor/scripts/house/clean.lua"] = [[return {
        id = "house/clean", title = "Clean the house", summary = "s", categories = {"safe"},
        systems = {{name = "s", versions = "any"}}, permissions = {},
        params = {
            {name = "where", type = "enum", values = {"kitchen", "cellar"}, help = "the room"},
            {name = "deep", type = "boolean", help = "also below things"},
            {name = "tools", type = "path", help = "what to use"},
            {name = "place", type = "url", help = "where dirt goes"},
        },
        steps = {
            {id = "sweep", title = "Sweep", why = "w", run = print},
            {id = "wipe", title = "Wipe", why = "w", run = print},
        },
    }]],
    ["config/salvor/scripts/house/broken.lua"] = "return",
    ["state/salvor/runs/" .. RUN .. "/journal.jsonl"] =
        must(json.encode({type = "begin", procedure = "house/clean"})) .. "\n",
    ["state/salvor/runs/20261121-001501-1f3a9c/journal.jsonl"] = "torn",
    ["kubeconfig"] = [[
apiVersion: v1
kind: Config
current-context: paris
contexts:
- {name: paris, context: {cluster: c, user: u, namespace: seine}}
- {name: berlin, context: {cluster: c, user: u, namespace: spree}}
- {name: "be $(x) y", context: {cluster: c, user: u, namespace: spree}}
- {name: "be\tx", context: {cluster: c, user: u}}
- {name: "arn:aws:eks:eu:1:cluster/prod", context: {cluster: c, user: u}}
- {name: "OFFICE\\jane:doe", context: {cluster: c, user: u}}
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: none}}]
]],
    ["cut.yaml"] = "apiVersion: v1\ncontexts:\n- {name: a, cont",
    ["site.yaml"] = "name: here\nstores:\n  vault: {url: /srv/vault}\n",
    ["broken.yaml"] = "name: [\n",
    ["script.lua"] = "print('ran', ...)\n",
}

local scratch, home

setup(function()
    scratch = must(fs.temporary_folder())
    home = fs.join(scratch, "100%a") -- as no pattern of Lua's may have it
    salvor.make_tree(home, FILES)
    must(proc.run({"mkfifo", fs.join(home, "pipe")}))
end)

teardown(function()
    must(fs.remove_tree(scratch))
end)

local function environment()
    return {KUBECONFIG = fs.join(home, "kubeconfig")}
end

--- What may come after these words: {word = what it means}.
local function complete(words, shell)
    local argv = {"completion", shell or "fish", "--"}
    local result = salvor.run(table.move(words, 1, #words, #argv + 1, argv),
        {home = home, cwd = home, env = environment(), prefix = {"timeout", "20"}})
    assert.are.same({0, ""}, {result.code, result.stderr})
    local found, order = {}, {}
    for text, help in result.stdout:gmatch("([^\t\n]*)\t([^\n]*)\n") do
        found[text], order[#order + 1] = help, text
    end
    return found, order
end

describe("what may come next on the command line", function()
    --- After these words come exactly those.
    local CASES = {
        {"commands that begin so, and scripts", {"ru"}, {"run", "runs", ""}},
        {"options in front of a command", {"--log"}, {"--log-level", "--log-format"}},
        {"the short ones, which have no other name", {"-l", "string", "-i", "-"},
         {"-e", "-l", "-E", "-W", "--read-only", "--log-level", "--log-format", "--context",
          "--namespace", "--kubeconfig", "--site", "--write", "--version", "--help"}},
        {"the words of an option", {"--log-format", ""}, {"text", "json"}},
        {"those behind its equals sign", {"--log-level=d"}, {"--log-level=debug"}},
        {"the command behind options", {"--log-format", "json", "-e", "x", "pl"}, {"plan", ""}},
        {"files behind a script", {"script.lua", "-"}, {""}},
        {"procedures", {"plan", "house/"}, {"house/broken", "house/clean"}},
        {"no second procedure", {"plan", ID, ""}, {}},
        {"options of a command", {"plan", ID, "--s"}, {"--save", "--site", "--skip"}},
        {"no option twice", {"plan", ID, "--site", "x", "--save=y", "--s"},
         {"--skip", "--site"}},
        {"help of a command", {"list", "--h"}, {"--help"}},
        {"the values of a short option", {"plan", ID, "-o", ""}, {"text", "json"}},
        {"those in its word", {"plan", ID, "-oj"}, {"-ojson"}},
        {"files", {"plan", ID, "--save", ""}, {""}},
        {"files behind an equals sign", {"plan", ID, "--save=x"}, {""}},
        {"parameters", {"plan", "house/clean", "-p", ""}, {"where=", "deep=", "tools=", "place="}},
        {"those that are not given yet", {"plan", "-p", "deep=no", "house/clean", "--param=where=x",
         "-p", ""}, {"tools=", "place="}},
        {"values of an enum", {"plan", "house/clean", "-p", "where="},
         {"where=kitchen", "where=cellar"}},
        {"values of a boolean", {"run", "house/clean", "--param=deep=t"}, {"--param=deep=true"}},
        {"files as a parameter", {"plan", "house/clean", "-p", "tools=/"}, {""}},
        {"stores as a parameter", {"plan", "--site", "site.yaml", "house/clean", "-p", "place=@"},
         {"place=@vault", ""}},
        {"no value of an unknown parameter", {"plan", "house/clean", "-p", "who="}, {}},
        {"no parameters of an unknown procedure", {"plan", "no/such", "-p", ""}, {}},
        {"nor of one with a mistake", {"plan", "house/broken", "-p", ""}, {}},
        {"nor of none", {"plan", "-p", ""}, {}},
        {"nor steps", {"plan", "--until", ""}, {}},
        {"steps", {"plan", "house/clean", "--until", ""}, {"sweep", "wipe"}},
        {"contexts", {"plan", ID, "--context", "b"}, {"berlin", "be $(x) y"}},
        {"several contexts", {"plan", ID, "--context", "paris,berl"}, {"paris,berlin"}},
        {"namespaces of contexts, each once", {"plan", ID, "-n", "s"}, {"seine", "spree"}},
        {"nothing of a kubeconfig that is not there",
         {"plan", ID, "--kubeconfig", "none", "--context", ""}, {}},
        {"nothing of one that is cut off",
         {"plan", ID, "--kubeconfig", "cut.yaml", "--context", ""}, {}},
        {"nothing of a folder", {"plan", ID, "--kubeconfig", ".", "-n", ""}, {}},
        {"those of the usual one where none is named",
         {"plan", ID, "--kubeconfig=", "--context", "berl"}, {"berlin"}},
        {"nothing of a pipe that nobody writes",
         {"plan", ID, "--kubeconfig", "pipe", "--context", ""}, {}},
        {"runs", {"report", ""}, {RUN, "20261121-001501-1f3a9c"}},
        {"runs to go on with", {"run", "--resume", "20261121-001500"}, {RUN}},
        {"commands of a command", {"store", "l"}, {"leftovers", "ls"}},
        {"their options", {"store", "cp", "--w"}, {"--workers"}},
        {"commands that there is help on", {"help", "doc"}, {"doctor"}},
        {"and those of commands", {"help", "store", "l"}, {"leftovers", "ls"}},
        {"nothing behind those", {"help", "store", "ls", ""}, {}},
        {"places", {"store", "ls", ""}, {"s3://", "az://", "sftp://", ""}},
        {"the stores of a site", {"store", "cp", "--site", "site.yaml", "/srv", "@"},
         {"@vault", ""}},
        {"nothing of a site with a mistake", {"store", "ls", "--site", "broken.yaml", "@"}, {""}},
        {"nor of one that is a pipe", {"store", "ls", "--site", "pipe", "@"}, {""}},
        {"no options behind --", {"store", "ls", "--", "--site"}, {""}},
        {"the kinds of sets", {"verify", "--kind", "p"}, {"pgbackrest", "portal"}},
        {"shells", {"completion", ""}, {"bash", "zsh", "fish"}},
        {"manual pages", {"manual", "salvor-"}, {"salvor-api"}},
        {"nothing behind an unknown command", {"frobnicate", "x", ""}, {""}},
        {"nothing behind an unknown command of a command", {"store", "mv", ""}, {}},
        {"nothing of a command without arguments", {"list", ""}, {}},
    }
    for _, case in ipairs(CASES) do
        it("are " .. case[1], function()
            local _, order = complete(case[2])
            table.sort(order)
            table.sort(case[3])
            assert.are.same(case[3], order)
        end)
    end

    it("are told with what they mean", function()
        assert.are.equal("Clean the house", complete({"plan", ""})["house/clean"])
        assert.are.equal("the room", complete({"plan", "house/clean", "-p", ""})["where="])
        assert.are.equal("Wipe", complete({"plan", "house/clean", "--skip", ""}).wipe)
        assert.are.equal("house/clean", complete({"report", ""})[RUN])
        assert.are.equal("of context paris", complete({"plan", ID, "-n", ""}).seine)
        assert.are.equal("json for other programs", complete({"store", "ls", "--o"})["--output"])
        assert.are.equal("", complete({"plan", ""}, "bash")["house/clean"])
    end)

    --- Every placeholder has something, but for those that only the operator knows.
    it("are known for every argument that Salvor can know", function()
        local unknown = {}
        for place in ([[CODE MODULE N HOURS T SECONDS IMAGE CRON VERSION PVC SECRET NAME DURATION
            NAME=SECRET/KEY WORD NAMESPACE/NAME NAMESPACE/ SYSTEM/NAME
            POD=AVAILABLE,DATABASE]]):gmatch("%S+") do
            unknown[place] = true
        end
        local function check(placeholder, where)
            local place = placeholder:match("^%[?([^%[%].]+)")
            assert.are_not.equal(unknown[place] or false, places.knows(placeholder), where)
        end
        local function look(command, name)
            for _, placeholder in ipairs(command.arguments or {}) do
                check(placeholder, name .. " " .. placeholder)
            end
            for _, option in ipairs(command.options or {}) do
                check(option.argument or "FILE", name .. " " .. option.help)
            end
            for word, module in pairs(command.commands or {}) do
                look(require(module), name .. " " .. word)
            end
        end
        for _, name in ipairs(require("salvor.cli").commands()) do
            look(require("salvor.cli." .. name), name)
        end
        look({options = require("salvor.global_options").list}, "salvor")
    end)
end)

--- A shell on a terminal, with `salvor` on its PATH.
local function start(command)
    local bin = fs.join(home, "bin")
    fs.mkdir(bin)
    fs.symlink(salvor.path, fs.join(bin, "salvor"), {replace = true})
    return screen.start({}, {home = home, columns = 100, prefix = {"sh", "-c", command}, env = {
        KUBECONFIG = fs.join(home, "kubeconfig"), PATH = bin .. ":" .. os.getenv("PATH"),
        LC_ALL = "C.UTF-8", INPUTRC = "/dev/null"}})
end

local function script(name, text)
    local path = fs.join(home, name)
    must(fs.write(path, text))
    return path
end

--- What stands on the line after Tab was pressed behind each of these.
local LINES = {
    {"salvor cust", "salvor customize "},
    {"salvor --log-format=j", "salvor --log-format=json "},
    {"salvor plan house/cl", "salvor plan house/clean "},
    {"salvor plan house/clean -p wh", "salvor plan house/clean -p where="},
    {"salvor plan house/clean -p where=ki", "salvor plan house/clean -p where=kitchen "},
    {"salvor plan house/clean -p tools=sit", "salvor plan house/clean -p tools=site.yaml "},
    {"salvor plan house/clean --sit", "salvor plan house/clean --site "},
    {"salvor plan --site sit", "salvor plan --site site.yaml "},
    {"salvor plan --site=sit", "salvor plan --site=site.yaml "},
    {"salvor store ls --site site.yaml @v", "salvor store ls --site site.yaml @vault "},
    {"salvor store ls s3", "salvor store ls s3://"},
    {"salvor plan x --context berl", "salvor plan x --context berlin "},
    {"salvor plan x --context paris,berl", "salvor plan x --context paris,berlin "},
    {"salvor plan 'house/cl", "salvor plan 'house/clean' "},
    {"salvor plan x --context 'be $", "salvor plan x --context 'be $(x) y' "},
    {'salvor plan "house/clean" -p wh', 'salvor plan "house/clean" -p where='},
    {"salvor store ls --site 's'ite.yaml @v", "salvor store ls --site 's'ite.yaml @vault "},
    {"salvor store ls --site ~/site.yaml @v", "salvor store ls --site ~/site.yaml @vault "},
    {"salvor plan x --context=be\\ ", "salvor plan x --context=be\\ \\$\\(x\\)\\ y "},
    {"salvor plan x --context arn:aws", "salvor plan x --context arn:aws:eks:eu:1:cluster/prod "},
    {"salvor plan x --context=arn:aws", "salvor plan x --context=arn:aws:eks:eu:1:cluster/prod "},
    {"salvor plan x --context OFFICE\\\\ja", "salvor plan x --context OFFICE\\\\jane:doe "},
    {"salvor plan x --context OFF", "salvor plan x --context OFFICE\\\\jane:doe "},
    {"salvor script.l", "salvor script.lua "},
    {"salvor frobnicate --", "salvor frobnicate --"},
}

--- Each in the shell that `get` gives, at whose end is an empty line.
local function types_lines(get)
    for _, line in ipairs(LINES) do
        it("makes '" .. line[2] .. "' of '" .. line[1] .. "'", function()
            local shell = get()
            shell:press("C-u")
            shell:expect("$")
            shell:type(line[1])
            shell:press("Tab")
            -- zsh completes nothing while more is typed.
            shell:expect("$ " .. line[2]:gsub("%s+$", ""))
            -- What comes behind the cursor shows whether there is a blank.
            shell:type("X")
            shell:expect("$ " .. line[2] .. "X")
        end)
    end
end

describe("bash", function()
    local shell

    setup(function()
        shell = start("exec bash --noprofile --rcfile " .. script("bashrc", [[
            PS1='$ '
            source <(salvor completion bash)
        ]]))
    end)

    teardown(function()
        shell:close()
    end)

    types_lines(function() return shell end)

    it("shows what may come, and quotes what it would take for more", function()
        shell:press("C-u")
        shell:expect("$")
        shell:type("salvor plan x --context be")
        shell:press("Tab", "Tab")
        shell:expect_text("be\\ \\$\\(x\\)\\ y")
    end)
end)

describe("zsh", function()
    local shell

    local function begin(...)
        local rows = {"PS1='$ '", ...}
        must(fs.mkdir(fs.join(home, "zsh"), {parents = true}))
        script("zsh/.zshrc", table.concat(rows, "\n") .. "\n")
        return start("ZDOTDIR=" .. fs.join(home, "zsh") .. " exec zsh -d -i")
    end

    setup(function()
        shell = begin("autoload -Uz compinit", "compinit -D -u", "source <(salvor completion zsh)")
    end)

    teardown(function()
        shell:close()
    end)

    types_lines(function() return shell end)

    it("shows what may come, with what it means", function()
        shell:press("C-u")
        shell:expect("$")
        shell:type("salvor run house/clean --until ")
        shell:press("Tab")
        shell:expect_text("-- Sweep")
    end)

    it("finds the completion in its folder of functions", function()
        local folder = fs.join(home, "functions")
        must(fs.mkdir(folder, {parents = true}))
        must(fs.write(fs.join(folder, "_salvor"), must(fs.read("packaging/completions/_salvor"))))
        local other <close> = begin("fpath=(" .. folder .. " $fpath)", "autoload -Uz compinit",
            "compinit -D -u")
        other:expect("$")
        other:type("salvor cust")
        other:press("Tab")
        other:expect_text("$ salvor customize")
    end)
end)

describe("fish", function()
    --- What fish's own `complete` has for a line: {word = what it means}.
    local function ask(line)
        local bin = fs.join(home, "bin")
        fs.mkdir(bin)
        fs.symlink(salvor.path, fs.join(bin, "salvor"), {replace = true})
        local env = salvor.environment(home, environment())
        env.PATH = bin .. ":" .. os.getenv("PATH")
        local result = must(proc.run({"fish", "--no-config", "-c",
            "salvor completion fish | source; complete -C $argv[1]", line},
            {env = env, cwd = home}))
        assert.are.same({0, ""}, {result.code, result.stderr})
        local found = {}
        for row in result.stdout:gmatch("[^\n]+") do
            local text, help = row:match("^([^\t]*)\t?(.*)$")
            found[text] = help
        end
        return found
    end

    it("completes commands, options and what they take", function()
        assert.are.same({run = "run a procedure, go on with one that was stopped, or undo it",
                         runs = "what was run: when, where, and how it ended"}, ask("salvor ru"))
        assert.are.same({["--save"] = "write the plan there, for salvor run --plan",
                         ["--skip"] = "leave that step or check out",
                         ["--site"] = "the site file; several are worked on at the same time"},
            ask("salvor plan " .. ID .. " --s"))
        assert.are.equal("Clean the house", ask("salvor plan ")["house/clean"])
        assert.are.same({["where="] = "the room"}, ask("salvor plan house/clean -p w"))
        assert.are.same({["where=cellar"] = ""}, ask("salvor plan house/clean -p where=c"))
        assert.are.same({["site.yaml"] = ""}, ask("salvor plan x --site si"))
        assert.are.same({["--site=site.yaml"] = ""}, ask("salvor plan x --site=si"))
        assert.are.same({["tools=site.yaml"] = ""}, ask("salvor plan house/clean -p tools=si"))
        assert.are.same({["@vault"] = "a store of the site"},
            ask("salvor store ls --site site.yaml @"))
        assert.are.same({["script.lua"] = ""}, ask("salvor scr"))
        assert.are.same({["paris,berlin"] = "https://127.0.0.1:1"},
            ask("salvor run x --context paris,berl"))
    end)
end)
