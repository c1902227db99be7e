--- Procedure scripts of a user, in a home that a test makes.
local fs = require("salvor.fs")
local keys = require("salvor").keys

local site = {}

--- A home that is gone afterwards.
function site.new_home()
    local home = must(fs.temporary_folder())
    return home, setmetatable({}, {__close = function()
        must(fs.remove_tree(home))
    end})
end

--- Puts a script among those of the user.
function site.install(home, id, text)
    local path = home .. "/config/salvor/scripts/" .. id .. ".lua"
    must(fs.mkdir(fs.dirname(path), {parents = true}))
    must(fs.write(path, text))
    return path
end

--- A valid procedure; `fields` in the place of its own, `step` those of its only step.
function site.script(fields, step)
    local text = {
        id = '"site/script"', title = '"A title"', summary = '"A summary."', systems = "{}",
        categories = '{"prepare"}', params = "{}", permissions = "{}",
    }
    for name, value in pairs(fields or {}) do
        text[name] = value
    end
    local only = {id = '"only"', title = '"Only step"', why = '"Because."',
                  run = "function() end"}
    only.check = text.categories:find('"check"', 1, true) and "true" or nil
    for name, value in pairs(step or {}) do
        only[name] = value
    end
    local function as_table(values)
        local parts = {}
        for _, name in ipairs(keys(values)) do
            parts[#parts + 1] = name .. " = " .. values[name]
        end
        return "{\n" .. table.concat(parts, ",\n") .. "}"
    end
    text.steps = text.steps or "{" .. as_table(only) .. "}"
    return "return " .. as_table(text) .. "\n"
end

return site
