-- Nothing that can be given or called is left out of the documentation.
local fs = require("salvor.fs")
local loader = require("salvor.procedure.loader")

local guide = must(fs.read("docs/guide.md"))

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
