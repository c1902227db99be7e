--- What a procedure may do in containers: a plan lists it and does nothing, a run journals it.
local fs = require("salvor.fs")
local node = require("support.node")
local procedure_client = require("support.procedure_client")
local secret = require("salvor.secret")

node.describe("a procedure in containers", function()
    local connection, namespace, home

    setup(function()
        namespace = node.namespace()
        connection = node.client({namespace = namespace})
        home = must(fs.temporary_folder())
        node.pod({namespace = namespace, name = "db-0", command = {"sleep", "600"}})
        must(connection:exec("db-0", {"sh", "-c", "echo here > /lab/state"}))
    end)
    teardown(function()
        must(fs.remove_tree(home))
        connection:delete("ns", namespace)
    end)

    local function planning()
        return procedure_client.planning(connection)
    end

    local function running()
        return procedure_client.running(connection)
    end

    local function state()
        return must(connection:exec("db-0", {"cat", "/lab/state"})).stdout
    end

    it("lists the commands of a plan and runs none", function()
        local c, list = planning()
        assert.are.same({code = 0, stdout = "", stderr = ""},
            must(c:exec("db-0", {"rm", "/lab/state"})))
        assert.are.equal("here\n", state())
        assert.are.equal("run in", list[1].verb)
        assert.are.equal("Pod " .. namespace .. "/db-0: rm /lab/state", list[1].target)
    end)

    it("runs what only reads in a plan too, and lists it not", function()
        local c, list = planning()
        local result = must(c:exec("db-0", {"cat", "/lab/state"}, {read_only = true}))
        assert.are.equal("here\n", result.stdout)
        assert.are.equal(0, #list)
    end)

    it("says so when the pod of a planned command is not there", function()
        local c, list = planning()
        must(c:exec("db-1", {"true"}))
        assert.is_truthy(list[1].target:find("(which is not there yet)", 1, true))
    end)

    it("journals a command before and after it runs, with its exit code", function()
        local c, records = running()
        local result = must(c:exec("db-0", {"sh", "-c", "echo new > /lab/state; exit 3"}))
        assert.are.equal(3, result.code)
        assert.are.equal("new\n", state())
        assert.are.equal("effect.begin", records[1].type)
        assert.are.same({code = 3}, records[2].result)
    end)

    it("keeps secrets out of what it lists and journals", function()
        secret.add("correct-horse")
        local c, list = planning()
        must(c:exec("db-0", {"login", "--password=correct-horse"}))
        assert.is_nil(list[1].target:find("correct-horse", 1, true))
    end)

    it("lists copies in a plan and makes none", function()
        local c, list = planning()
        local path = fs.join(home, "planned")
        must(fs.write(path, "data"))
        must(c:upload("db-0", path, "/lab"))
        must(c:download("db-0", "/lab/state", fs.join(home, "state")))
        assert.are.equal("upload to", list[1].verb)
        assert.are.equal("download from", list[2].verb)
        assert.is_nil((fs.stat(fs.join(home, "state"))))
        assert.are.equal(2, must(connection:exec("db-0", {"sh", "-c",
            "test -e /lab/planned || exit 2"})).code)
    end)

    it("journals copies with their size", function()
        local c, records = running()
        local path = fs.join(home, "copied")
        must(fs.write(path, "12345"))
        must(c:upload("db-0", path, "/lab"))
        assert.are.same({bytes = 5, entries = 1}, records[2].result)
        must(c:download("db-0", "/lab/copied", fs.join(home, "back")))
        assert.are.equal("12345", must(fs.read(fs.join(home, "back"))))
        assert.are.equal("download from", records[3].verb)
    end)

    it("refuses streams that stay open", function()
        local c = running()
        for _, call in ipairs({
            function() return c:open_exec("db-0", {"sh"}) end,
            function() return c:attach("db-0") end,
            function() return c:open_attach("db-0") end,
            function() return c:port_forward("db-0", 80) end,
        }) do
            local ok, err = pcall(call)
            assert.is_false(ok)
            assert.are.equal("InvalidScript", err.code)
        end
    end)
end)
