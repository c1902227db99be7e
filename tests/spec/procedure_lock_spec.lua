-- The Lease that keeps two operators from working on one namespace: who gets it, how it is kept,
-- lost and given back.
local errors = require("salvor.error")
local fs = require("salvor.fs")
local json = require("salvor.json")
local lab = require("support.lab")
local lease_object = require("salvor.procedure.lease")
local lock = require("salvor.procedure.lock")
local salvor = require("support.salvor")
local small_procedure = require("support.small_procedure")
local task = require("salvor.task")

local ID = "site/script"
local QUICK_LOCK = fs.absolute("tests/support/quick_lock.lua")
local KILL_AFTER = fs.absolute("tests/support/kill_after.lua")
local LEASES = "leases.coordination.k8s.io"
local WAITING = {'id = "one", run = function(ctx) note("one " .. ctx.run) wait_for_go()'
    .. ' note("go " .. ctx.run) end'}

lab.describe("the lock of a run", function()
    local small

    before_each(function()
        small = small_procedure.new()
    end)

    after_each(function()
        small:close()
    end)

    --- A run whose lock lasts four seconds.
    local function quick(words)
        return small:salvor(table.move(words, 1, #words, 3, {QUICK_LOCK, "run"}))
    end

    local function lease()
        return small.client:get(LEASES, "salvor")
    end

    local function expect_free()
        local found, err = lease()
        assert.is_nil(found)
        assert.equal("NotFound", err.code)
    end

    --- Somebody else's Lease.
    local function occupy(spec)
        spec.holderIdentity = spec.holderIdentity or "ann@elsewhere/20260101-000000-abcdef"
        return must(small.client:create({apiVersion = "coordination.k8s.io/v1", kind = "Lease",
                                         metadata = {name = "salvor"}, spec = spec}))
    end

    --- The first run of the fixture in a task; returns it, and its id once it is in its step.
    local function start_first(...)
        local ended
        local running = task.spawn(function(words)
            ended = quick(words)
            return ended
        end, {ID, ...})
        local id
        repeat
            task.sleep(0.02)
            id = small:notes():match("one (%S+)")
            assert(id or not ended, ended and ended.stdout .. ended.stderr)
        until id
        return running, id
    end

    it("is a Lease that tells who works, and is gone afterwards", function()
        small:steps({'id = "one", run = function(ctx) local found = must(ctx.k8s:get("'
            .. LEASES .. '", "salvor")) note(found.spec.holderIdentity)'
            .. ' note(found.spec.leaseDurationSeconds) note(found.metadata.labels["salvor-run"])'
            .. ' note(found.metadata.annotations["salvor-procedure"])'
            .. ' note(tostring(found.spec.renewTime >= found.spec.acquireTime)) end'})
        salvor.expect_code(0, small:run())
        local run = small:only_run()
        local lines = salvor.lines(small:notes())
        assert.truthy(lines[1]:match("^operator@[^/]+/" .. run:gsub("%-", "%%-") .. "$"), lines[1])
        assert.same({"30", run, ID, "true"}, {lines[2], lines[3], lines[4], lines[5]})
        expect_free()
        assert.equal("free", small:records_of("lock.acquired")[1].how)
        assert.equal(1, #small:records_of("lock.released"))
    end)

    it("is given back when a check fails, a step fails, and after Ctrl-C", function()
        small:steps({'id = "no", check = true, run = function(ctx) ctx:problem("no") end',
                     'id = "one", run = function() end'})
        salvor.expect_code(4, small:run())
        expect_free()
        small:steps({'id = "one", run = function() error("oh") end'})
        salvor.expect_code(5, small:run())
        expect_free()
        small:steps(WAITING)
        local running, run = start_first()
        small:signal("INT", run)
        assert.equal(2, running:join().signal)
        expect_free()
    end)

    it("keeps a second operator out, who is told of the first, and changes nothing", function()
        small:steps(WAITING)
        local running, first = start_first()
        local second = quick({ID})
        salvor.expect_code(1, second)
        salvor.expect(second.stderr, "salvor: lock: somebody works on namespace " .. small.namespace
            .. " already: operator@", " since 20", "(run " .. first .. " of " .. ID .. ")",
            "wait for that run to end", "--break-lock", "nothing was changed")
        assert.equal("one " .. first .. "\n", small:notes())
        small:set("go", true)
        salvor.expect_code(0, running:join())
        expect_free()
    end)

    it("is taken over when it stands still for as long as it lasts, whatever its times say",
        function()
            occupy({leaseDurationSeconds = 1, renewTime = "2099-01-01T00:00:00.000000Z"})
            small:steps({'id = "one", run = function() note("one") end'})
            local result = quick({ID})
            salvor.expect_code(0, result)
            salvor.expect(result.stdout, "lock of namespace " .. small.namespace
                .. ": held by ann@elsewhere (run 20260101-000000-abcdef); free when not renewed"
                .. " for 1 s", "warning: the lock was that of ann@elsewhere")
            local record = small:records_of("lock.acquired")[1]
            assert.same({"expired", "ann@elsewhere/20260101-000000-abcdef"},
                {record.how, record.from})
            expect_free()
        end)

    it("is not taken over while it moves, even between times that are long past", function()
        occupy({leaseDurationSeconds = 10, renewTime = "2001-01-01T00:00:00.000000Z"})
        local renewing = task.spawn(function()
            for second = 1, 59 do
                must(small.client:patch(LEASES, "salvor", {spec = {
                    renewTime = string.format("2001-01-01T00:00:%02d.000000Z", second),
                }}))
                task.sleep(0.2)
            end
        end)
        small:steps({'id = "one", run = function() note("one") end'})
        local result = quick({ID})
        renewing:cancel()
        salvor.expect_code(1, result)
        salvor.expect(result.stderr, "ann@elsewhere")
        assert.equal("", small:notes())
        assert.equal("locked", small:journal()[#small:journal()].status)
    end)

    it("is not waited for when it would last too long", function()
        occupy({leaseDurationSeconds = 2147483647})
        small:steps({'id = "one", run = function() note("one") end'})
        local result = small:run()
        salvor.expect_code(1, result)
        salvor.expect(result.stderr, "it lasts 2147483647 s", "--break-lock")
        salvor.expect_code(0, small:run({ID, "--break-lock"}))
    end)

    it("names who works as the environment tells it, behind sudo too", function()
        local uid = must(fs.stat("/proc/self")).uid
        for expected, env in pairs({
            ann = {USER = "ann"},
            ["ann as root"] = {USER = "root", SUDO_USER = "ann"},
            root = {USER = "root", SUDO_USER = "root"},
            ["uid " .. uid] = {USER = "", SUDO_USER = ""},
        }) do
            local script = 'print(require("salvor.procedure.operator").name())'
            local result = salvor.run({"-e", script}, {home = small.home, env = env})
            assert.equal(expected .. "\n", result.stdout)
        end
    end)

    it("lasts as long as ours where its Lease does not say for how long", function()
        for _, seconds in ipairs({0, -1, 0.5, "30"}) do
            assert.is_nil(lease_object.duration({spec = {leaseDurationSeconds = seconds}}))
        end
        assert.equal(30, lease_object.duration({spec = {leaseDurationSeconds = 30}}))
    end)

    it("is free when nobody is named in it", function()
        occupy({holderIdentity = "", leaseDurationSeconds = 1000})
        small:steps({'id = "one", run = function() note("one") end'})
        salvor.expect_code(0, small:run())
    end)

    it("is broken by --break-lock: the run that had it stops, and can be resumed", function()
        small:steps(WAITING)
        local running, first = start_first()
        -- The same procedure from another machine.
        local other <close> = small_procedure.new(small.namespace)
        other:steps({'id = "one", run = function() note("other") end'})
        local broken = other:run({ID, "--break-lock"})
        salvor.expect_code(0, broken)
        salvor.expect(broken.stdout, "(run " .. first .. " of " .. ID
            .. "): --break-lock took it")
        local stopped = running:join()
        salvor.expect_code(5, stopped)
        salvor.expect(stopped.stderr, "stopped at step one: lock: the lock of namespace "
            .. small.namespace .. " was lost: ", "go on with: salvor run --resume " .. first)
        assert.equal("one " .. first .. "\n", small:notes())
        assert.equal(1, #small:records_of("lock.lost"))
        local last = small:records_of("run.end")[1]
        assert.same({"stopped", "one"}, {last.status, last.step})
        small:set("go", true)
        salvor.expect_code(0, small:resume())
        expect_free()
    end)

    it("is lost when somebody deletes it", function()
        small:steps(WAITING)
        local running = start_first()
        must(small.client:delete(LEASES, "salvor"))
        local stopped = running:join()
        salvor.expect_code(5, stopped)
        salvor.expect(stopped.stderr, "somebody has deleted its Lease")
        expect_free()
    end)

    it("is that of the same run at once when it is resumed after kill -9", function()
        small:steps({'id = "one", run = function() note("one") end'})
        local killed = small:salvor({KILL_AFTER, "journal.append", "4", "after", "run", ID})
        assert.equal(9, killed.signal)
        assert.truthy(lease())
        salvor.expect_code(0, small:resume())
        assert.equal("own", small:records_of("lock.acquired")[2].how)
        expect_free()
    end)

    it("stops what was asleep for longer than it lasts, before that does anything more", function()
        small:steps({'id = "one", run = function(ctx) note("one " .. ctx.run)'
            .. ' while not fs.stat(home .. "/go") do end'
            .. ' must(ctx.k8s:create(config_map("late"))) end'})
        local running, first = start_first()
        small:signal("STOP", first)
        local other <close> = small_procedure.new(small.namespace)
        other:steps({'id = "one", run = function(ctx) note("other") wait_for_go() end'})
        local second = task.spawn(other.salvor, other, {QUICK_LOCK, "run", ID})
        other:await_note("other")
        small:set("go", true)
        small:signal("CONT", first)
        local stopped = running:join()
        salvor.expect_code(5, stopped)
        salvor.expect(stopped.stderr, "it was taken by operator@")
        assert.equal("NotFound", select(2, small.client:get("cm", "late")).code)
        other:set("go", true)
        salvor.expect_code(0, second:join())
    end)

    it("is given back at once when it cannot be journaled that it was taken", function()
        local full = errors.new({code = "NoSpace", message = "the disk is full"})
        local ok, err = pcall(lock.acquire, small.client, {
            run = "20260101-000000-abcdef", procedure = ID,
            journal = {append = function()
                assert.truthy(lease())
                error(full, 0)
            end},
        })
        assert.is_false(ok)
        assert.equal(full, err)
        expect_free()
    end)

    --- The lock, taken in this process; `connection` in the place of the fixture's.
    local function take(connection)
        return lock.acquire(connection or small.client, {
            run = "20260101-000000-abcdef", procedure = ID, journal = {append = function() end},
        })
    end

    local function give_to_ann()
        must(small.client:patch(LEASES, "salvor", {spec = {holderIdentity = "ann"}}))
    end

    it("is left to whoever has taken it, also at the very moment when it is given back", function()
        local held = take()
        give_to_ann()
        getmetatable(held).__close(held)
        assert.equal("ann", lease().spec.holderIdentity)
        must(small.client:delete(LEASES, "salvor"))
        local robbed = false
        held = take(setmetatable({get = function(_, ...)
            local found, err = small.client:get(...)
            if found and not robbed then
                robbed = true
                give_to_ann()
            end
            return found, err
        end}, {__index = small.client}))
        getmetatable(held).__close(held)
        assert.equal("ann", lease().spec.holderIdentity)
    end)

    it("is not certain after the machine slept, which only its calendar tells", function()
        local held <close> = take()
        local time, renew = os.time, lock.times.renew
        local back <close> = setmetatable({}, {__close = function() -- luacheck: ignore 211
            rawset(os, "time", time)
            lock.times.renew = renew
        end})
        local function within(seconds, other)
            return task.race({other, function() held:ensure() return "certain" end,
                              function() task.sleep(seconds) return "not certain" end})
        end
        assert.equal("certain", within(20, function() task.sleep(30) end))
        rawset(os, "time", function() return time() + 60 end)
        assert.equal("not certain", within(0.2, function() task.sleep(30) end))
        lock.times.renew = 0.01
        assert.equal("certain", within(20, function() held:keep() end))
    end)

    describe("without the rights", function()
        local function bind(verbs)
            local restricted, why = lab.kubeconfig("restricted")
            if not restricted then
                pending(why)
            end
            must(small.client:create({
                apiVersion = "rbac.authorization.k8s.io/v1", kind = "Role",
                metadata = {name = "leases"},
                rules = {{apiGroups = {"coordination.k8s.io"}, resources = {"leases"},
                          verbs = verbs}},
            }))
            must(small.client:create({
                apiVersion = "rbac.authorization.k8s.io/v1", kind = "RoleBinding",
                metadata = {name = "leases"},
                roleRef = {apiGroup = "rbac.authorization.k8s.io", kind = "Role", name = "leases"},
                subjects = {{apiGroup = "rbac.authorization.k8s.io", kind = "User",
                             name = "restricted"}},
            }))
            small.kubeconfig = restricted
        end

        it("to renew it, it is lost when it has not been renewed for as long as it lasts",
            function()
                bind({"get", "create", "delete"})
                small:steps(WAITING)
                local stopped = start_first("--skip", "permissions"):join()
                salvor.expect_code(5, stopped)
                salvor.expect(stopped.stderr, "was lost: it could not be renewed for ",
                    "cannot update resource \"leases\"", "go on with: salvor run --resume")
            end)

        it("to take it, that is one of the checks that fail", function()
            bind({"list"})
            small:steps({'id = "no", check = true, run = function(ctx) ctx:problem("no") end',
                         'id = "one", run = function() note("one") end'})
            local told = small:run()
            salvor.expect_code(4, told)
            salvor.expect(told.stdout, "FAILED      permissions ", "leases", "FAILED      no ")
            assert.is_nil(told.stdout:find("FAILED      lock ", 1, true))
            local result = small:run({ID, "--skip", "permissions"})
            salvor.expect_code(4, result)
            salvor.expect(result.stdout, "FAILED      lock ", "cannot get resource \"leases\"",
                "get, create, update and delete of leases.coordination.k8s.io", "FAILED      no ")
            small:steps({'id = "one", run = function() note("one") end'})
            salvor.expect_code(4, small:run({ID, "--skip", "permissions"}))
            assert.equal("", small:notes())
        end)

        it("a procedure that only checks needs none", function()
            bind({"list"})
            small:steps({'id = "one", check = true, run = function() note("one") end'},
                {categories = '{"check", "safe"}'})
            salvor.expect_code(0, small:run())
        end)
    end)

    it("is told of by a plan, which takes none", function()
        small:steps({'id = "one", run = function() end'})
        local plan = small:salvor({"plan", ID})
        salvor.expect_code(0, plan)
        assert.is_nil(plan.stdout:find("somebody works", 1, true))
        occupy({acquireTime = "2026-01-01T00:00:00.000000Z"})
        plan = small:salvor({"plan", ID})
        salvor.expect_code(0, plan)
        salvor.expect(plan.stdout, "warning: somebody works on namespace " .. small.namespace
            .. " now: ann@elsewhere"
            .. " since 2026-01-01T00:00:00Z (run 20260101-000000-abcdef)")
        local document = small:salvor({"plan", ID, "--output", "json"})
        salvor.expect(document.stderr, "somebody works on namespace " .. small.namespace
            .. " now: ann@elsewhere")
        local held = must(json.decode(document.stdout)).lock
        assert.same({"ann@elsewhere", "20260101-000000-abcdef", "2026-01-01T00:00:00.000000Z"},
            {held.who, held.run, held.since})
        small:steps({'id = "one", run = function() end'}, {categories = '{"check", "safe"}'})
        assert.is_nil(small:salvor({"plan", ID}).stdout:find("somebody works", 1, true))
        assert.truthy(lease())
    end)

    it("is the namespace's: where that is not there it says so", function()
        small:steps({'id = "one", run = function() end'})
        small.namespace = small.namespace .. "-typo"
        local result = small:run()
        salvor.expect_code(1, result)
        salvor.expect(result.stderr, "the lock of namespace " .. small.namespace
            .. " cannot be taken: ", "the namespace has to exist; the target's is named with -n")
    end)
end)
