-- Ctrl-C at the prompt ends what runs, whatever it is, and leaves prompt and connections usable.
local ended = require("support.ended")
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local lab = require("support.lab")
local prompt = require("support.prompt")
local scripted = require("support.scripted")
local store_lab = require("support.store_lab")

local shown

local function begin(options)
    options = options or {}
    options.columns = 300
    shown = prompt.start(options)
    shown:clear()
end

local function cancel()
    shown:press("C-c")
    shown:expect_text("^Ccancelled")
    shown:press("C-l")
end

local function expect_alive()
    shown:enter("'alive'")
    shown:expect_text("\"alive\"")
end

--- Waits for a file of the home that the prompt has been told to write; its text.
local function file(name)
    return eventually(name, function()
        return fs.read(fs.join(shown.home, name))
    end)
end

local function leave()
    shown:close()
end

describe("Ctrl-C at the prompt ends", function()
    before_each(function()
        begin()
    end)
    after_each(leave)

    for what, code in pairs({
        ["a loop"] = "while true do end",
        ["a loop that catches errors"] = "while true do pcall(error) end",
        ["a coroutine"] = "coroutine.wrap(function() while true do end end)()",
        ["a sort"] = "while true do table.sort({3, 1, 2}, function(a, b) return a < b end) end",
        ["what sleeps"] = "task.sleep(1000)",
        ["tasks"] = "task.all({function() task.sleep(1000) end, function() while true do "
            .. "task.sleep(0) end end})",
    }) do
        it(what, function()
            shown:enter("fs.write('began', '') " .. code)
            file("began")
            cancel()
            expect_alive()
        end)
    end

    it("a child process, and the processes of its own", function()
        shown:enter("proc.run({'sh', '-c', 'sleep 1000 & echo $$ $! > pids; wait'})")
        local pids = eventually("its numbers", function()
            return file("pids"):find("\n") and file("pids")
        end)
        cancel()
        for pid in pids:gmatch("%d+") do
            ended.wait(pid)
        end
        expect_alive()
    end)

    it("what tidies up, once it has done so", function()
        shown:enter("do local _ <close> = setmetatable({}, {__close = function() task.sleep(0.3) "
            .. "fs.write('tidy', '') end}) fs.write('began', '') task.sleep(1000) end")
        file("began")
        shown:press("C-c", "C-c")
        shown:expect_text("cancelled")
        file("tidy")
        shown:press("C-l")
        expect_alive()
    end)

    -- Writes the number of the prompt's process first.
    local function enter_and_find(code)
        shown:enter("fs.write('pid', proc.pid() .. '\\n');" .. code)
        return eventually("its number", function()
            return file("pid"):match("(%d+)\n")
        end)
    end

    -- Of two signals that come at the same time a process gets one.
    local function press_until_end(pid)
        eventually("its end", function()
            shown:press("C-c")
            return ended.is(pid)
        end)
    end

    it("the prompt itself, when what tidies up does not end", function()
        local pid = enter_and_find("do local _ <close> = setmetatable({}, {__close = function() "
            .. "fs.write('stuck', '') while true do end end}) task.sleep(1000) end")
        shown:press("C-c")
        file("stuck")
        press_until_end(pid)
    end)

    it("the prompt itself, when one call of Lua's does not end", function()
        local pid = enter_and_find("('a'):rep(40):find(('a*'):rep(40) .. 'b')")
        press_until_end(pid)
    end)

    for _, output in ipairs({"yaml", "json", "lua"}) do
        it("what shows a value without end as " .. output, function()
            shown:run("t = {1, 2} for _ = 1, 60 do t = {t, t} end")
            shown:run(":output " .. output)
            shown:clear()
            shown:enter("fs.write('began', '') ; return t")
            file("began")
            shown:press("C-c")
            shown:expect("no cluster>")
            shown:clear()
            shown:enter(":all fs.write('again', '') and t")
            file("again")
            shown:press("C-c")
            shown:expect("no cluster>")
            shown:run(":output table")
            expect_alive()
        end)
    end

    it("nothing when nothing runs", function()
        local pid = enter_and_find("")
        shown:expect("no cluster>")
        shown:press("C-l")
        for _ = 1, 5 do
            os.execute("kill -INT " .. pid)
        end
        expect_alive()
        shown:enter("fs.write('began', '') task.sleep(1000)")
        file("began")
        cancel()
        expect_alive()
    end)

    it("long output", function()
        shown:enter("t = {} for i = 1, 300 do t[i] = ('x'):rep(70) .. i end return t")
        shown:expect_text("-- more:")
        shown:press("C-c")
        shown:expect("no cluster>")
        expect_alive()
    end)

    it("long output also as a signal, and the terminal is given back", function()
        local pid = enter_and_find("return ('row\\n'):rep(100)")
        shown:expect_text("-- more:")
        os.execute("kill -INT " .. pid)
        shown:expect("row\ncancelled\nno cluster>")
        expect_alive()
    end)
end)

describe("Ctrl-C while completion waits for an answer", function()
    it("drops the line at once", function()
        local server = scripted.start()
        server:rules({{path = "/api/v1/namespaces/default/configmaps", ["end"] = "mute"}})
        begin({label = ">", env = {KUBECONFIG = server:kubeconfig()}})
        shown:type("c:get(\"cm\", \"")
        shown:press("Tab")
        eventually("the request", function()
            return server:paths()[1]
        end)
        shown:press("C-c")
        shown:press("C-l")
        expect_alive()
        leave()
        server:stop()
    end)
end)

lab.describe("Ctrl-C at the prompt, connected to a cluster, ends", function()
    before_each(function()
        begin({label = ">", env = {KUBECONFIG = lab.kubeconfig()}})
    end)
    after_each(leave)

    it("a watch, and the connection is usable", function()
        shown:enter("for event in c:watch('namespaces') do fs.write('began', event.type) end")
        assert.are.equal("ADDED", file("began"))
        cancel()
        shown:enter("c:get('namespace', 'default').metadata.name")
        shown:expect_text("\"default\"")
    end)

    it("a wait for an object", function()
        shown:enter("fs.write('began', '') ; c:wait('cm', 'none', {create = true, timeout = 1000})")
        file("began")
        cancel()
        shown:enter("c:get('namespace', 'default').metadata.name")
        shown:expect_text("\"default\"")
    end)
end)

store_lab.describe("Ctrl-C at the prompt ends a transfer", "sftp", function(at)
    before_each(function()
        begin()
    end)
    after_each(leave)

    it("by SFTP, and the store is usable", function()
        local there, here = store_lab.folder()
        local url = string.format("sftp://%s@%s:%d%s?key_file=%s&known_hosts=%s&config=none",
            at.user, at.host, math.tointeger(at.port), there, at.ed25519, at.known_hosts)
        os.execute("truncate -s 64G '" .. fs.join(shown.home, "large") .. "'")
        shown:enter("s = must(store.open('" .. url .. "'))")
        shown:expect("no cluster>")
        shown:press("C-l")
        shown:enter("store.copy('large', '" .. url .. "/copy')")
        eventually("the beginning of the transfer", function()
            return (fs.list(here) or {})[1]
        end)
        cancel()
        assert.are.same({}, must(fs.list(here)))
        shown:enter("s:write('small', 'text') ; return s:read('small')")
        shown:expect_text("\"text\"")
    end)
end)
