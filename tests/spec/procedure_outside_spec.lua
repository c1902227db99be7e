-- What a procedure does outside the cluster: a plan lists it and does nothing, a run journals it.
local context = require("salvor.procedure.context")
local fs = require("salvor.fs")
local procedure_client = require("support.procedure_client")
local secret = require("salvor.secret")

describe("a procedure outside the cluster", function()
    local folder

    before_each(function()
        folder = must(fs.temporary_folder())
    end)
    after_each(function()
        must(fs.remove_tree(folder))
    end)

    local function at(name)
        return fs.join(folder, name)
    end

    --- What steps are given, and what is told of them: the effects of a plan, the journal of a run.
    local function planning()
        local performer, list = procedure_client.plan()
        return context.new({run = "plan", performer = performer}), list
    end

    local function running()
        local performer, records = procedure_client.run()
        return context.new({run = "r1", performer = performer}), records
    end

    describe("runs a program", function()
        it("not in a plan, which lists it", function()
            local ctx, list = planning()
            local result = ctx:command({"touch", at("file")})
            assert.same({code = 0, stdout = "", stderr = ""}, result)
            assert.is_nil(fs.stat(at("file")))
            assert.same({"execute", "touch " .. at("file")}, {list[1].verb, list[1].target})
        end)

        it("in a plan too, when it only reads", function()
            local ctx, list = planning()
            assert.equal("hello\n", ctx:command({"echo", "hello"}, {read_only = true}).stdout)
            assert.same({}, list)
        end)

        it("that is not on PATH: a plan says so, a run fails", function()
            local ctx, list = planning()
            ctx:command({"no-such-program", "install"})
            assert.equal("no-such-program install (which is not on PATH)", list[1].target)
            ctx = running()
            local ok, err = pcall(ctx.command, ctx, {"no-such-program"})
            assert.is_false(ok)
            assert.equal("NotFound", err.code)
        end)

        it("with its options, and keeps its exit code", function()
            local ctx, records = running()
            local result = ctx:command({"sh", "-c", "pwd; exit 3"}, {cwd = folder})
            assert.same({3, folder .. "\n"}, {result.code, result.stdout})
            assert.same({"effect.begin", "effect.end"}, {records[1].type, records[2].type})
            assert.same({code = 3}, records[2].result)
        end)

        it("and stops a plan at misuse, at the line of the script", function()
            local ctx, list = planning()
            local function misuse(expected, ...)
                local ok, err = pcall(function(...)
                    ctx:command(...)
                end, ...)
                assert.is_false(ok)
                assert.truthy(tostring(err):find(expected, 1, true), err)
                assert.truthy(tostring(err):find("procedure_outside_spec.lua:", 1, true), err)
            end
            misuse("ctx:command: a command as a list expected, such as", "ls -l")
            misuse("ctx:command: a command as a list expected, such as", {})
            misuse("ctx:command: word 2 of the command is a number", {"ls", 1})
            misuse("ctx:command: unknown option 'cdw'; known are cwd", {"ls"}, {cdw = folder})
            misuse("ctx:command: option 'timeout' must be a number", {"ls"}, {timeout = "1m"})
            assert.same({}, list)
        end)

        it("of which a long line is cut between two characters", function()
            local ctx, list = planning()
            ctx:command({"echo", ("é"):rep(300)})
            assert.equal("echo " .. ("é"):rep(97) .. "...", list[1].target)
        end)

        it("and shows no secret of its words", function()
            secret.add("correct-horse-battery")
            local ctx, list = planning()
            ctx:command({"login", "--password=correct-horse-battery"})
            assert.is_nil(list[1].target:find("correct-horse-battery", 1, true))
        end)
    end)

    describe("in a store", function()
        before_each(function()
            must(fs.mkdir(at("store")))
            must(fs.write(at("store/old"), "old"))
        end)

        it("reads in a plan, and changes nothing", function()
            local ctx, list = planning()
            local opened <close> = ctx:store(at("store"))
            assert.equal("old", must(opened:read("old")))
            opened:write("old", "changed")
            opened:write("new", "12345")
            opened:upload(at("store/old"), "copy")
            opened:remove("old")
            assert.equal("old", must(fs.read(at("store/old"))))
            assert.equal(1, #must(fs.list(at("store"))))
            local verbs = {}
            for index, effect in ipairs(list) do
                verbs[index] = effect.verb .. " " .. effect.target
            end
            assert.same({"write " .. at("store/old"), "write " .. at("store/new"),
                         "upload " .. at("store/copy"), "remove " .. at("store/old")}, verbs)
            assert.same({op = "~", path = "old", before = "3 bytes", after = "7 bytes"},
                list[1].changes[1])
            assert.same({op = "+", path = "new", after = "5 bytes"}, list[2].changes[1])
        end)

        it("writes in a run, one effect each", function()
            local ctx, records = running()
            local opened <close> = ctx:store(at("store"))
            opened:write("new", "12345")
            opened:remove({"old"})
            assert.equal("12345", must(fs.read(at("store/new"))))
            assert.is_nil(fs.stat(at("store/old")))
            assert.equal(4, #records)
            assert.equal(5, records[2].result.size)
        end)

        it("copies trees in a run alone", function()
            local ctx, list = planning()
            ctx:copy(at("store"), at("there"))
            assert.equal("copy " .. at("store") .. " to " .. at("there"),
                list[1].verb .. " " .. list[1].target)
            assert.is_nil(fs.stat(at("there")))
            local records
            ctx, records = running()
            assert.equal(1, ctx:copy(at("store"), at("there")).copied)
            assert.same({copied = 1, skipped = 0, bytes = 3}, records[2].result)
            assert.equal("old", must(fs.read(at("there/old"))))
        end)

        it("takes credentials from a Secret that is named", function()
            local asked
            local ctx = planning()
            ctx.k8s = {get = function(_, kind, name)
                asked = kind .. " " .. name
                return {kind = "Secret", metadata = {name = name},
                        stringData = {key = "ACCESS", keysecret = "secret-access-key"}}
            end}
            local opened <close> = ctx:store("s3://bucket/prefix?endpoint=http://127.0.0.1:9",
                {secret = "mgmt-backup-secret", retries = 0})
            assert.equal("s3://bucket/prefix", opened.url)
            assert.equal("secrets mgmt-backup-secret", asked)
        end)
    end)

    it("does anything else as an effect", function()
        local ctx, records = running()
        local result = ctx:perform({verb = "ring", target = "the bell", run = function()
            return "rung"
        end})
        assert.equal("rung", result)
        assert.same({"ring", "the bell"}, {records[1].verb, records[1].target})
        local list
        ctx, list = planning()
        ctx:perform({verb = "ring", target = "the bell", run = error})
        assert.equal("ring", list[1].verb)
    end)

    it("says what a function was not given, at the line of the script", function()
        for expected, call in pairs({
            ["ctx:perform: effect: table expected, got string"] =
                function(ctx) ctx:perform("ring") end,
            ["ctx:perform: effect.target: string expected, got nil"] =
                function(ctx) ctx:perform({verb = "ring"}) end,
            ["ctx:note: message: string or number expected, got nil"] =
                function(ctx) ctx:note() end,
            ["ctx:warn: message: string or number expected, got table"] =
                function(ctx) ctx:warn({}) end,
            ["ctx:problem: message: string or number expected, got nil"] =
                function(ctx) ctx:problem() end,
            ["ctx:name: prefix: string expected, got nil"] = function(ctx) ctx:name() end,
            ["ctx:kit: url: string expected, got nil"] = function(ctx) ctx:kit() end,
            ["ctx:store: url: string expected, got nil"] = function(ctx) ctx:store() end,
        }) do
            local ok, err = pcall(call, planning())
            assert.is_false(ok)
            assert.truthy(tostring(err):find("procedure_outside_spec.lua:%d+: "), err)
            assert.truthy(tostring(err):find(expected, 1, true), err)
        end
    end)
end)
