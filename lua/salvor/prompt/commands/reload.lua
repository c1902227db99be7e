local errors = require("salvor.error")
local loader = require("salvor.prompt.commands.load")
local value = require("salvor.value")

local reload = {summary = "run that file once more, with the modules it requires as they are now"}

--- Modules that came from files: Salvor's own cannot have changed.
local function forget_modules()
    for name in pairs(package.loaded) do
        local is_own = name:find("^salvor%f[%z.]") or value.embedded("lua/" .. name .. ".lua")
        if not is_own and package.searchpath(name, package.path) then
            package.loaded[name] = nil
        end
    end
end

function reload.run(prompt)
    if not prompt.loaded then
        error(errors.new({code = "Invalid", message = "nothing was loaded yet",
                          hint = ":load FILE does"}), 0)
    end
    forget_modules()
    return loader.run(prompt, prompt.loaded)
end

return reload
