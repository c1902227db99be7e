local loader = require("salvor.prompt.commands.load")
local refuse = require("salvor.prompt.refuse")
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
    local path = prompt.loaded or refuse("nothing was loaded yet", ":load FILE does")
    forget_modules()
    return loader.run(prompt, path)
end

return reload
