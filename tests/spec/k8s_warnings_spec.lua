--- Warnings of servers reach whoever calls, each once.
local fs = require("salvor.fs")
local lab = require("support.lab")
local salvor = require("support.salvor")
local scripted = require("support.scripted")

lab.describe("a warning of the server", function()
    -- Deprecated since 1.19, and still served.
    local TEXT = "v1 ComponentStatus is deprecated in v1.19+"

    it("goes to standard error, once", function()
        local folder = must(fs.temporary_folder())
        local script = fs.join(folder, "script.lua")
        must(fs.write(script, [[
            local client = must(require("salvor.k8s").connect({kubeconfig = arg[1]}))
            for _ = 1, 3 do
                must(client:list("componentstatuses"))
            end
            print("done")
        ]]))
        local result = salvor.run({script, lab.kubeconfig()}, {home = folder})
        must(fs.remove_tree(folder))
        assert.are.equal("done\n", result.stdout)
        local line = result.stderr:match("^[^\n]*\n$")
        assert.truthy(line, "one line expected: " .. result.stderr)
        salvor.expect(line, "warning " .. TEXT)
    end)

    it("goes to the function that is there for it", function()
        local texts = {}
        local client = lab.client({on_warning = function(text)
            texts[#texts + 1] = text
        end})
        must(client:list("componentstatuses"))
        must(client:list("componentstatuses"))
        assert.are.same({TEXT}, texts)
    end)
end)

describe("warnings", function()
    local CM = "/api/v1/namespaces/default/configmaps"
    local server, client, texts

    setup(function()
        server = scripted.start()
    end)
    teardown(function()
        server:stop()
    end)
    before_each(function()
        texts = {}
        client = server:client({timeout = 30, on_warning = function(text)
            texts[#texts + 1] = text
        end})
    end)

    for status, what in pairs({[200] = "an answer", [422] = "an error"}) do
        it("in several lines of " .. what .. " are all told", function()
            server:rules({{path = CM .. "/a", status = status, json = scripted.config_map("a"),
                           headers = {Warning = {'299 - "one"', '299 - "two"'}}}})
            client:get("cm", "a")
            assert.are.same({"one", "two"}, texts)
        end)
    end

    it("of a watch that is refused are told", function()
        server:rules({{path = CM, query = "watch=true", status = 403,
                       headers = {Warning = '299 - "watched"'},
                       json = scripted.status(403, "Forbidden", "no")},
                      {path = CM, json = scripted.list("1", {scripted.config_map("a", "1")})}})
        local ok, err = pcall(function()
            for _ in client:watch("cm") do -- luacheck: ignore 542
            end
        end)
        assert.is_false(ok)
        assert.are.equal("Forbidden", err.code)
        assert.are.same({"watched"}, texts)
    end)

    it("without end are not remembered without end", function()
        local all = {}
        for number = 1, 1001 do
            all[number] = string.format('299 - "%d"', number)
        end
        server:rules({{path = CM .. "/a", json = scripted.config_map("a"),
                       headers = {Warning = table.concat(all, ",")}}})
        must(client:get("cm", "a"))
        assert.are.equal(1000, #texts)
    end)
end)
