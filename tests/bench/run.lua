-- Paired benchmarks: salvor tests/bench/run.lua BUILD-FOLDER [data] [kube] [node]
--
-- Without a word all of them; kube and node start a lab of their own when it has been built.
local fs = require("salvor.fs")

package.path = fs.absolute("tests/bench") .. "/?.lua;" .. package.path
local measure = require("measure")

local PARTS = {"data", "kube", "node"}

local build = fs.absolute(assert(arg[1], "the build folder is missing"))
local scratch = must(fs.temporary_folder())
local cleanup <close> = setmetatable({}, {__close = function() -- luacheck: ignore 211
    must(fs.remove_tree(scratch))
end})

for _, part in ipairs(#arg > 1 and table.move(arg, 2, #arg, 1, {}) or PARTS) do
    -- A home of their own, with room for caches and nobody's settings.
    local bench = measure.new(scratch, {HOME = scratch, XDG_CACHE_HOME = false, KUBECONFIG = false})
    require(part)(bench, build)
    bench:print()
    print()
end
