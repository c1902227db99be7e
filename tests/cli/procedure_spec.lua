-- The commands about procedures, and what they say to bad input: one line that tells what is wrong,
-- where, and what to do; an exit code with a meaning; and nothing is changed.
local apic = require("support.apic")
local fs = require("salvor.fs")
local json = require("salvor.json")
local lab = require("support.lab")
local salvor = require("support.salvor")
local world = require("worlds.apic_v10")
local site = require("support.site")

local ID = apic.ID
local install, new_home, script = site.install, site.new_home, site.script

local function expect_one_line(result, code, ...)
    salvor.expect_code(code, result)
    assert.equal(1, #salvor.lines(result.stderr), result.stderr)
    salvor.expect(result.stderr, "salvor: ", ...)
    assert.is_nil((result.stdout .. result.stderr):find("traceback", 1, true))
end

describe("salvor list", function()
    it("shows the bundled procedures and those of the user", function()
        local home, closing <close> = new_home() -- luacheck: ignore 211
        install(home, "site/script", script())
        local result = salvor.run({"list"}, {home = home})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, ID, "bundled", "site/script", "A title",
            home .. "/config/salvor/scripts/site/script.lua")
    end)

    it("shows the bundled ones to a user without a home", function()
        local home, closing <close> = new_home() -- luacheck: ignore 211
        local result = salvor.run({"list"}, {home = home, env = {
            HOME = false, XDG_CONFIG_HOME = false,
        }})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, ID, "bundled")
    end)

    it("shows the others when one is invalid, and says which", function()
        local home, closing <close> = new_home() -- luacheck: ignore 211
        local path = install(home, "site/broken", "return {")
        local result = salvor.run({"list"}, {home = home})
        expect_one_line(result, 3, path .. ":1:")
        salvor.expect(result.stdout, ID)
    end)
end)

describe("salvor show", function()
    it("tells parameters, steps with their reasons, and permissions", function()
        local home, closing <close> = new_home() -- luacheck: ignore 211
        local result = salvor.run({"show", ID}, {home = home})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout,
            "document: IBM API Connect v10: Preparing the management subsystem",
            "categories: prepare, safe",
            "kit              the recovery kit: a folder, made when missing, or the URL of a store",
            "(url, required)",
            "max_age", "default 24h", "auto|crunchy|edb",
            "take-backup", "(check)", "The subsystem is healthy",
            "secrets: get", "managementclusters.management.apiconnect.ibm.com: get, list")
    end)
end)

describe("salvor show", function()
    it("has all behind the names in one column, however long these are", function()
        local home, closing <close> = new_home() -- luacheck: ignore 211
        local result = salvor.run({"show", "apic-v10/recover"}, {home = home})
        local longest = "\n  portal_accept_missing_sites  do without sites"
        salvor.expect(result.stdout, longest, "\n  pair" .. (" "):rep(25) .. "the recorded pair",
            "\n  management-kit" .. (" "):rep(15) .. "The kit is whole",
            "\n" .. (" "):rep(31) .. "Without the old secrets")
    end)

    it("says how it is planned and run, with the parameters that are still missing", function()
        local home, closing <close> = new_home() -- luacheck: ignore 211
        local words = {"show", "apic-v10/recover", "-p", "portal_kit=/srv/portal"}
        salvor.expect(salvor.run(words, {home = home}).stdout, "\nplan it, then run it; the"
            .. " options of this command hold there, too\n"
            .. "  salvor plan apic-v10/recover -n NAMESPACE -p management_kit=URL\n"
            .. "  salvor run apic-v10/recover -n NAMESPACE -p management_kit=URL\n")
    end)

    it("tells which steps destroy something", function()
        local home, closing <close> = new_home() -- luacheck: ignore 211
        local result = salvor.run({"show", "apic-v10/recover-portal"}, {home = home})
        salvor.expect(result.stdout, "categories: restore, destructive",
            "Restore the system and all sites (destroys something: asks)")
    end)
end)

describe("salvor help", function()
    local function told(...)
        local result = salvor.run({...}, {home = "/"})
        assert.same({0, ""}, {result.code, result.stderr})
        return result.stdout
    end

    it("lists the commands", function()
        local text = told("help")
        assert.equal(told("--help"), text)
        for _, name in ipairs(require("salvor.cli").commands()) do
            salvor.expect(text, "\n  " .. name)
        end
    end)

    it("says with which of them a recovery begins, and where the rest is told", function()
        salvor.expect(told("help"), "\na recovery: salvor list, salvor show ID, salvor plan ID",
            "salvor manual | man -l -")
    end)

    for _, name in ipairs(require("salvor.cli").commands()) do
        it("tells of " .. name, function()
            local text = told("help", name)
            salvor.expect(text, "usage: salvor " .. name)
            assert.equal(told(name, "--help"), text)
        end)
    end

    it("tells of a command's own commands", function()
        assert.equal(told("store", "cp", "--help"), told("help", "store", "cp"))
    end)
end)

describe("salvor says what is wrong with the command line:", function()
    local RUN = "--resume"
    local CASES = {
        {"an unknown command", {"frobnicate"}, "no command or script 'frobnicate'", "--help"},
        {"a misspelt command", {"pln", ID}, "no command or script 'pln'", "did you mean 'plan'?"},
        {"a procedure without a command", {ID}, "no command or script '" .. ID .. "'",
         "a procedure is run by salvor run " .. ID},
        {"an unknown option", {"plan", ID, "--frob"}, "unknown option '--frob'",
         "usage: salvor plan"},
        {"a misspelt option", {"plan", ID, "--sit=x"}, "unknown option '--sit=x'",
         "did you mean '--site'? usage: salvor plan"},
        {"an empty option", {"plan", ID, "--context", ""}, "option '--context' is empty",
         "it needs CONTEXT"},
        {"an empty site", {"plan", ID, "--site="}, "option '--site' is empty", "it needs FILE"},
        {"two contexts, apart", {"plan", ID, "--context", "a", "--context", "b"},
         "option '--context' is given twice", "its value is CONTEXT[,CONTEXT...]"},
        {"a value for a switch", {"run", ID, "--yes=no"}, "option '--yes' takes no value"},
        {"a parameter that is given twice", {"plan", ID, "-p", "kit=a", "-p", "kit=b"},
         "parameter 'kit' is given twice", "one -p for each"},
        {"an option without its value", {"plan", ID, "-n"}, "option '-n' needs NAMESPACE"},
        {"no procedure", {"plan"}, "an argument is missing", "usage: salvor plan ID"},
        {"no procedure to run", {"run"}, "the ID of a procedure is missing",
         "salvor list shows them: salvor run ID"},
        {"two procedures", {"plan", ID, ID}, "unexpected argument '" .. ID .. "'"},
        {"an unknown procedure", {"plan", "no/such"}, "there is no procedure 'no/such'",
         "salvor list"},
        {"what is no procedure's id", {"show", "../etc"}, "'../etc' is no procedure's id",
         "an id is SYSTEM/NAME, of letters, digits and '-'; salvor list"},
        {"a procedure without its system", {"plan", "recover-portal"},
         "'recover-portal' is no procedure's id", "did you mean 'apic-v10/recover-portal'? an id"},
        {"a parameter without -p", {"plan", ID, "kit=/srv/kit"},
         "unexpected argument 'kit=/srv/kit'", "a parameter is given as -p kit=…; usage:"},
        {"an unknown output", {"plan", ID, "-o", "xml"}, "unknown output 'xml'", "text or json"},
        {"one in the word of its option", {"plan", ID, "-oxml"}, "unknown output 'xml'"},
        {"an unknown parameter", {"plan", ID, "-p", "kitt=x"}, "unknown parameter 'kitt'",
         "this procedure has: name, kit"},
        {"a parameter without value", {"plan", ID, "-p", "kit"}, "'kit' is no parameter",
         "-p name=value"},
        {"a missing parameter", {"plan", ID}, "parameter 'kit' is missing", "-p kit="},
        {"an empty path", {"plan", ID, "-p", "kit="}, "parameter 'kit'", "give a URL such as"},
        {"no duration", {"plan", ID, "-p", "kit=k", "-p", "max_age=soon"},
         "parameter 'max_age': 'soon' is not valid", "90s, 10m, 24h or 7d"},
        {"no boolean", {"plan", ID, "-p", "kit=k", "-p", "take_backup=maybe"},
         "parameter 'take_backup': 'maybe' is not valid", "true or false"},
        {"none of the values", {"plan", ID, "-p", "kit=k", "-p", "database=oracle"},
         "parameter 'database': 'oracle' is not valid", "one of auto, crunchy, edb"},
        {"no name", {"plan", ID, "-p", "kit=k", "-p", "name=A_B"},
         "parameter 'name': 'A_B' is not valid", "a Kubernetes name"},
        {"an unknown run", {"run", RUN, "20200101-000000-abcdef"},
         "there is no run '20200101-000000-abcdef' in"},
        {"what is no run's id", {"run", RUN, "../../etc"}, "there is no run '../../etc'"},
        {"a procedure besides a run", {"run", ID, RUN, "20200101-000000-abcdef"},
         "--resume goes without a procedure's id"},
        {"an unknown shell", {"completion", "tcsh"}, "unknown argument 'tcsh'",
         "bash, zsh or fish"},
        {"an unknown option in front", {"--frob", "list"}, "unknown option '--frob'",
         "salvor --help lists them"},
        {"one that lacks its value", {"--log-level"}, "option '--log-level' needs debug|info"},
        {"a switch with a value", {"-i=3"}, "unknown option '-i=3'", "did you mean '-i'?"},
        {"help on what is no command", {"help", "plna"}, "no command or script 'plna'",
         "did you mean 'plan'?"},
        {"an unknown log level", {"--log-level", "loud", "list"},
         "unknown log-level 'loud'", "debug, info, warning or error"},
    }
    for _, case in ipairs(CASES) do
        it(case[1], function()
            local home, closing <close> = new_home() -- luacheck: ignore 211
            local result = salvor.run(case[2], {home = home, cwd = home})
            expect_one_line(result, 2, table.unpack(case, 3))
            assert.equal("", result.stdout)
            assert.same({}, salvor.tree(home))
        end)
    end
end)

local function kubeconfig(server, more)
    return string.format([[
apiVersion: v1
kind: Config
current-context: here
clusters: [{name: c, cluster: {server: "%s", insecure-skip-tls-verify: true}}]
contexts: [{name: here, context: {cluster: c, user: u}}]
users: [{name: u, user: {token: t}}]
%s]], server, more or "")
end

describe("salvor says what is wrong with the connection:", function()
    local CASES = {
        {"the kubeconfig does not exist", words = {"--kubeconfig", "/nowhere"},
         says = {"/nowhere"}},
        {"there is no kubeconfig", words = {}, says = {"kubeconfig"}},
        {"the kubeconfig is no YAML", file = "clusters: [", says = {"/file", "line"}},
        {"the context does not exist", file = kubeconfig("https://127.0.0.1:1"),
         words = {"--context", "other"}, says = {"other", "here"}},
        {"nobody listens there", file = kubeconfig("https://127.0.0.1:1"),
         says = {"cannot reach 127.0.0.1:1", "Connection refused"}},
    }
    for _, command in ipairs({"plan", "run"}) do
        for _, case in ipairs(CASES) do
            it(case[1] .. " (" .. command .. ")", function()
                local home, closing <close> = new_home() -- luacheck: ignore 211
                local words = {command, ID, "-p", "kit=" .. home .. "/kit"}
                if case.file then
                    must(fs.write(home .. "/file", case.file))
                    table.move({"--kubeconfig", home .. "/file"}, 1, 2, #words + 1, words)
                end
                table.move(case.words or {}, 1, #(case.words or {}), #words + 1, words)
                local before = salvor.tree(home)
                expect_one_line(salvor.run(words, {home = home}), 1, table.unpack(case.says))
                assert.same(before, salvor.tree(home))
            end)
        end
    end
end)

lab.describe("salvor says what the API server refuses:", function()
    setup(function()
        world.install(lab.client())
    end)

    local CASES = {
        {"a token that nobody has", "unauthorized", 1, "stderr", "Unauthorized"},
        {"a certificate that has expired", "expired", 1, "stderr", "expired"},
        {"a user without any rights", "restricted", 4, "stdout",
         "this user may not get and list managementclusters.management.apiconnect.ibm.com"},
    }
    for _, case in ipairs(CASES) do
        it(case[1], function()
            local path, why = lab.kubeconfig(case[2])
            if not path then
                pending(why)
            end
            local home, closing <close> = new_home() -- luacheck: ignore 211
            local result = salvor.run({"run", ID, "-p", "kit=" .. home .. "/kit",
                                       "--kubeconfig", path}, {home = home})
            salvor.expect_code(case[3], result)
            salvor.expect(result[case[4]], case[5])
            assert.is_true(#salvor.lines(result.stderr) <= 1, result.stderr)
            assert.is_nil(fs.stat(home .. "/kit"))
        end)
    end

    it("a journal that cannot be made: nothing is begun", function()
        local home, closing <close> = new_home() -- luacheck: ignore 211
        must(fs.write(home .. "/state", "not a folder"))
        local result = salvor.run({"run", ID, "-p", "kit=" .. home .. "/kit",
                                   "--kubeconfig", lab.kubeconfig()}, {home = home})
        expect_one_line(result, 1, "the journal of the run cannot be written", home .. "/state",
            "$XDG_STATE_HOME", "nothing was changed")
        assert.is_nil(fs.stat(home .. "/kit"))
    end)
end)

describe("salvor names file and field of an invalid script:", function()
    local CASES = {
        {"a syntax error", "return {\n  id = = 1}", ":2:", "unexpected symbol"},
        {"an undeclared variable", "return {id = misspelt}",
         "undeclared variable 'misspelt'"},
        {"an assignment to one", "count = 1", "assignment to undeclared variable 'count'"},
        {"no table", "return 1", "procedure: a table expected, got number"},
        {"binary code", "\27Lua", "attempt to load a binary chunk"},
        {"a missing field", script({title = "nil"}), "procedure.title: missing"},
        {"a wrong type", script({title = "{}"}), "procedure.title: string expected, got table"},
        {"an unknown field", script({titel = "1"}), "procedure.titel: unknown field"},
        {"another id", script({id = '"site/other"'}), "procedure.id: is 'site/other'"},
        {"an unknown field of a step", script(nil, {destructiv = "true"}),
         "steps[1].destructiv: unknown field", "did you mean 'destructive'? the contract",
         "section \"Writing a procedure\", and in salvor manual salvor-api"},
        {"no step", script({steps = "{}"}), "procedure.steps: no step"},
        {"an unknown type", script({params = '{{name="a", type="text", help="h"}}'}),
         "params[1].type: unknown type 'text'"},
    }
    for _, case in ipairs(CASES) do
        it(case[1], function()
            local home, closing <close> = new_home() -- luacheck: ignore 211
            local path = install(home, "site/script", case[2])
            for _, command in ipairs({"show", "plan", "run"}) do
                local result = salvor.run({command, "site/script"}, {home = home})
                expect_one_line(result, 3, path, table.unpack(case, 3))
            end
            assert.is_nil(fs.stat(home .. "/state"))
        end)
    end
end)

lab.describe("a script of the user", function()
    local home, closing

    before_each(function()
        home, closing = new_home()
    end)

    after_each(function()
        getmetatable(closing).__close()
    end)

    local function run(words)
        local all = table.move(words, 1, #words, 1, {})
        table.move({"--kubeconfig", lab.kubeconfig()}, 1, 2, #all + 1, all)
        return salvor.run(all, {home = home})
    end

    it("is named at each run", function()
        local path = install(home, "site/script", script())
        local result = run({"run", "site/script"})
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "the script is " .. path .. "\n")
    end)

    it("with a fault in a check is invalid: nothing is changed", function()
        local path = install(home, "site/script", script(nil, {
            check = "true", run = "function() return misspelt end"}))
        for _, command in ipairs({"plan", "run"}) do
            expect_one_line(run({command, "site/script"}), 3, path,
                "undeclared variable 'misspelt'", "nothing was changed")
        end
    end)

    it("with a fault in a step stops, and can be resumed", function()
        local path = install(home, "site/script", script(nil, {
            run = "function() return misspelt end"}))
        expect_one_line(run({"run", "site/script"}), 5, "stopped at step only", path,
            "undeclared variable 'misspelt'", "salvor run --resume")
        expect_one_line(run({"plan", "site/script"}), 3, "step only cannot be planned", path,
            "undeclared variable 'misspelt'")
    end)

    it("that has changed since is not resumed", function()
        local faulty = script(nil, {run = "function() return misspelt end"})
        install(home, "site/script", faulty)
        local id = run({"run", "site/script"}).stderr:match("--resume (%S+)")
        install(home, "site/script", faulty .. "-- changed\n")
        expect_one_line(salvor.run({"run", "--resume", id}, {home = home}), 1,
            "the script has changed since run " .. id, "start a new run")
    end)

    it("that destroys something asks, and without a terminal does nothing", function()
        install(home, "site/script", script(nil, {destructive = '"the database"',
            run = 'function() assert(io.open("' .. home .. '/done", "w")) end'}))
        local refused = run({"run", "site/script"})
        expect_one_line(refused, 6, "salvor: there is no terminal to ask on: this destroys the "
            .. "database; nothing was changed; --yes agrees beforehand")
        assert.is_nil(fs.stat(home .. "/done"))
        salvor.expect_code(0, run({"run", "site/script", "--yes"}))
        assert.truthy(fs.stat(home .. "/done"))
    end)

    it("that destroys something says so in its plan", function()
        install(home, "site/script", script(nil, {destructive = "function() return 'it' end"}))
        local planned = run({"plan", "site/script"})
        salvor.expect_code(0, planned)
        salvor.expect(planned.stdout, "warning: this destroys it; salvor run asks before")
    end)

    it("is shown by --output json", function()
        install(home, "site/script", script())
        local result = run({"run", "site/script", "--output", "json"})
        salvor.expect_code(0, result)
        local outcome = must(json.decode(result.stdout))
        assert.equal("done", outcome.status)
        assert.truthy(fs.stat(outcome.journal))
    end)
end)
