-- Where lua5.4 takes a command line, Salvor takes it too and does the same: each case runs with
-- both, and standard output and exit code must be equal. What Salvor does otherwise is at the end.
local fs = require("salvor.fs")
local proc = require("salvor.proc")
local salvor = require("support.salvor")

local SHOW = [[
print(arg[0], #arg, select("#", ...), ...)
for i = -4, 4 do io.write(i, "=", tostring(arg[i] and (i > -1 and arg[i] or "set")), " ") end
print()
]]

local FILES = {
    ["show.lua"] = SHOW,
    ["shebang.lua"] = "#!/usr/bin/env lua\n" .. SHOW .. "print(debug.getinfo(1, 'l').currentline)",
    ["empty.lua"] = "",
    ["noend.lua"] = "print('no newline')",
    ["error.lua"] = "print('before') error('boom')",
    ["error_object.lua"] = "error(setmetatable({}, {__tostring = function() return 'object' end}))",
    ["error_nil.lua"] = "error(nil)",
    ["syntax.lua"] = "print('never') if then",
    ["exit.lua"] = "print('x') os.exit(tonumber(arg[1]) or arg[1] == 'true')",
    ["plain"] = "print('no extension', ...)",
    ["module.lua"] = "print('loaded', ...) return {value = 5}",
    ["closing.lua"] = [[
        local a <close> = setmetatable({}, {__close = function() print("closed a") end})
        local b <const> = 5
        print(b)
        error("unwound")]],
    ["deep.lua"] = [[
        local function f(n) return 1 + f(n + 1) end
        print(pcall(f, 1))
        local function g(n) return coroutine.wrap(g)(n + 1) end
        print((pcall(g, 1)))
        print(select("#", table.unpack({}, 1, 5000)))
        print(pcall(string.rep, "x", -1))
        local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end})
        print((pcall(function() return t[1] end)))]],
}

--- Chunks for -e; each prints something.
local CHUNKS = {
    "print(7 // 2, -7 // 2, 7 % -3, 2^10, 7 / 2, 1e15, 2^53, math.maxinteger + 1)",
    "print(3 | 4, 6 & 3, 5 ~ 1, ~0, 1 << 62, '10' + 5, '0x10' * 1, 10 .. 20)",
    "for i = 1, 3 do if i == 2 then goto next end io.write(i, ' ') ::next:: end",
    "print(#arg, arg[0] ~= nil, ...)",
    "print(pcall(error, 'x'), pcall(error), pcall(error, nil), pcall(error, {}) )",
    "print(select(-1, 1, 2, 3), select('#'), select('#', nil, nil))",
    "print(xpcall(error, function(e) return 'h:' .. tostring(e) end, 'boom'))",
    "print(xpcall(function(...) return select('#', ...), ... end, print, 1, nil))",
    "print(pcall(xpcall)) print(pcall(xpcall, print)) print(pcall(pcall))",
    "print(xpcall(function() local x = nil + 1 end, debug.traceback) == false)",
    "print(xpcall(function() error('x') end, function(m) return debug.getinfo(2, 'n').name end))",
    "print(xpcall(error, function() error('again') end, 'x'))",
    "print(coroutine.resume(coroutine.create(function(...) print(...) error({}) end), 1, nil))",
    "local c = coroutine.wrap(function() error('in wrap') end) print(pcall(c)) print(pcall(c))",
    "local c = coroutine.wrap(function() error({1}) end) print(select(2, pcall(c))[1])",
    "local c = coroutine.create(print) print(coroutine.status(c), coroutine.close(c), " ..
        "coroutine.status(c), coroutine.resume(c))",
    "local c c = coroutine.create(function() return coroutine.status(c), coroutine.resume(c) " ..
        "end) print(coroutine.resume(c))",
    "print(pcall(coroutine.resume, 5)) print(pcall(coroutine.wrap)) print(pcall(coroutine.close))",
    "print(pcall(coroutine.close, coroutine.running()))",
    "print(pcall(coroutine.status, 5), pcall(coroutine.yield, 1))",
    "print(coroutine.isyieldable(), select(2, coroutine.running()))",
    "local c = coroutine.wrap(function(a) while true do a = coroutine.yield(a, a) end end) " ..
        "print(c(1), c(2), c(nil))",
    "for k in coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) do " ..
        "io.write(k) end",
    "local c = coroutine.create(function() local x <close> = setmetatable({}, {__close = " ..
        "function(_, e) print('close', e) error('E', 0) end}) coroutine.yield() end) " ..
        "coroutine.resume(c) " ..
        "print(coroutine.close(c)) print(coroutine.status(c))",
    "print(pcall(function() local x <close> = setmetatable({}, {__close = function() " ..
        "error('c', 0) end}) error('b', 0) end))",
    "print(load('return ...')(1, 2)) print(load('x x')) print(load(function() end)) " ..
        "print(pcall(load, 5)) print(pcall(load))",
    "print(load('return x', 'n', 't', {x = 5})()) print(pcall(load('return x', 'n', nil, nil)))",
    "print(loadfile('no such file')) print(pcall(dofile, 'no such file'))",
    "print(loadfile('module.lua')('a')) print(dofile('module.lua').value)",
    "print(loadfile('syntax.lua')) print(loadfile('shebang.lua') ~= nil)",
    "print(pcall(require, 5 .. 'none') == false) print(package.loaded.string == string)",
    "print(require('string') == string, select(2, require('string')))",
    "package.path = './?.lua' print(require('module').value, select(2, require('module')))",
    "package.path = './?.lua' print(pcall(require, 'syntax'))",
    "package.path = './?.lua' print(pcall(require, 'error'))",
    "package.path = 5 print((pcall(require, 'module')))",
    "package.preload.x = function(...) print(...) return 'pre' end print(require('x'))",
    "print(type(os.time()), os.getenv('HOME') ~= nil, type(os.clock()), os.date('!%Y', 0))",
    "print(string.format('%5.2f|%q|%s|%d|%x|%g', 1/3, 'a\\n\\0', nil, 3, 255, 1e100))",
    "print(('x'):rep(3, ','), ('abc'):byte(1, -1), #string.pack('i4z', 1, 'a'))",
    "print(utf8.char(228, 8364), utf8.len('\\xff'), #utf8.charpattern)",
    "print(table.concat({1, 2, 3}, '-', 2), table.unpack({1, 2, nil, 4}, 1, 4))",
    "print(math.type(1), math.type(1.0), math.tointeger('8'), math.ult(1, -1), 1 == 1.0)",
    "print(tostring(1e15), 1e100, -0.0, 1/0, -1/0, 0/0 ~= 0/0, 255 // 1 | 0)",
    "warn('@on') warn('to stderr') print('x')",
    "io.stdout:write('a', 1, 2.5, '\\n') io.stdout:setvbuf('full') print('b')",
    "print(io.type(io.stdin), io.read('n', 'l', 'L', 4, 'a'))",
    "print(#io.popen('echo popen'):read('a'), os.execute('exit 3'))",
    "print(io.popen('yes 2>&1 | head -2'):read('a'))",
    "print(debug.traceback('m', 1):match('^m\\nstack trace') ~= nil, debug.getinfo(1, 'S').what)",
    "local s = setmetatable({}, {__gc = function() print('gc at exit') end}) print('main')",
    "collectgarbage() collectgarbage('generational') print(collectgarbage('incremental'))",
    "print(rawequal('a', 'a'), rawlen({1, 2}), next({}), type(next), _VERSION)",
    "os.exit(3)", "os.exit(true)", "os.exit(false)", "os.exit(300)", "os.exit(2.0)", "os.exit('x')",
    "os.exit(4, true)", "pcall(os.exit, 5)", "coroutine.wrap(os.exit)(6)",
    "xpcall(error, function(e) print('handler', e) os.exit(7) end, 'x')",
    "io.write('not flushed') os.exit(8)",
    "setmetatable({}, {__gc = function() print('gc') end}) os.exit(0, true)",
    "error()", "error(nil)", "error('x', 0)", "error({})", "local x = nil .. 'a'", "return 5",
    "x =",
    "error(setmetatable({}, {__tostring = function() return 'text' end}))",
    "assert(false)", "assert(nil, 'why')", "print(assert(1, 2, 3))", "error('a\\0b')",
    "goto nowhere",
    "string.rep('x', -1)() ", "local t = {} t[nil] = 1", "print(('x'):bad())",
    "debug.sethook(function() end, 'crl', 1) for i = 1, 100 do end debug.sethook() print('hooked')",
}

local CASES = {
    {"show.lua"},
    {"show.lua", "a", "", "--", "-e", "b c"},
    {"--", "show.lua", "x"},
    {"./show.lua", "x"},
    {"shebang.lua", "x"},
    {"empty.lua"},
    {"noend.lua"},
    {"error.lua"},
    {"error_object.lua"},
    {"error_nil.lua"},
    {"syntax.lua"},
    {"none.lua"},
    {"exit.lua", "3"},
    {"exit.lua", "true"},
    {"exit.lua", "false"},
    {"closing.lua"},
    {"deep.lua"},
    {"./plain", "a"},
    {"-e", "x = 5", "show.lua", "a"},
    {"-e", "print(1)", "-e", "print(2)"},
    {"-e", "", "-e", "print(1)"},
    {"-eprint(3)"},
    {"-e", "print(...)", "-e", "y = 1 print(y)"},
    {"-e", "error('x')", "show.lua"},
    {"-e", "print(arg[0], arg[-1], #arg)"},
    {"-l", "string", "-e", "print(string ~= nil)"},
    {"-lmath", "-e", "print(math.pi)"},
    {"-l", "s=string", "-e", "print(s == string)"},
    {"-l", "none.such"},
    {"-E", "-e", "print(1)"},
    {"-W", "-e", "warn('x') print(1)"},
    {"-e", "warn('x') print(1)"},
    {"-e"},
    {"-l"},
    {"-", "a", "b", stdin = "print(arg[0], ...)"},
    {stdin = "print(arg[0] ~= nil, #arg, ...)"},
    {stdin = "#!shebang\nprint('stdin')"},
    {"-", stdin = "error('x')"},
    {"-", stdin = "\xef\xbb\xbf#!behind a mark\nprint('stdin')"},
    {"-", stdin = "if"},
    {"-", stdin = ""},
    {"-e", "print(io.read('a'))", stdin = "text"},
    {"-i", stdin = ""},
    {"-i", "-e", "print(5)", stdin = ""},
}

for _, chunk in ipairs(CHUNKS) do
    CASES[#CASES + 1] = {"-e", chunk, stdin = "12 rest\nline\nabcdefg\nall"}
end

describe("a command line of lua5.4", function()
    local folder

    setup(function()
        folder = must(fs.temporary_folder())
        for name, text in pairs(FILES) do
            must(fs.write(fs.join(folder, name), text))
        end
    end)

    teardown(function()
        must(fs.remove_tree(folder))
    end)

    local function run(program, case)
        local argv = table.move(case, 1, #case, 2, {program})
        return must(proc.run(argv, {
            cwd = folder,
            stdin = case.stdin,
            timeout = 60,
            env = {LUA_INIT = false, LUA_PATH = false},
        }))
    end

    --- Addresses differ from run to run, the names of the programs from one to the other.
    local function neutral(text, program)
        text = text:gsub(program:gsub("%p", "%%%0"), "PROGRAM")
        return (text:gsub("0x%x+", "ADDRESS"):gsub("Lua 5%.4%.%d+[^\n]*\n", "BANNER\n")
            :gsub("Salvor [^\n]*\n", "BANNER\n"))
    end

    for _, case in ipairs(CASES) do
        local words = table.concat(case, " ") .. (#case == 0 and case.stdin or "")
        it("does the same for " .. words:gsub("%s+", " "):sub(1, 70), function()
            local theirs, ours = run("lua5.4", case), run(salvor.path, case)
            assert.are.equal(neutral(theirs.stdout, "lua5.4"), neutral(ours.stdout, salvor.path))
            local usage = theirs.stderr:find("usage:", 1, true)
            assert.are.equal(usage and 2 or theirs.code, ours.code)
            assert.are.equal(theirs.stderr == "", ours.stderr == "")
        end)
    end
end)

describe("the prompt", function()
    local function answers(input)
        local result = must(proc.run({salvor.path, "-i"}, {stdin = input, timeout = 60}))
        assert.are.equal(0, result.code)
        return result.stdout:gsub("^[^\n]*\n", ""):gsub(">+ ", ""), result.stderr
    end

    it("shows what expressions give and goes on after errors", function()
        local shown, complaints = answers("x = 5\nx, x + 1\n=x\nx +\n)\nerror('e')\nx * 2\n")
        assert.are.equal("5\t6\n5\n10\n\n", shown)
        assert.are.equal("salvor: stdin:1: syntax error near '+'\n" ..
            "salvor: stdin:1: unexpected symbol near ')'\nsalvor: stdin:1: e\n", complaints)
    end)

    it("shows values by the print that was entered, which is nobody else's", function()
        assert.are.equal("got 5\ntrue\n\n", (answers(
            "p = print\nfunction print(v) p('got', v) end\n2 + 3\nprint = p\n"
            .. "print == p\n"):gsub("\t", " ")))
        local _, complaints = answers("print = 5\n1\n")
        salvor.expect(complaints, "error calling 'print'")
    end)

    it("goes on where undeclared names are errors", function()
        local shown, complaints = answers("return setmetatable(_G, {__index = function(_, name) "
            .. "error('undeclared ' .. name, 0) end}) and 1\nx\nif x then\nend\n2\n")
        assert.are.equal("1\n2\n\n", shown)
        assert.are.equal(("salvor: undeclared x\n"):rep(2), complaints)
    end)

    it("reads on where a statement is not finished", function()
        assert.are.equal("1\n2\n\n", (answers("for i = 1, 2 do\nprint(i)\nend\n")))
        local _, complaints = answers("if true")
        salvor.expect(complaints, "near <eof>")
    end)

    it("waits as a script does", function()
        assert.are.equal("0\n\n", (answers(
            "require('salvor.proc').run({'sh', '-c', 'sleep 0.01'}).code\n")))
    end)
end)

describe("a script from a pipe", function()
    it("is run as by lua5.4", function()
        for _, program in ipairs({"lua5.4", salvor.path}) do
            local result = must(proc.run({"bash", "-c", [["$0" <(echo 'print("got", ...)') a b]],
                                          program}, {timeout = 60}))
            assert.are.equal("got\ta\tb\n", result.stdout)
            assert.are.equal(0, result.code)
        end
    end)
end)

describe("standard output", function()
    local function shell(text)
        return must(proc.run({"bash", "-c", text, salvor.path}, {timeout = 60}))
    end

    it("that nobody reads any more ends a script as lua5.4, but lets it tidy up", function()
        local result = shell([["$0" -e '
            local _ <close> = setmetatable({}, {__close = function()
                io.stderr:write("tidied up")
            end})
            while true do pcall(print, "line") end' | head -1; exit "${PIPESTATUS[0]}"]])
        assert.are.equal("line\n", result.stdout)
        assert.are.equal("tidied up", result.stderr)
        assert.are.equal(128 + 13, result.code)
    end)

    it("is told from other pipes that nobody reads", function()
        local result = must(proc.run({salvor.path, "-e", [[
            print(require("salvor.proc").run({"true"}, {stdin = ("x"):rep(1 << 20)}).code)
            local pipe = io.popen("exit 0", "w")
            print(pipe:write(("x"):rep(1 << 20)) == nil)]]}))
        assert.are.equal("0\ntrue\n", result.stdout)
    end)

    it("that takes no more fails a command, and unlike lua5.4 a script", function()
        for words, message in pairs({
            ["list"] = "No space left on device",
            ["-e 'io.write(1)'"] = "No space left on device",
            ["-e 'print(1)'"] = "not all of it could be written",
            ["-e 'print(1) os.exit(0)'"] = "not all of it could be written",
        }) do
            local result = shell('"$0" ' .. words .. " > /dev/full")
            assert.are.equal(1, result.code)
            assert.are.equal("salvor: standard output: " .. message .. "\n", result.stderr)
        end
        assert.are.equal(3, shell([["$0" -e 'print(1) os.exit(3)' > /dev/full]]).code)
    end)
end)

describe("Salvor, unlike lua5.4,", function()
    local folder

    setup(function()
        folder = must(fs.temporary_folder())
    end)

    teardown(function()
        must(fs.remove_tree(folder))
    end)

    local function run(words, options)
        options = options or {}
        options.home, options.cwd = folder, folder
        return salvor.run(words, options)
    end

    it("refuses compiled chunks wherever they come from", function()
        must(fs.write(fs.join(folder, "binary.lua"), string.dump(function() print("ran") end)))
        local refused = "attempt to load a binary chunk (mode is 't')"
        salvor.expect(run({"binary.lua"}).stderr, refused)
        for _, code in ipairs({
            "assert(load(string.dump(print and function() end)))",
            "assert(load(string.dump(function() end), 'x', 'b'))",
            "assert(loadfile('binary.lua'))", "assert(loadfile('binary.lua', 'b'))",
            "dofile('binary.lua')",
            "package.path = '" .. folder .. "/?.lua' require('binary')",
        }) do
            local result = run({"-e", code})
            assert.are.equal(1, result.code)
            assert.are.equal("", result.stdout)
            salvor.expect(result.stderr, refused)
        end
    end)

    it("looks for modules neither in the working folder nor for its own anywhere", function()
        must(fs.write(fs.join(folder, "here.lua"), "print('taken from here')"))
        must(fs.mkdir(fs.join(folder, "salvor")))
        must(fs.write(fs.join(folder, "salvor/fs.lua"), "print('taken from here')"))
        must(fs.write(fs.join(folder, "salvor/mine.lua"), "print('taken from here')"))
        local env = {LUA_PATH = "./?.lua;?.lua;;"}
        assert.are.equal(1, run({"-l", "here"}, {env = env}).code)
        env.LUA_PATH = folder .. "/?.lua"
        assert.are.equal("taken from here\n", run({"-l", "here"}, {env = env}).stdout)
        local result = run({"-e", "print(require('salvor.fs').read ~= nil)"}, {env = env})
        assert.are.equal("true\n", result.stdout)
        salvor.expect(run({"-l", "salvor.mine"}, {env = env}).stderr, "no module 'salvor.mine'")
    end)

    it("runs <close> variables and ends children at os.exit", function()
        local result = run({"-e", [[
            local task = require("salvor.task")
            local function closing(text)
                return setmetatable({}, {__close = function() task.sleep(0.001) print(text) end})
            end
            local _ <close> = closing("root")
            task.spawn(function()
                local _ <close> = closing("other")
                task.sleep(100)
            end)
            task.timeout(100, function()
                task.all({
                    function() local _ <close> = closing("sibling") task.sleep(100) end,
                    function() task.sleep(0.001) pcall(os.exit, 9) print("not reached") end,
                })
            end)
            print("not reached")]]})
        assert.are.equal(9, result.code)
        local lines = salvor.lines(result.stdout)
        table.sort(lines)
        assert.are.same({"other", "root", "sibling"}, lines)
    end)

    it("tells of words it does not know", function()
        assert.are.equal(2, run({"-x"}).code)
        local result = run({"nosuchcommand"})
        assert.are.equal(2, result.code)
        salvor.expect(result.stderr, "nosuchcommand")
    end)
end)

describe("a script that an error ends", function()
    local function code_after(chunk)
        return must(proc.run({salvor.path, "-e", chunk}, {timeout = 60})).code
    end

    it("has the exit code of an error object's kind", function()
        for code, expected in pairs({Usage = 2, InvalidScript = 3, Preflight = 4, Stopped = 5,
                                     Refused = 6, Internal = 70, NotFound = 1}) do
            assert.are.equal(expected, code_after(([[error(require("salvor.error").new{
                code = "%s", message = "x"})]]):format(code)))
        end
    end)

    it("may not be able to say what it is", function()
        local result = must(proc.run({salvor.path, "-e", [[
            local kind = {}
            kind.__tostring = function() error(setmetatable({}, kind)) end
            error(setmetatable({}, kind))]]}))
        assert.are.equal(1, result.code)
        assert.are.equal("salvor: an error without a text\n", result.stderr)
    end)

    it("has that of lua5.4 when it is no error object", function()
        for _, raised in ipairs({"'Refused'", "{code = 'Refused'}", "nil", "5"}) do
            assert.are.equal(1, code_after("error(" .. raised .. ")"))
        end
    end)
end)
