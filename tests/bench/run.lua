-- Benchmarks: salvor tests/bench/run.lua BUILD-FOLDER [data] [kube] [leave] [node] [prompt] [store]
--
-- Without a word all of them; kube, node and prompt start a lab each when it has been built,
-- store its own servers. What is named after a part is given to it: store:sftp measures that alone.
local fs = require("salvor.fs")

package.path = fs.absolute("tests/bench") .. "/?.lua;" .. fs.absolute("tests") .. "/?.lua;"
    .. package.path
local measure = require("measure")

local PARTS = {"data", "kube", "leave", "node", "prompt", "store"}

local build = fs.absolute(assert(arg[1], "the build folder is missing"))
local scratch = must(fs.temporary_folder())
local cleanup <close> = setmetatable({}, {__close = function() -- luacheck: ignore 211
    must(fs.remove_tree(scratch))
end})

for _, part in ipairs(#arg > 1 and table.move(arg, 2, #arg, 1, {}) or PARTS) do
    -- A home of their own, with room for caches and nobody's settings.
    local bench = measure.new(scratch, {HOME = scratch, XDG_CACHE_HOME = false, KUBECONFIG = false})
    local name, what = part:match("^(%w+):?(%w*)$")
    require(name)(bench, build, what)
    bench:print()
    print()
end
