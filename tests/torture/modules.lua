-- Reading every module anew: their Lua files, and the metatables that the C ones make.
local value = require("salvor.value")

local names = {"digest", "error", "fs", "json", "kube", "proc", "scheduler", "secret", "terminal",
               "yaml"}
for _, path in ipairs(value.embedded_paths("lua/salvor/")) do
    names[#names + 1] = path:match("^lua/salvor/([%w_/]+)%.lua$"):gsub("/", ".")
end
for _, name in ipairs(names) do
    if name ~= "repl" and name ~= "init" then
        package.loaded["salvor." .. name] = nil
        require("salvor." .. name)
    end
end
