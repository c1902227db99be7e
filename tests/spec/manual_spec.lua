-- The manual pages say what the declarations and the reference say, and are as man and mandoc want
-- them. What is installed is there.
local fs = require("salvor.fs")
local proc = require("salvor.proc")
local reference = require("salvor.reference")
local roff = require("salvor.manual.roff")
local salvor = require("support.salvor")

local PAGES = {salvor = "salvor.1", ["salvor-api"] = "salvor-api.7"}

local folder

setup(function()
    folder = must(fs.temporary_folder())
    for name, file in pairs(PAGES) do
        local result = salvor.run({"manual", name}, {home = folder})
        salvor.expect_code(0, result)
        must(fs.write(fs.join(folder, file), result.stdout))
    end
end)

teardown(function()
    must(fs.remove_tree(folder))
end)

--- What a program says to a page; the page as it shows it, on wide paper.
local function run(argv)
    local result = must(proc.run(argv, {timeout = 120, env = {
        LC_ALL = "C.UTF-8", MANPAGER = "cat", MANROFFSEQ = "", MANWIDTH = "400",
        MAN_KEEP_FORMATTING = false, PAGER = "cat"}}))
    return result.stdout:gsub(utf8.charpattern .. "\b", ""), result.stderr
end

local READERS = {
    mandoc = function(path)
        return run({"mandoc", "-T", "utf8", "-O", "width=400", path})
    end,
    man = function(path)
        return run({"man", "--warnings", "-l", path})
    end,
}

--- One line of what it shows, without the blanks that fill it.
local function squeeze(text)
    return (text:gsub("%s+", " "))
end

local function text_of(name)
    return squeeze(READERS.mandoc(fs.join(folder, PAGES[name])))
end

for name, file in pairs(PAGES) do
    describe(name .. "'s manual page", function()
        it("has nothing that mandoc complains of", function()
            local complaints, problem = run({"mandoc", "-T", "lint", "-W", "style",
                                             fs.join(folder, file)})
            assert.are.same({"", ""}, {complaints, problem})
        end)

        it("has nothing that man complains of", function()
            local shown, problem = READERS.man(fs.join(folder, file))
            assert.are.equal("", problem)
            assert.is_truthy(shown:find("NAME", 1, true))
        end)
    end)
end

describe("a manual page or a help that cannot be written", function()
    for _, words in ipairs({"manual salvor", "manual salvor-api", "help", "help plan",
                            "plan --help"}) do
        it("is a failure, which is told once: " .. words, function()
            local result = must(proc.run({"sh", "-c", 'exec "$0" ' .. words .. " > /dev/full",
                                          salvor.path}))
            salvor.expect_code(1, result)
            assert.is_truthy(result.stderr:find("^salvor: standard output: [^\n]*\n$"),
                result.stderr)
        end)
    end
end)

describe("any text", function()
    local TEXTS = {
        ".SH is no heading here", "a \\fB backslash \\n", "'quoted' `back` \"double\"", "-x --long",
        "~/path ^R a|b", "schön … wait", ".", "\\", "'", "a  b",
    }

    for reader, show in pairs(READERS) do
        it("is shown by " .. reader .. " as it stands", function()
            local page = roff.page("test", 7, "summary")
            page:section("TEXTS")
            for _, text in ipairs(TEXTS) do
                page:term(text, text, text:gsub("`", ""))
            end
            page:text("Before:\n\n    .code  'as it' \\is\n      --deeper\n\n    --more\n\n"
                .. ".behind `a\\b`")
            page:subsection('x:f("y", z)')
            local path = fs.join(folder, "test.7")
            must(fs.write(path, page:source()))
            local shown, problem = show(path)
            assert.are.equal("", problem)
            for _, text in ipairs(TEXTS) do
                salvor.expect(squeeze(shown), squeeze(text .. " " .. text .. " "
                    .. text:gsub("`", "")))
            end
            salvor.expect(shown,
                "   .code  'as it' \\is\n             --deeper\n\n           --more\n",
                ".behind a\\b\n", 'x:f("y", z)\n')
        end)
    end
end)

describe("salvor(1)", function()
    local cli = require("salvor.cli")
    local page

    setup(function()
        page = text_of("salvor")
    end)

    local function expect_options(command)
        for _, option in ipairs(command.options or {}) do
            local long = option.name and "--" .. option.name or "-" .. option.short
            salvor.expect(page, squeeze(long .. (option.argument and " " .. option.argument or "")
                .. " " .. option.help))
        end
    end

    local function expect_command(name, command)
        salvor.expect(page, "salvor " .. name .. " " .. command.summary:sub(1, 1):upper()
            .. squeeze(command.summary:sub(2)), squeeze(command.usage))
        expect_options(command)
        for word, module in pairs(command.commands or {}) do
            expect_command(name .. " " .. word, require(module))
        end
    end

    it("has the options in front of a command", function()
        expect_options({options = require("salvor.global_options").list})
    end)

    for _, name in ipairs(cli.commands()) do
        it("has the command " .. name, function()
            expect_command(name, require("salvor.cli." .. name))
        end)
    end

    it("has every exit code", function()
        local prose = require("salvor.manual.prose")
        for name, code in pairs(cli.exit) do
            salvor.expect(page, " " .. code .. " " .. prose.exit[name]:gsub("`", ""))
        end
    end)

    it("has every variable that Salvor looks at", function()
        local OTHERS = {HOME = true, PATH = true, TMPDIR = true, TERM = true, USER = true,
                        LOGNAME = true, SUDO_USER = true, COLUMNS = true, LINES = true}
        local seen = 0
        local files = must(proc.run({"find", "lua", "src", "-type", "f"})).stdout
        for _, path in ipairs(salvor.lines(files)) do
            for name in must(fs.read(path)):gmatch('getenv%("([%w_]+)"%)') do
                if not OTHERS[name] and not name:find("^AWS_") and not name:find("^AZURE_") then
                    seen = seen + 1
                    salvor.expect(page, name)
                end
            end
        end
        assert.is_true(seen > 5)
    end)
end)

describe("salvor-api(7)", function()
    local page

    setup(function()
        page = text_of("salvor-api")
    end)

    it("has every module, function and value", function()
        local all = reference.load()
        for module in pairs(all.modules) do
            salvor.expect(page, " " .. module .. " ")
        end
        for _, entry in ipairs(all.functions) do
            salvor.expect(page, " " .. entry.signature .. " ")
            for _, param in ipairs(entry.params) do
                salvor.expect(page, squeeze(param.name .. (param.optional and "?" or "") .. " "
                    .. param.type .. " " .. param.text:gsub("`", "")))
            end
        end
        for _, entry in ipairs(all.values) do
            salvor.expect(page, " " .. entry.name .. " " .. entry.type .. " ")
        end
    end)

    it("has every class with its fields, and every alias", function()
        for name, class in pairs(reference.load().classes) do
            salvor.expect(page, " " .. name)
            for _, field in ipairs(class.fields) do
                salvor.expect(page, squeeze(field.name .. (field.optional and "?" or "") .. " "
                    .. field.type .. " " .. field.text:gsub("`", "")))
            end
        end
        for name, alias in pairs(reference.load().aliases) do
            salvor.expect(page, " " .. name .. " ", squeeze(alias.type))
        end
    end)

    it("says whom a function is of, and what it gives", function()
        salvor.expect(page, "-> data string? ", "client:get(kind, name, opts)",
            "k8s.ListOptions: k8s.EachOptions", "must(value, err, ...)")
    end)
end)

describe("make install", function()
    it("puts each file where it is looked for", function()
        local place = fs.join(folder, "installed")
        local result = must(proc.run({"make", "BUILD=" .. fs.dirname(salvor.path), "install",
                                      "DESTDIR=" .. place, "PREFIX=/usr"},
            {env = {MAKEFLAGS = false, MAKELEVEL = false, MFLAGS = false}, timeout = 600}))
        salvor.expect_code(0, result)
        local tree = salvor.tree(fs.join(place, "usr"))
        local SHARED = {
            ["bash-completion/completions/salvor"] = "packaging/completions/salvor.bash",
            ["zsh/site-functions/_salvor"] = "packaging/completions/_salvor",
            ["fish/vendor_completions.d/salvor.fish"] = "packaging/completions/salvor.fish",
            ["salvor/lua/meta/k8s/pods.lua"] = "lua/meta/k8s/pods.lua",
            ["man/man1/salvor.1"] = fs.join(folder, "salvor.1"),
            ["man/man7/salvor-api.7"] = fs.join(folder, "salvor-api.7"),
        }
        for path, source in pairs(SHARED) do
            assert.are.equal(must(fs.read(source)), tree["share/" .. path], path)
        end
        assert.are.equal(must(fs.read(salvor.path)), tree["bin/salvor"])
        assert.is_truthy(tree["include/salvor/salvor.h"])
    end)
end)
