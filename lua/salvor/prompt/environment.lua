--- The names that are there at the prompt without a require: Salvor's modules, loaded when they are
--- first used, and `c`, a client of the cluster that the prompt shows.
local environment = {}

environment.MODULES = {"archive", "digest", "fs", "json", "k8s", "log", "pgbackrest", "proc",
                       "secret", "store", "task", "terminal", "ui", "yaml"}

local is_module = {}
for _, name in ipairs(environment.MODULES) do
    is_module[name] = true
end

--- Installs them in _G, behind what is there: a variable of that name hides one. `new_client` is
--- called for the first use of `c`, and raises when there is none.
function environment.install(new_client)
    local lazy = {}
    function lazy.__index(_, name)
        if is_module[name] then
            local module = require("salvor." .. name)
            rawset(_G, name, module)
            return module
        elseif name == "c" then
            local client = new_client()
            rawset(_G, "c", client)
            return client
        elseif name == "null" then
            return require("salvor").null
        end
    end
    setmetatable(_G, lazy)
end

return environment
