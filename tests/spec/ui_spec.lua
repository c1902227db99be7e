-- salvor.ui and salvor.terminal: what people see, with and without a terminal. script(1) makes one.
local fs = require("salvor.fs")
local proc = require("salvor.proc")
local salvor = require("support.salvor")
local secret = require("salvor.secret")
local terminal = require("salvor.terminal")
local ui = require("salvor.ui")

local PRELUDE = 'local ui, task = require("salvor.ui"), require("salvor.task") '

local function plain(code, options)
    options = options or {}
    options.home = "/tmp"
    return salvor.run({"-e", PRELUDE .. code}, options)
end

--- What the terminal shows, keys typed included.
local function on_terminal(code, typed, env)
    local folder <close> = setmetatable({path = must(fs.temporary_folder())}, {
        __close = function(self) fs.remove_tree(self.path) end,
    })
    local file = fs.join(folder.path, "script.lua")
    must(fs.write(file, PRELUDE .. code))
    local all = {TERM = "xterm", NO_COLOR = false, COLUMNS = "40", HOME = folder.path}
    for name, value in pairs(env or {}) do
        all[name] = value
    end
    local command = string.format("%s %s", salvor.path, file)
    return must(proc.run({"script", "-qec", command, "/dev/null"},
        {stdin = typed or "", env = all, timeout = 60})).stdout:gsub("\r\n", "\n")
end

describe("ui.escape", function()
    for text, shown in pairs({
        ["plain ä 日本"] = "plain ä 日本",
        ["\27[31m\7\0\127"] = "\\x1b[31m\\x07\\x00\\x7f",
        ["a\nb\tc\r"] = "a\\nb\\tc\\r",
        ["\xff\xc3"] = "\\xff\\xc3",
        ["\u{9b}31m"] = "\\u{9b}31m",
        ["\u{202e}\u{2066}\u{2028}\u{feff}"] = "\\u{202e}\\u{2066}\\u{2028}\\u{feff}",
        [""] = "",
    }) do
        it("shows " .. shown, function()
            assert.are.equal(shown, ui.escape(text))
        end)
    end

    it("keeps what it is told to keep", function()
        assert.are.equal("a\nb\\tc\\x00", ui.escape("a\nb\tc\0", "\n"))
    end)
end)

describe("a display width", function()
    it("counts columns", function()
        assert.are.equal(3, terminal.display_width("abc"))
        assert.are.equal(1, terminal.display_width("ä"))
        assert.are.equal(1, terminal.display_width("a\u{308}"))
        assert.are.equal(4, terminal.display_width("日本"))
        assert.are.equal(2, terminal.display_width("\xff\xff"))
        assert.are.equal(0, terminal.display_width(""))
    end)
end)

describe("ui.format_table", function()
    it("aligns by what is seen", function()
        assert.are.equal("NAME  SIZE  NOTE\n日本     1  x\nabc   1000\n", ui.format_table(
            {"NAME", {title = "SIZE", align = "right"}, "NOTE"}, {{"日本", 1, "x"}, {"abc", 1000}}))
    end)

    it("takes rows by key", function()
        assert.are.equal("A  B\n1  false\n", ui.format_table(
            {{title = "A", key = "a"}, {title = "B", key = "b"}}, {{a = 1, b = false}}))
    end)

    it("shows controls, masks secrets and aligns what is left", function()
        secret.add("s3cr3t-value")
        local text = ui.format_table({"A", "B"},
            {{"x\27\n", "s3cr3t-value"}, {"s3cr3t-value!", ""}})
        secret.remove("s3cr3t-value")
        assert.are.equal("A        B\nx\\x1b\\n  ***\n***!\n", (text:gsub(" +\n", "\n")))
    end)

    it("may have very wide columns", function()
        local rows = {{("x"):rep(60000), "y"}, {"z", "  "}}
        for number = 3, 100 do
            rows[number] = {"z", "y"}
        end
        local text = ui.format_table({"A", "B"}, rows)
        assert.are.equal("A B\nx y\nz\n" .. ("z y\n"):rep(98),
            (text:gsub(" +", " "):gsub("x+", "x")))
    end)

    it("knows its options", function()
        assert.has_error(function() ui.format_table({{title = "A", width = 5}}, {}) end)
        assert.has_error(function() ui.format_table({{title = "A", align = "middle"}}, {}) end)
        assert.has_error(function() ui.print_table({}, {}, {steam = "stderr"}) end)
        assert.has_error(function() ui.print_table({}, {}, {stream = "stdin"}) end)
    end)
end)

describe("without a terminal", function()
    it("prints tables to the stream that was named", function()
        local result = plain([[ui.table({"A"}, {{1}})
            ui.print_table({"B"}, {}, {stream = "stderr"})]])
        assert.are.equal("A\n1\n", result.stdout)
        assert.are.equal("B\n", result.stderr)
    end)

    it("shows values as the prompt does, whole but for Secrets", function()
        local result = plain([[
            local deep = {} local inner = deep
            for level = 1, 20 do inner.n = {level} inner = inner.n end
            ui.show("a text\27", {b = 1}, nil, 5, deep)
            ui.show()
            local function secret(name)
                return {apiVersion = "v1", kind = "Secret", metadata = {name = name},
                        data = {password = "aHVudGVyMg=="}}
            end
            ui.show(secret("login"), {secret("one"), secret("two")})
            ui.show({type = "ADDED", object = secret("three")}, {{secret("four")}})]])
        local first, rest = result.stdout:match("^(.-\n5\n)(.*)$")
        assert.are.equal("a text\\x1b\n{b = 1}\nnil\n5\n", first)
        salvor.expect(rest, "20", "kind: Secret", "password: (7 bytes)", "NAME", "one", "two",
            "password = \"(7 bytes)\"", "three", "four")
        assert.is_nil(rest:find("…", 1, true))
        assert.is_nil(rest:find("aHVudGVyMg", 1, true))
    end)

    it("prints a status line when it changes", function()
        local result = plain([[
            local status <close> = ui.status("waiting")
            status:update("waiting")
            status:update("still\27")
            status:finish("done")]])
        assert.are.equal("", result.stdout)
        assert.are.equal("waiting\nstill\\x1b\ndone\n", result.stderr)
    end)

    it("prints progress at most once a second, and its end", function()
        local result = plain([[
            local progress = ui.progress(3 * 1024 * 1024, "copy", {unit = "bytes"})
            for done = 0, 3 * 1024 * 1024, 1024 do progress:update(done) end
            progress:finish()]])
        local lines = salvor.lines(result.stderr)
        assert.are.equal("copy   0% 0 B of 3.0 MiB", lines[1])
        assert.are.equal("copy 100% 3.0 MiB of 3.0 MiB", lines[#lines])
        assert.is_true(#lines <= 4)
        assert.are.equal("read 5\n", plain('local p = ui.progress(nil, "read") p:update(5)').stderr)
        assert.has_error(function() ui.progress(1, "copy", {unit = "byte"}) end)
    end)

    it("shows what is no whole number", function()
        assert.are.equal("at 1.5\n", plain('ui.progress(nil, "at"):update(1.5)').stderr)
        assert.are.equal("2 B", ui.bytes(1.5))
    end)

    it("cannot ask", function()
        local result = plain('print(ui.confirm("really?")) print(select(2, ui.confirm("x")).code)')
        salvor.expect(result.stdout, "nil\t", "no terminal", "hint: --yes", "Refused")
        assert.has_error(function() ui.confirm("really?", {typed = ""}) end)
        assert.has_error(function() ui.confirm("really?", {typed = true}) end)
    end)

    it("shows no colour", function()
        assert.are.equal("red\n", plain('print(ui.colour("red", "red"))').stdout)
        assert.has_error(function() ui.colour("beige", "x") end)
    end)

    it("prints without obeying escapes other than colours", function()
        assert.are.equal("a\27[31mb\27[0m\\x1b[2Jc\\x1b]0;t\\x07\n",
            plain([[ui.print("a\27[31mb\27[0m\27[2Jc\27]0;t\7")]]).stdout)
    end)

    it("reads lines", function()
        local result = must(proc.run({salvor.path, "-e", [[
            local read = require("salvor.terminal").read_line
            repeat local line = read() print(line and #line .. line:sub(1, 3)) until not line]]},
            {stdin = "one\n\nth\0ree\n" .. ("x"):rep(100000) .. "\nlast"}))
        assert.are.equal("3one\n0\n6th\0\n100000xxx\n4las\nnil\n", result.stdout)
    end)

    it("reads no line without end", function()
        local result = must(proc.run({salvor.path, "-e",
            'print(require("salvor.terminal").read_line())'}, {stdin = ("x"):rep(1 << 21)}))
        salvor.expect(result.stdout, "nil\t", "TooLarge")
    end)

    it("lets others run while it waits for a line, and one reader at a time", function()
        local folder = must(fs.temporary_folder())
        local script = 'cd "$1"; mkfifo in; shift; exec 0<>in; exec "$0" "$@"'
        local result = must(proc.run({"sh", "-c", script, salvor.path, folder, "-e", [[
            local fs = require("salvor.fs")
            local task, terminal = require("salvor.task"), require("salvor.terminal")
            task.all({
                function() print(terminal.read_line()) end,
                function() print(pcall(terminal.read_line)) end,
                function()
                    for _ = 1, 3 do task.sleep(0.01) io.write(".") end
                    must(fs.append("in", "line\n"))
                end,
            })
            print(task.timeout(0.01, terminal.read_line))]]}))
        salvor.expect(result.stdout, "false\tanother task reads standard input\n", "...line\n")
        must(fs.remove_tree(folder))
    end)
end)

describe("on a terminal", function()
    it("shows colour to one who wants it", function()
        local code = 'io.write(ui.colour("red", "text"))'
        assert.are.equal("\27[31mtext\27[0m", (on_terminal(code)))
        assert.are.equal("text", (on_terminal(code, "", {NO_COLOR = "1"})))
        assert.are.equal("text", (on_terminal(code, "", {TERM = "dumb"})))
    end)

    it("replaces the live line, cut to the width", function()
        local shown = on_terminal([[
            local status = ui.status("one")
            status:update(("x"):rep(100))
            status:finish("done")]])
        assert.are.equal("\r\27[Kone\r\27[K" .. ("x"):rep(38) .. "…\r\27[Kdone\n", shown)
    end)

    it("takes a live line away however it ends", function()
        local shown = on_terminal([[pcall(function()
            local status <close> = ui.status("one")
            error()
        end)]])
        assert.are.equal("\r\27[Kone\r\27[K", shown)
    end)

    for _, case in ipairs({
        {"y\n", "true"}, {"YES\n", "true"}, {" yes \n", "true"}, {"\n", "false"}, {"no\n", "false"},
        {"yesno\n", "false"},
    }) do
        it("takes " .. case[1]:gsub("\n", "\\n") .. " for " .. case[2], function()
            local shown = on_terminal('print(ui.confirm("Go on?"))', case[1])
            salvor.expect(shown, "Go on? [y/N] ")
            assert.are.equal(case[2], shown:match("(%a+)\n$"))
        end)
    end

    it("wants the very word where one is to be typed", function()
        local code = 'print(ui.confirm("All of apic is lost.", {typed = "apic"}))'
        salvor.expect(on_terminal(code, "apic\n"),
            "All of apic is lost. type apic to go on: ", "true\n")
        salvor.expect(on_terminal(code, "yes\n"), "false\n")
        salvor.expect(on_terminal(code, "Apic\n"), "false\n")
    end)
end)
