-- Scripts of one's own: copies of bundled ones, and new ones.
local fs = require("salvor.fs")
local lab = require("support.lab")
local salvor = require("support.salvor")
local site = require("support.site")

local ID = "apic-v10/prepare-management"

local home, closing

before_each(function()
    home, closing = site.new_home()
end)

after_each(function()
    getmetatable(closing).__close()
end)

local function command(words, options)
    local all = {home = home, cwd = home}
    for name, value in pairs(options or {}) do
        all[name] = value
    end
    return salvor.run(words, all)
end

--- The path of the user's script of that id.
local function own(id)
    return home .. "/config/salvor/scripts/" .. id .. ".lua"
end

local function expect_refused(result, ...)
    salvor.expect_code(2, result)
    assert.equal(1, #salvor.lines(result.stderr), result.stderr)
    salvor.expect(result.stderr, ...)
end

describe("salvor customize", function()
    local bundled

    setup(function()
        bundled = must(fs.read("scripts/" .. ID .. ".lua"))
    end)

    it("copies the bundled script to the user's, which takes its place", function()
        local result = command({"customize", ID})
        salvor.expect_code(0, result)
        assert.equal(own(ID) .. "\n", result.stdout)
        local line, rest = must(fs.read(own(ID))):match("^([^\n]*)\n(.*)$")
        assert.matches("^%-%- salvor customize " .. ID:gsub("%p", "%%%0")
            .. " %(bundled SHA%-256 %x+%)$", line)
        assert.equal(bundled, rest)
        salvor.expect(command({"list"}).stdout, own(ID) .. " (replaces the bundled one)\n")
        local shown = command({"show", ID})
        salvor.expect_code(0, shown)
        salvor.expect(shown.stdout, "the script is " .. own(ID) .. ", not the bundled one")
        assert.is_nil(shown.stdout:find("has changed", 1, true))
    end)

    it("copies it to the scripts of the site that is named", function()
        must(fs.mkdir(home .. "/here"))
        must(fs.write(home .. "/here/site.yaml", "scripts: own\n"))
        for _, how in ipairs({{"--site", home .. "/here/site.yaml"}, {}}) do
            local env = not how[1] and {SALVOR_SITE = home .. "/here/site.yaml"} or nil
            local words = table.move(how, 1, #how, 3, {"customize", ID})
            salvor.expect_code(0, command(words, {env = env}))
            must(fs.remove(home .. "/here/own/" .. ID .. ".lua"))
        end
        assert.is_nil(fs.stat(own(ID)))
    end)

    it("overwrites nothing", function()
        command({"customize", ID})
        must(fs.append(own(ID), "-- mine\n"))
        local before = must(fs.read(own(ID)))
        expect_refused(command({"customize", ID}), own(ID) .. " is there already", "edit it")
        assert.equal(before, must(fs.read(own(ID))))
    end)

    it("prints what a copy of today's would be, to compare with", function()
        local result = command({"customize", ID, "--print"})
        salvor.expect_code(0, result)
        assert.same({}, salvor.tree(home))
        command({"customize", ID})
        assert.equal(must(fs.read(own(ID))), result.stdout)
    end)

    it("says from then on that the bundled one has changed, when it has", function()
        command({"customize", ID})
        local text = must(fs.read(own(ID)))
        must(fs.write(own(ID), (text:gsub("SHA%-256 %x", function(begin)
            return begin:sub(1, -2) .. (begin:sub(-1) == "0" and "1" or "0")
        end, 1))))
        salvor.expect(command({"list"}).stdout,
            own(ID) .. " (replaces the bundled one, which has changed since)")
        salvor.expect(command({"show", ID}).stdout,
            "the bundled script has changed since it was customized; salvor customize " .. ID
            .. " --print shows it, first line included")
        -- Whoever has taken over what is new takes the first line, too.
        local today = command({"customize", ID, "--print"}).stdout
        must(fs.write(own(ID), today:match("^[^\n]*\n") .. text:match("\n(.*)$")))
        assert.is_nil(command({"show", ID}).stdout:find("has changed since", 1, true))
    end)

    it("knows what there is", function()
        expect_refused(command({"customize", "apic-v10/prepare-managment"}),
            "there is no bundled procedure 'apic-v10/prepare-managment'", "did you mean '" .. ID)
        expect_refused(command({"customize", "../x"}), "'../x' is no procedure's id")
        site.install(home, "site/own", site.script({id = '"site/own"'}))
        expect_refused(command({"customize", "site/own"}), "there is no bundled procedure")
    end)

    it("needs a place", function()
        expect_refused(command({"customize", ID}, {env = {HOME = false, XDG_CONFIG_HOME = false}}),
            "there is no folder for scripts", "--site")
    end)
end)

describe("salvor new", function()
    it("begins a procedure that is shown and listed, and overwrites nothing", function()
        local result = command({"new", "shop/backup"})
        salvor.expect_code(0, result)
        assert.equal(own("shop/backup") .. "\n", result.stdout)
        salvor.expect(command({"list"}).stdout, "shop/backup", "Leave a note")
        salvor.expect_code(0, command({"show", "shop/backup"}))
        local before = must(fs.read(own("shop/backup")))
        -- What editors need to know its fields, and those of what its functions are given.
        salvor.expect(before, "---@type salvor.Procedure\nreturn {",
            "---@param ctx salvor.Context\nlocal function leave_note(ctx)")
        expect_refused(command({"new", "shop/backup"}), own("shop/backup") .. " is there already")
        assert.equal(before, must(fs.read(own("shop/backup"))))
    end)

    it("is no way around customize, and wants an id", function()
        expect_refused(command({"new", ID}), "there is a bundled procedure '" .. ID .. "'",
            "salvor customize " .. ID)
        for _, id in ipairs({"backup", "a/b/c", "hooks/x", "a b/c", "%1/x"}) do
            expect_refused(command({"new", id}), "'" .. id .. "' is no procedure's id")
        end
        assert.same({}, salvor.tree(home))
    end)
end)

lab.describe("what salvor new has begun", function()
    it("is planned and run", function()
        local namespace = lab.namespace()
        command({"new", "shop/backup"})
        local env = {KUBECONFIG = lab.kubeconfig()}
        local planned = command({"plan", "shop/backup", "-n", namespace}, {env = env})
        salvor.expect_code(0, planned)
        salvor.expect(planned.stdout, "the script is " .. own("shop/backup") .. "\n",
            "create ConfigMap " .. namespace .. "/note")
        salvor.expect_code(0, command({"run", "shop/backup", "-n", namespace}, {env = env}))
        local client = lab.client({namespace = namespace})
        assert.equal("hello", must(client:get("configmaps", "note")).data.text)
        local again = command({"run", "shop/backup", "-n", namespace}, {env = env})
        salvor.expect_code(4, again)
        salvor.expect(again.stdout, "there is a ConfigMap note already; choose another one")
        client:delete("namespaces", namespace)
    end)
end)
