-- Hooks: a site's own steps before, after or in the place of a procedure's, and steps left out.
local fs = require("salvor.fs")
local json = require("salvor.json")
local lab = require("support.lab")
local salvor = require("support.salvor")
local scripts = require("support.site")

local home, closing

-- Each step notes that it was done.
local PRELUDE = [[
local fs = require("salvor.fs")
local function note(text)
    return function() must(fs.append(os.getenv("HOME") .. "/notes", text .. " ")) end
end
]]

local PROCEDURE = PRELUDE .. scripts.script({
    permissions = '{{kind = "secrets", verbs = {"get"}}}',
    steps = [[{
        {id = "look", title = "Look", why = "Because.", check = true, run = note("look")},
        {id = "see", title = "See", why = "Because.", check = true, needs = {"look"},
         run = note("see")},
        {id = "act", title = "Act", why = "Because.", run = note("act")},
        {id = "end", title = "End", why = "Because.", run = note("end")},
    }]],
})

--- The text of a hook's file with that step.
local function hook(id, more)
    return PRELUDE .. string.format(
        'return {id = "%s", title = "Mine", why = "Because.", run = note("%s"), %s}',
        id, id, more or "")
end

before_each(function()
    home, closing = scripts.new_home()
    scripts.install(home, "site/script", PROCEDURE)
end)

after_each(function()
    getmetatable(closing).__close()
end)

--- Writes the site's hooks, and files {name = text}; returns the path of the site file.
local function site(hooks, files)
    for name, text in pairs(files or {}) do
        local path = home .. "/scripts/hooks/" .. name .. ".lua"
        must(fs.mkdir(fs.dirname(path), {parents = true}))
        must(fs.write(path, text))
    end
    local path = home .. "/site.yaml"
    must(fs.write(path, "procedures:\n  site/script:\n    hooks:\n" .. hooks))
    return path
end

local function command(words, env)
    local all = table.move(words, 1, #words, 1, {})
    if words[2] == "site/script" then
        table.move({"--site", home .. "/site.yaml"}, 1, 2, #all + 1, all)
    end
    return salvor.run(all, {home = home, env = env})
end

--- The ids of the steps that `show` tells, and the whole document.
local function shown()
    local result = command({"show", "site/script", "--output", "json"})
    salvor.expect_code(0, result)
    local document, ids = must(json.decode(result.stdout)), {}
    for index, step in ipairs(document.steps) do
        ids[index] = step.step
    end
    return table.concat(ids, " "), document
end

describe("hooks", function()
    it("put steps before and after one, in the order of the file", function()
        local path = site([[
      - {before: act, run: hooks/one.lua}
      - {after: act, run: hooks/two.lua}
      - {before: act, run: hooks/three.lua}
]], {one = hook("one"), two = hook("two"), three = hook("three")})
        local ids, document = shown()
        assert.equal("look see one three act two end", ids)
        local origin = document.steps[3].origin
        assert.equal("before act", origin.hook .. " " .. origin.of)
        assert.equal(home .. "/scripts/hooks/one.lua", origin.file)
        assert.equal("site " .. path .. ":4", origin.site)
        assert.matches("^%x+$", origin.sha256)
        assert.is_nil(document.steps[1].origin)
    end)

    it("may bring several steps, and permissions", function()
        site("      - {before: end, run: hooks/both.lua}\n", {both = PRELUDE .. [[
            return {
                {id = "one", title = "T", why = "W", run = note("one"),
                 permissions = {{kind = "events", verbs = {"create"}}}},
                {id = "two", title = "T", why = "W", run = note("two")},
            }]]})
        local ids, document = shown()
        assert.equal("look see act one two end", ids)
        assert.same({{kind = "secrets", verbs = {"get"}}, {kind = "events", verbs = {"create"}}},
            document.permissions)
    end)

    it("on a check are checks", function()
        site("      - {after: see, run: hooks/one.lua}\n", {one = hook("one")})
        local _, document = shown()
        assert.is_true(document.steps[3].check)
    end)

    it("of the first file that has some are those that count", function()
        site("      - {after: act, run: hooks/one.lua}\n", {one = hook("one")})
        must(fs.mkdir(home .. "/config/salvor", {parents = true}))
        must(fs.write(home .. "/config/salvor/site.yaml",
            "procedures: {site/script: {hooks: [{skip: act, because: mine}]}}\n"))
        assert.equal("look see act one end", (shown()))
    end)

    it("are no procedures", function()
        site("      - {after: act, run: hooks/one.lua}\n", {one = hook("one")})
        local listed = salvor.run({"list", "--site", home .. "/site.yaml"}, {home = home})
        salvor.expect_code(0, listed)
        assert.is_nil(listed.stdout:find("hooks", 1, true))
        salvor.expect_code(2, command({"show", "hooks/one"}))
    end)
end)

describe("a hook is refused:", function()
    --- hooks, files, exit code, what is said.
    local ONE = {one = hook("one")}
    local function file_says(text, ...)
        return "      - {after: act, run: hooks/one.lua}\n", {one = text}, 3,
            {"/scripts/hooks/one.lua", ...}
    end
    local CASES = {
        ["on a step that there is not"] = {"      - {before: atc, run: hooks/one.lua}\n", ONE, 2,
            {"/site.yaml:4:9: site/script has no step 'atc'", "did you mean 'act'? its steps are"}},
        ["from a file that there is not"] = {"      - {before: act, run: hooks/none.lua}\n", ONE, 2,
            {"/site.yaml:4:9: ", "/scripts/hooks/none.lua: No such file"}},
        ["two in one place"] = {"      - {skip: act, because: x}\n"
            .. "      - {instead: act, run: hooks/one.lua}\n", {one = hook("act")}, 2,
            {"/site.yaml:5:9: step 'act' is left out or replaced already"}},
        ["another id than that of the replaced step"] = {
            "      - {instead: act, run: hooks/one.lua}\n", ONE, 3,
            {"/scripts/hooks/one.lua: none of its steps has the id 'act'"}},
        ["a change in the place of a check"] = {"      - {before: see, run: hooks/one.lua}\n",
            {one = hook("one", "destructive = 'all'")}, 3,
            {"/scripts/hooks/one.lua: 'one' belongs to the check 'see'", "changes nothing"}},
        ["what says it is no check"] = {"      - {before: see, run: hooks/one.lua}\n",
            {one = hook("one", "check = false")}, 3, {"'one' belongs to the check 'see'"}},
        ["a check behind a change"] = {"      - {after: act, run: hooks/one.lua}\n",
            {one = hook("one", "check = true")}, 3,
            {"/scripts/hooks/one.lua: step 'one'.check: checks come before the first change"}},
        ["a step twice"] = {"      - {before: act, run: hooks/one.lua}\n", {one = hook("look")}, 3,
            {"/scripts/hooks/one.lua: step 'look'.id: 'look' stands there twice"}},
        ["no table"] = {file_says("return 1", "a step or a list of steps expected, got number")},
        ["nothing"] = {file_says("", "a step or a list of steps expected, got nil")},
        ["no Lua"] = {file_says("return {", ":1:")},
        ["an undeclared variable"] = {file_says("return {id = misspelt}", "'misspelt'")},
        ["a list of something else"] = {file_says("return {'x'}", "steps[1]: a table expected")},
        ["an unknown field"] = {file_says(hook("one", "tilte = 1"),
            ": step 'one'.tilte: unknown field")},
        ["permissions that are none"] = {file_says(hook("one", "permissions = {{kind = 'x'}}"),
            "permissions[1].verbs: missing")},
        ["permissions that are no list"] = {file_says(hook("one", "permissions = 1"),
            "permissions: a table expected")},
    }
    for name, case in pairs(CASES) do
        it(name, function()
            site(case[1], case[2])
            for _, verb in ipairs({"show", "plan", "run"}) do
                local result = command({verb, "site/script"})
                salvor.expect_code(case[3], result)
                assert.equal(1, #salvor.lines(result.stderr), result.stderr)
                salvor.expect(result.stderr, table.unpack(case[4]))
            end
            assert.is_nil(fs.stat(home .. "/notes"))
        end)
    end
end)

lab.describe("a run with hooks", function()
    local namespace

    setup(function()
        namespace = lab.namespace()
    end)

    teardown(function()
        lab.client():delete("namespaces", namespace)
    end)

    local function run(words)
        return command(words or {"run", "site/script"},
            {KUBECONFIG = lab.kubeconfig(), SALVOR_NAMESPACE = namespace})
    end

    local function notes()
        return fs.read(home .. "/notes") or ""
    end

    it("does them where they belong, and says so in plan and run", function()
        local path = site([[
      - {before: look, run: hooks/one.lua}
      - {instead: act, run: hooks/two.lua}
      - {skip: end, because: the end is near}
]], {one = hook("one"), two = hook("act", 'verify = note("mine")')
            :gsub('verify = note%("mine"%)', "verify = function() return true end")
            :gsub('note%("act"%)', 'note("mine")')})
        local HEADING = {
            "step one is put before look: " .. home .. "/scripts/hooks/one.lua (site " .. path
                .. ":4)",
            "step act is put in the place of act: " .. home .. "/scripts/hooks/two.lua (site "
                .. path .. ":5)",
            "step end is left out: the end is near (site " .. path .. ":6)",
            "Mine (put before look)", "Mine (in the place of the procedure's own)",
        }
        local planned = run({"plan", "site/script"})
        salvor.expect_code(0, planned)
        salvor.expect(planned.stdout, table.unpack(HEADING))
        salvor.expect(planned.stdout, "End (left out: the end is near)")
        must(fs.remove(home .. "/notes"))
        local result = run()
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, table.unpack(HEADING))
        assert.equal("one look see mine ", notes())
    end)

    it("is as its saved plan says, and tells of them in its report", function()
        local path = site("      - {before: act, run: hooks/one.lua}\n"
            .. "      - {skip: end, because: the end is near}\n", {one = hook("one")})
        salvor.expect_code(0, run({"plan", "site/script", "--save", home .. "/plan"}))
        must(fs.remove(home .. "/notes"))
        local done = run({"run", "--plan", home .. "/plan"})
        salvor.expect_code(0, done)
        local report = run({"report", done.stdout:match("run (%d+%-%d+%-%x+) is done"),
                            "--output", "markdown"})
        salvor.expect_code(0, report)
        salvor.expect(report.stdout, "hooks/one.lua", "the end is near", path)
    end)

    it("leaves a check out, and what needs it goes on", function()
        site("      - {skip: look, because: known}\n")
        salvor.expect_code(0, run())
        assert.equal("see act end ", notes())
    end)

    it("names the hook's file when it has a fault", function()
        site("      - {before: act, run: hooks/one.lua}\n", {one = hook("one"):gsub(
            'note%("one"%)', "function() return misspelt end")})
        local result = run()
        salvor.expect_code(5, result)
        salvor.expect(result.stderr, "stopped at step one: " .. home .. "/scripts/hooks/one.lua:",
            "undeclared variable 'misspelt'")
    end)

    it("is not resumed when a hook has changed", function()
        local FAULTY = hook("one"):gsub('note%("one"%)', "function() error('x') end")
        site("      - {before: act, run: hooks/one.lua}\n", {one = FAULTY})
        local id = run().stderr:match("%-%-resume (%S+)")
        site("      - {before: act, run: hooks/one.lua}\n", {one = FAULTY .. "-- changed"})
        local changed = run({"run", "--resume", id})
        salvor.expect_code(1, changed)
        salvor.expect(changed.stderr, "a hook of the site has changed since run " .. id)
        site("      - {before: act, run: hooks/one.lua}\n", {one = FAULTY})
        salvor.expect_code(5, run({"run", "--resume", id}))
        assert.equal("look see ", notes())
    end)
end)
