-- Transfers by SFTP over networks that are slow or break, and runs that are killed.
local cancel = require("support.cancel")
local eventually = require("support.eventually")
local fault_proxy = require("support.fault_proxy")
local fs = require("salvor.fs")
local native = require("salvor.sftp")
local proc = require("salvor.proc")
local sftp_server = require("support.sftp_server")
local store = require("salvor.store")
local store_lab = require("support.store_lab")
local task = require("salvor.task")

local MiB = 1 << 20

store_lab.describe("SFTP", "sftp", function(at)
    local folder = must(fs.temporary_folder())
    local source = fs.join(folder, "source")
    local text

    setup(function()
        local pieces = {}
        for number = 1, 24 * 64 do
            pieces[number] = string.format("%07d\n", number):rep(MiB / 64 / 8)
        end
        text = table.concat(pieces)
        must(fs.write(source, text))
    end)

    teardown(function()
        must(fs.remove_tree(folder))
    end)

    local function options(more)
        local all = {key_file = at.ed25519, host_key = at.fingerprint, config = "none"}
        for name, value in pairs(more or {}) do
            all[name] = value
        end
        return all
    end

    --- A new folder, behind a proxy with those rules; where it is on this machine.
    local function open_new(rules, more)
        local proxy = fault_proxy.start({to = at.host .. ":" .. at.port, raw = true})
        proxy:rules(rules)
        local there, here = store_lab.folder()
        local opened = must(store.open(string.format("sftp://%s@%s%s", at.user, proxy.address,
            there), options(more)))
        finally(function()
            opened:close()
            proxy:stop()
        end)
        return opened, here, proxy
    end

    local function names_in(where)
        local names = {}
        for _, entry in ipairs(must(fs.list(where))) do
            names[#names + 1] = entry.name
        end
        return names
    end

    it("does not wait for one request after the other: 24 MiB at 0.1 s", function()
        local opened, here = open_new({{delay = 0.05}})
        local began = task.now()
        must(opened:upload(source, "object"))
        local up = task.now() - began
        assert.is_true(text == must(fs.read(fs.join(here, "object"))))
        began = task.now()
        must(opened:download("object", fs.join(folder, "copy")))
        local down = task.now() - began
        assert.is_true(text == must(fs.read(fs.join(folder, "copy"))))
        -- 384 requests of 64 KiB would take 38 s, each way.
        assert.is_true(up < 25, "up took " .. up)
        assert.is_true(down < 25, "down took " .. down)
    end)

    it("makes the first connection once, however many wait for it", function()
        local opened, _, proxy = open_new({})
        task.map({1, 2, 3, 4, 5}, function()
            local found, err = opened:stat("object")
            assert.are.equal("NotFound", err.code, tostring(found or err))
        end)
        assert.are.equal(1, #proxy:requests())
    end)

    it("asks once where nobody lets it in, also for a key of unknown type", function()
        local opened, _, proxy = open_new({{reset = true}}, {retries = 0})
        local found, err = opened:stat("object")
        assert.is_nil(found)
        -- On a busy machine the reset is there before we have noticed the connection.
        assert.is_true(err.code == "Disconnected" or err.code == "Unreachable", tostring(err))
        assert.are.equal(1, #proxy:requests())
    end)

    it("makes each connection once", function()
        local connection <close> = must(native.new())
        local server = {host = at.host, port = at.port}
        must(connection:connect(server))
        local key, err = connection:connect(server)
        assert.is_nil(key)
        assert.are.equal("Invalid", err.code, tostring(err))
        must(connection:login("key", at.user, {secret = must(fs.read(at.ed25519))}))
        must(connection:list("/"))
    end)

    it("tells of a connection that is lost before its first request", function()
        local proxy = fault_proxy.start({to = at.host .. ":" .. at.port, raw = true})
        local host, port = proxy.address:match("^(.*):(%d+)$")
        local connection <close> = must(native.new())
        must(connection:connect({host = host, port = math.tointeger(tonumber(port))}))
        must(connection:login("key", at.user, {secret = must(fs.read(at.ed25519))}))
        proxy:stop()
        local listed, err = task.timeout(60, function() return connection:list("/") end)
        assert.is_nil(listed)
        assert.are.equal("Disconnected", err.code, tostring(err))
    end)

    it("does with one connection where there can be no more, and does not ask again", function()
        local opened, here, proxy = open_new({{times = 1}, {reset = true}}, {retries = 0})
        must(opened:upload(source, "object"))
        assert.is_true(text == must(fs.read(fs.join(here, "object"))))
        -- Those who began at the same time may have asked too.
        local asked = #proxy:requests()
        assert.is_true(asked >= 2 and asked <= 3, asked .. " connections")
        must(opened:upload(source, "another"))
        assert.are.equal(asked, #proxy:requests())
    end)

    it("tries what was refused once, and not for each connection", function()
        if not at.password then
            return pending("needs root")
        end
        local server = sftp_server.start({openssh = true, more = "LogLevel VERBOSE"})
        finally(function() server:stop() end)
        local opened <close> = must(store.open(string.format("sftp://%s@%s:%d%s", at.user, at.host,
            server.port, server.folder), options({key_file = at.stranger, password = at.password})))
        must(opened:upload(source, "object"))
        local _, refused = must(fs.read(server.log)):gsub("Failed publickey", "")
        local _, accepted = must(fs.read(server.log)):gsub("Accepted password", "")
        assert.are.equal(1, refused)
        assert.is_true(accepted > 1)
    end)

    it("makes one connection for a tree of small files", function()
        local opened, here, proxy = open_new({})
        must(fs.mkdir(fs.join(here, "a b%")))
        for number = 1, 20 do
            must(fs.write(fs.join(here, "a b%/" .. number), "x", {mode = 420}))
        end
        must(proc.run({"chmod", "755", fs.join(here, "a b%")}))
        if at.password then
            must(proc.run({"chown", "64001:64001", fs.join(here, "a b%")}))
        end
        local tree = opened.url .. "/a%20b%25"
        local summary = must(store.copy(tree, fs.join(folder, "tree"), {from = options()}))
        assert.are.equal(20, summary.copied)
        assert.are.equal(1, #proxy:requests())
        summary = must(store.copy(fs.join(folder, "tree/1"), tree, {to = options()}))
        assert.are.equal(1, summary.skipped + summary.copied)
        assert.are.equal(2, #proxy:requests())
        local _, err = store.copy(tree, opened.url .. "/a%20b%25/c", {from = options(),
                                                                      to = options()})
        assert.are.equal(tree .. "/c is not valid: it lies in what is to be copied, " .. tree,
            err.message)
    end)

    it("goes on after a connection broke, with what had arrived", function()
        local opened, here = open_new({{reset_request = 14 * MiB, times = 1}})
        must(opened:upload(source, "object"))
        assert.is_true(text == must(fs.read(fs.join(here, "object"))))
        assert.are.same({"object"}, names_in(here))
    end)

    it("downloads although a connection broke", function()
        local opened, here = open_new({{reset_answer = 10 * MiB, times = 1}})
        must(fs.write(fs.join(here, "object"), text, {mode = 420}))
        must(opened:download("object", fs.join(folder, "down")))
        assert.is_true(text == must(fs.read(fs.join(folder, "down"))))
    end)

    it("notices bytes that changed on their way", function()
        local opened, here = open_new({{flip_answer = 5 * MiB}}, {retries = 0})
        must(fs.write(fs.join(here, "object"), text, {mode = 420}))
        local done, err = opened:download("object", fs.join(folder, "flipped"))
        assert.is_nil(done)
        assert.are.equal("Disconnected", err.code, tostring(err))
        assert.is_nil(fs.stat(fs.join(folder, "flipped")))
    end)

    it("says who is silent, after the time that was given", function()
        local opened = open_new({{silent = true}}, {timeout = 1, retries = 0})
        local done, err = opened:stat("object")
        assert.is_nil(done)
        assert.are.equal("Timeout", err.code, tostring(err))
        assert.is_truthy(err.message:find("127.0.0.1:", 1, true), err.message)
    end)

    it("gives up a connection that is being made as soon as it is cancelled", function()
        local opened, _, proxy = open_new({{silent = true}})
        local child = task.spawn(function()
            return opened:stat("object")
        end)
        eventually("a connection", function()
            return #proxy:requests() > 0
        end)
        cancel(child)
    end)

    it("ends where something else than SSH answers", function()
        local folder_of_page = fs.join(folder, "page")
        must(fs.mkdir(folder_of_page))
        local server = assert(io.popen("cd " .. folder_of_page
            .. " && echo $$ && exec python3 -u -m http.server --bind 127.0.0.1 0 2>/dev/null"))
        local pid = server:read("l")
        local port = server:read("l"):match("port (%d+)")
        finally(function()
            os.execute("kill -KILL " .. pid)
            server:close()
        end)
        local opened <close> = must(store.open("sftp://a@127.0.0.1:" .. port .. "/x",
            options({timeout = 2, retries = 0})))
        local done, err = opened:stat("object")
        assert.is_nil(done)
        assert.is_true(err.code == "Unreachable" or err.code == "Disconnected"
            or err.code == "Timeout", tostring(err))
    end)

    it("agrees on new keys in the midst of a transfer", function()
        local server = sftp_server.start({openssh = true, more = "RekeyLimit 1M"})
        finally(function() server:stop() end)
        local opened <close> = must(store.open(string.format("sftp://%s@%s:%d%s", at.user, at.host,
            server.port, server.folder), options()))
        must(opened:upload(source, "object"))
        assert.is_true(text == must(fs.read(fs.join(server.files, "object"))))
        must(opened:download("object", fs.join(folder, "rekeyed")))
        assert.is_true(text == must(fs.read(fs.join(folder, "rekeyed"))))
    end)

    it("does with one channel and one connection where a server allows no more", function()
        local server = sftp_server.start({openssh = true, more = "MaxSessions 1"})
        finally(function() server:stop() end)
        local opened <close> = must(store.open(string.format("sftp://%s@%s:%d%s", at.user, at.host,
            server.port, server.folder), options()))
        must(opened:upload(source, "object"))
        assert.is_true(text == must(fs.read(fs.join(server.files, "object"))))
    end)

    it("goes on where a run was that was killed", function()
        local opened, here = open_new({{delay = 0.03}})
        local script = fs.join(folder, "upload.lua")
        must(fs.write(script, string.format([[
            local opened = must(require("salvor.store").open(%q, {key_file = %q, host_key = %q,
                config = "none"}))
            must(opened:upload(%q, "object"))
        ]], opened.url, at.ed25519, at.fingerprint, source)))
        local child = assert(io.popen("echo $$; exec /proc/" .. proc.pid() .. "/exe " .. script))
        local pid = child:read("l")
        -- The records have their head and one of a part that has arrived.
        eventually("a part", function()
            for _, entry in ipairs(must(fs.list(here))) do
                local status = fs.stat(fs.join(here, entry.name))
                if entry.name:find("^%.salvor%-" .. ("%x"):rep(32) .. "%.tmp$") and status
                    and status.size >= 48 then
                    return true
                end
            end
        end)
        os.execute("kill -KILL " .. pid)
        child:close()
        assert.is_nil(fs.stat(fs.join(here, "object")))
        local summary = must(store.copy(source, opened.url .. "/object",
            {to = options()}))
        assert.is_true(summary.resumed >= 8 * MiB, "resumed " .. summary.resumed)
        assert.is_true(text == must(fs.read(fs.join(here, "object"))))
        assert.are.same({"object"}, names_in(here))
    end)
end)
