--- The names that are there at the prompt without a require: Salvor's modules, loaded when they are
--- first used, and `c`, a client of the cluster that the prompt shows.
local errors = require("salvor.error")

local environment = {}

environment.MODULES = {"archive", "digest", "fs", "json", "k8s", "log", "pgbackrest", "proc",
                       "secret", "store", "task", "terminal", "ui", "yaml"}

environment.is_module = {}
for _, name in ipairs(environment.MODULES) do
    environment.is_module[name] = true
end

-- Lua's own names, which Salvor's modules and commands need as they are.
local STANDARD = {}
for name in ([[_G assert collectgarbage coroutine debug dofile error getmetatable io ipairs
               load loadfile math must next os package pairs pcall print rawequal rawget rawlen
               rawset require select setmetatable string table tonumber tostring type utf8
               warn xpcall]]):gmatch("%S+") do
    STANDARD[name] = true
end

--- The globals of what is entered: those of all, but what takes one of Lua's names ("local table =
--- ...") hides it from what is entered alone.
environment.globals = setmetatable({}, {
    __index = _G,
    __newindex = function(globals, name, v)
        if STANDARD[name] then
            rawset(globals, name, v)
        else
            _G[name] = v
        end
    end,
})

--- What print() is here: whatever others have written is shown, and cannot act on the terminal.
local function print_harmlessly(...)
    local texts = table.pack(...)
    for index = 1, texts.n do
        texts[index] = tostring(texts[index])
    end
    require("salvor.ui").print(table.concat(texts, "\t"))
end

--- Installs them in _G, behind what is there: a variable of that name hides one. `new_client` is
--- called for the first use of `c`, and raises when there is none. print() becomes harmless.
function environment.install(new_client)
    local lazy = {}
    function lazy.__index(_, name)
        if environment.is_module[name] then
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
    _G.print = print_harmlessly
end

--- Once the cluster takes the credentials no more, the next use of `c` reads the kubeconfig again.
--- A client of the user's own in `c` stays there.
function environment.heed(problem, target)
    if errors.is(problem, "Unauthorized") and (problem.op or ""):find("^k8s%.") then
        if rawget(_G, "c") == target.connected then
            rawset(_G, "c", nil)
        end
        target:outdate()
    end
end

return environment
