-- What happens to a run of apic-v10/prepare-management when the ground gives way: the API server
-- goes and comes back, the disk is full, somebody else is at work.
local apic = require("support.apic")
local fs = require("salvor.fs")
local lab = require("support.lab")
local proc = require("salvor.proc")
local salvor = require("support.salvor")
local task = require("salvor.task")
local yaml = require("salvor.yaml")

local STOP_LAB = fs.absolute("tests/support/stop_lab.lua")

--- A lab that this file may stop and start; nil and a reason when there is none.
local function own_lab()
    if os.getenv("SALVOR_TEST_KUBECONFIG") or os.getenv("SALVOR_LAB_DIR") == "none" then
        return nil, "no lab of its own was to be started"
    end
    local folder = must(fs.temporary_folder())
    local started = must(proc.run({"tests/lab/lab", "start", folder, "--parent",
                                   tostring(proc.pid())}, {timeout = 300}))
    if started.code ~= 0 then
        return nil, "the lab does not start: " .. started.stderr
    end
    local function control(_, verb)
        local result = must(proc.run({"tests/lab/lab", verb, folder}, {timeout = 300}))
        assert(result.code == 0, result.stderr)
    end
    return setmetatable({folder = folder, control = control}, {__close = function(self)
        self:control("stop")
        must(fs.remove_tree(folder))
    end})
end

lab.describe("apic-v10/prepare-management when the API server", function()
    local server, why, kubeconfig, fixture

    setup(function()
        server, why = own_lab()
        kubeconfig = server and fs.join(server.folder, "kubeconfig")
    end)

    teardown(function()
        local stopped <close> = server -- luacheck: ignore 211
    end)

    local function start(namespace, options)
        if not server then
            pending(why)
        end
        local client <close> = lab.client({kubeconfig = kubeconfig})
        must(client:create({apiVersion = "v1", kind = "Namespace", metadata = {name = namespace}}))
        options.kubeconfig, options.namespace = kubeconfig, namespace
        fixture = apic.start(options)
    end

    after_each(function()
        local closing <close> = fixture -- luacheck: ignore 211
        fixture = nil
    end)

    local function expect_whole_kit()
        for _, secret in pairs(fixture.world.secrets) do
            local saved = must(yaml.load(fixture:files()["secrets/" .. secret.name .. ".yaml"]))
            assert.same(secret.data, saved.data)
        end
    end

    it("is restarted: goes on, or is resumed", function()
        start("restarted", {delays = {backup = 1.5}})
        local ended = false
        local running = task.spawn(function()
            local result = fixture:run({take_backup = "true"})
            ended = true
            return result
        end)
        -- The one that was there, and the one to wait for.
        while #fixture.world:backups() < 2 and not ended do
            task.sleep(0.02)
        end
        server:control("restart-apiserver")
        local result = running:join()
        if result.code ~= 0 then
            salvor.expect_code(5, result)
            salvor.expect(result.stderr, "go on with: salvor run --resume")
            result = fixture:resume(fixture:only_run())
        end
        salvor.expect_code(0, result)
        assert.equal(2, #fixture.world:backups())
        expect_whole_kit()
    end)

    it("goes away: stops, and is resumed when it is back", function()
        start("away", {})
        local stopped = fixture:salvor({STOP_LAB, server.folder, "run", apic.ID,
                                        "-p", "kit=" .. fixture.kit})
        salvor.expect_code(5, stopped)
        salvor.expect(stopped.stderr, "stopped at step save-secrets", "Connection refused",
            "go on with: salvor run --resume")
        assert.equal(1, #salvor.lines(stopped.stderr))
        assert.same({}, salvor.tree(fixture.kit))
        server:control("start-apiserver")
        salvor.expect_code(0, fixture:resume(fixture:only_run()))
        expect_whole_kit()
    end)
end)

-- A mount namespace of its own holds a small file system for a single command. What is on it is
-- gone with that namespace, so one command does all: run, look, make room, resume, look.
local FULL_DISK = [[
set -e
mount -t tmpfs -o size=256k none "$1/small"
"$SALVOR" run apic-v10/prepare-management -p kit="$1/small/kit" $2
cp -a "$1/small/kit" "$1/before"
fill() { dd if=/dev/zero of="$1/small/filler" bs=4k 2>/dev/null || true; }
fill "$1"
truncate -s -12k "$1/small/filler"
set +e
"$SALVOR" run apic-v10/prepare-management -p kit="$1/small/kit" $2 >"$1/stdout" 2>"$1/stderr"
echo $? >"$1/code"
cp -a "$1/small/kit" "$1/full"
rm "$1/small/filler"
run=$(sed -n 's/.*--resume \([^ ]*\)$/\1/p' "$1/stderr")
"$SALVOR" run --resume "$run" $2 >"$1/resumed" 2>&1
echo $? >"$1/resumed.code"
cp -a "$1/small/kit" "$1/after"
]]

lab.describe("apic-v10/prepare-management on a full disk", function()
    it("stops, keeps the last generation, leaves nothing half-written, and is resumed", function()
        local allowed = proc.run({"unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"})
        if not allowed or allowed.code ~= 0 then
            pending("a file system cannot be mounted here")
        end
        local fixture <close> = apic.start()
        local home = fixture.home
        must(fs.mkdir(home .. "/small"))
        local result = must(proc.run({"unshare", "--mount", "sh", "-c", FULL_DISK, "sh", home,
            "--kubeconfig=" .. fixture.kubeconfig .. " --namespace=" .. fixture.namespace}, {
            env = {SALVOR = salvor.path, HOME = home, XDG_STATE_HOME = home .. "/state"},
            timeout = 120,
        }))
        assert.equal(0, result.code, result.stderr)
        local function text(name)
            return must(fs.read(fs.join(home, name)))
        end
        assert.equal("5\n", text("code"), text("stderr"))
        salvor.expect(text("stderr"), "stopped at step save-", "no space left",
            "go on with: salvor run --resume ")
        assert.equal(1, #salvor.lines(text("stderr")))
        assert.same(salvor.tree(home .. "/before"), salvor.tree(home .. "/full"))
        assert.equal("0\n", text("resumed.code"), text("resumed"))
        local after = salvor.tree(home .. "/after")
        for path, data in pairs(salvor.tree(home .. "/before")) do
            if path ~= "latest" then
                assert.equal(data, after[path], path)
            end
        end
        local latest = fixture:latest(home .. "/after")
        assert.not_equal(fs.basename(fixture:latest(home .. "/before")), fs.basename(latest))
        assert.truthy(fs.stat(latest .. "/manifest.json"))
    end)
end)
