-- salvor --read-only: scripts, pipes and commands that would write end with exit code 6, and
-- procedures are planned and checked but not run.
local fs = require("salvor.fs")
local lab = require("support.lab")
local lease = require("salvor.procedure.lease")
local proc = require("salvor.proc")
local salvor = require("support.salvor")
local small_procedure = require("support.small_procedure")

describe("salvor --read-only", function()
    local home

    before_each(function()
        home = must(fs.temporary_folder())
        must(fs.mkdir(fs.join(home, "from")))
        must(fs.write(fs.join(home, "from/a"), "text"))
    end)

    after_each(function()
        must(fs.remove_tree(home))
    end)

    local WRITE = [[must(must(require("salvor.store").open("store")):write("x", "text"))]]

    local function run(words, options)
        options = options or {}
        options.home, options.cwd = home, home
        return salvor.run(words, options)
    end

    local function expect_refused(result)
        salvor.expect_code(6, result)
        salvor.expect(result.stderr, "write " .. home .. "/store/x: the session is read-only")
        assert.is_nil(fs.stat(fs.join(home, "store")))
    end

    --- What is entered on standard input.
    local function pipe(text, words, env)
        return must(proc.run({salvor.path, table.unpack(words)}, {
            stdin = text, cwd = home, env = salvor.environment(home, env), timeout = 60}))
    end

    it("is for code, scripts and what comes through a pipe", function()
        must(fs.write(fs.join(home, "script.lua"), WRITE))
        expect_refused(run({"--read-only", "-e", WRITE}))
        expect_refused(run({"-e", WRITE, "--read-only"}))
        expect_refused(run({"--read-only", "script.lua"}))
        expect_refused(pipe(WRITE, {"--read-only"}))
        expect_refused(pipe(WRITE, {"--read-only", "-"}))
    end)

    it("is for the prompt, which goes on", function()
        local result = pipe(WRITE .. "\nprint('on')\n", {"--read-only", "-i"})
        salvor.expect_code(0, result)
        salvor.expect(result.stderr, "the session is read-only")
        salvor.expect(result.stdout, "on\n")
    end)

    it("can be an environment's", function()
        expect_refused(run({"-e", WRITE}, {env = {SALVOR_READ_ONLY = "1"}}))
        for _, off in ipairs({"0", ""}) do
            salvor.expect_code(0, run({"-e", WRITE}, {env = {SALVOR_READ_ONLY = off}}))
        end
    end)

    it("is for commands", function()
        for _, words in ipairs({{"cp", "from", "to"}, {"cp", "from/a", "to/"}, {"rm", "from/a"},
                                {"rm", "-r", "from"}, {"rm", "-r", "--yes", "from"}}) do
            local result = run({"--read-only", "store", table.unpack(words)})
            salvor.expect_code(6, result)
            salvor.expect(result.stderr, "the session is read-only")
        end
        assert.is_nil(fs.stat(fs.join(home, "to")))
        salvor.expect(run({"--read-only", "store", "cat", "from/a"}).stdout, "text")
    end)

    it("cannot be given up for --write", function()
        for _, env in ipairs({{}, {SALVOR_READ_ONLY = "1"}}) do
            local result = run(env.SALVOR_READ_ONLY and {"--write", "-i"}
                or {"--read-only", "--write", "-i"}, {env = env})
            salvor.expect_code(2, result)
            salvor.expect(result.stderr, "--write in a session that is read-only")
        end
    end)

    it("takes no value", function()
        salvor.expect_code(2, run({"--read-only=no", "-e", WRITE}))
    end)
end)

describe("what is the prompt's", function()
    local home <const> = "/"

    it("stands behind the name of a command", function()
        for _, words in ipairs({{"--context", "x", "list"}, {"-n", "x", "list"},
                                {"--write", "list"}, {"--site=x", "-e", "x = 1"},
                                {"--kubeconfig", "x", "-i", "list"}}) do
            local result = salvor.run(words, {home = home})
            salvor.expect_code(2, result)
            salvor.expect(result.stderr, "is the prompt's")
        end
    end)

    it("is given once, with a value", function()
        for _, words in ipairs({{"--context", "", "-i"}, {"--context", "a", "--context=b", "-i"},
                                {"-i", "--site"}}) do
            salvor.expect_code(2, salvor.run(words, {home = home}))
        end
    end)
end)

lab.describe("a procedure in a read-only session", function()
    local small

    before_each(function()
        small = small_procedure.new()
    end)

    after_each(function()
        small:close()
    end)

    local WRITE = [[id = "write", run = function(ctx)
        must(ctx.k8s:create(config_map("made")))
    end]]
    local CHECKS = {categories = '{"check", "safe"}'}

    local function salvor_read_only(...)
        return small:salvor({"--read-only", ...})
    end

    local function is_made()
        return small.client:get("configmaps", "made") ~= nil
    end

    it("is not begun when it may change something", function()
        small:steps({WRITE})
        local result = salvor_read_only("run", "site/script")
        salvor.expect_code(6, result)
        salvor.expect(result.stderr, "run site/script in namespace " .. small.namespace
            .. ": the session is read-only")
        assert.is_false(is_made())
        assert.same({}, small:runs())
        assert.equal("NotFound", select(2, small.client:get(lease.KIND, lease.NAME)).code)
    end)

    it("is neither gone on with nor undone", function()
        small:steps({WRITE, [[id = "fail", run = fail_at_will]]})
        small:set("fail", true)
        salvor.expect_code(5, small:run())
        local before = #small:journal()
        for _, how in ipairs({"--resume", "--undo"}) do
            salvor.expect_code(6, salvor_read_only("run", how, small:only_run()))
        end
        assert.equal(before, #small:journal())
    end)

    it("is planned", function()
        small:steps({WRITE})
        local result = salvor_read_only("plan", "site/script")
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "create ConfigMap " .. small.namespace .. "/made",
            "1 object created")
        assert.is_false(is_made())
    end)

    it("runs when all it does is to look", function()
        small:steps({[[id = "look", check = true, run = function(ctx)
            must(ctx.k8s:list("configmaps"))
            ctx:note(ctx:command({"echo", "looked"}, {read_only = true}).stdout)
        end]]}, CHECKS)
        local result = salvor_read_only("run", "site/script")
        salvor.expect_code(0, result)
        salvor.expect(result.stdout, "looked")
    end)

    it("starts no program that does not say that it changes nothing", function()
        small:steps({[[id = "touch", check = true, run = function(ctx)
            ctx:command({"touch", home .. "/touched"})
        end]]}, CHECKS)
        local result = salvor_read_only("run", "site/script")
        salvor.expect_code(4, result)
        salvor.expect(result.stdout, "execute touch", "the session is read-only")
        assert.is_nil(fs.stat(fs.join(small.home, "touched")))
    end)
end)
