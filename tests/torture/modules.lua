-- Reading every module anew: their Lua files, and the metatables that the C ones make.
local value = require("salvor.value")

local names = {"digest", "error", "fs", "json", "kube", "proc", "scheduler", "secret", "terminal",
               "yaml"}
for _, path in ipairs(value.embedded_paths("lua/salvor/")) do
    local name = path:match("^lua/salvor/([%w_/]+)%.lua$"):gsub("/", ".")
    names[#names + 1] = name ~= "init" and name or nil
end
-- All go before the first comes back, or they would hold each other's older selves.
for _, name in ipairs(names) do
    package.loaded["salvor." .. name] = nil
end
for _, name in ipairs(names) do
    require("salvor." .. name)
end
