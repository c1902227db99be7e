-- Nothing that can be given or called is left out of the documentation.
local fs = require("salvor.fs")
local loader = require("salvor.procedure.loader")
local value = require("salvor.value")

local guide = must(fs.read("docs/guide.md"))

--- The modules of all commands, by what is typed: "store ls".
local function commands()
    local found = {}
    for _, folder in ipairs({{"lua/salvor/cli/", ""}, {"lua/salvor/store/commands/", "store "}}) do
        for _, path in ipairs(value.embedded_paths(folder[1])) do
            found[folder[2] .. path:match("([^/]+)%.lua$")] =
                require((path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/", ".")))
        end
    end
    return found
end

describe("the manual page has", function()
    local page = must(fs.read("packaging/salvor.1")):gsub("\\%-", "-")

    for name, command in pairs(commands()) do
        it("salvor " .. name .. " with its options", function()
            assert.truthy(page:find("\n%.B%w* " .. name:match("%S+$") .. "%f[%W]"), name)
            for _, option in ipairs(command.options or {}) do
                assert.truthy(page:find("%-%-" .. option.name:gsub("%-", "%%-") .. "%f[^%w-]"),
                    "--" .. option.name)
            end
        end)
    end
end)

describe("the guide has", function()
    --- What a script may call of a class; the rest is the engine's.
    local function has(class, pattern, internal)
        for name, method in pairs(class) do
            if type(method) == "function" and not name:find("^__") and not internal[name] then
                it(pattern:format(name), function()
                    assert.truthy(guide:find(pattern:format(name), 1, true))
                end)
            end
        end
    end

    local context = require("salvor.procedure.context").new({performer = {planning = true}})
    has(getmetatable(context), "`ctx:%s(", {discard_kits = true})

    local folder <close> = setmetatable({path = must(fs.temporary_folder())}, {
        __close = function(self)
            must(fs.remove_tree(self.path))
        end})
    local kit <close> = must(require("salvor.procedure.kit").open(folder.path))
    has(getmetatable(kit), "| `%s(", {discard = true, close = true})

    for name in pairs(require("salvor.procedure.params").types) do
        it("parameters of type " .. name, function()
            assert.truthy(guide:find("\n| `" .. name .. "` |"))
        end)
    end
end)

describe("the page of a procedure", function()
    --- What stands behind "check" and "steps", such as "steps `a`, `b` and `c`": {name = "step"}.
    local function names_in(page)
        local found = {}
        for _, word in ipairs({"check", "step"}) do
            for at in page:gmatch("%f[%w]" .. word .. "s?%s+()`") do
                while at do
                    local name, behind = page:match("^`([%l%d-]+)`()", at)
                    found[name] = word
                    at = page:match("^,%s+()`", behind) or page:match("^%s+and%s+()`", behind)
                end
            end
        end
        return found
    end

    for _, id in ipairs(loader.ids()) do
        it("names checks and steps that " .. id .. " has", function()
            local known = {}
            for _, step in ipairs(loader.load(id).steps) do
                known[step.id] = step.check and "check" or "step"
            end
            local named = names_in(must(fs.read("docs/procedures/" .. id:gsub("/", "-") .. ".md")))
            for name, word in pairs(named) do
                assert.equal(word, known[name], name)
            end
        end)
    end
end)
