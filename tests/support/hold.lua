-- Runs a salvor command that stands still once it has the lock, which it renews, until there is a
-- file "go" in its home: salvor tests/support/hold.lua COMMAND...
local cli = require("salvor.cli")
local fs = require("salvor.fs")
local lock = require("salvor.procedure.lock")
local preflight = require("salvor.procedure.preflight")
local task = require("salvor.task")

local home = os.getenv("HOME")
local run = preflight.run

function preflight.run(...)
    must(fs.write(home .. "/holding", ""))
    while not fs.stat(home .. "/go") do
        task.sleep(0.02)
    end
    return run(...)
end

lock.times.renew = 0.2
os.exit(cli.main(table.move(arg, 1, #arg, 1, {[0] = arg[-1]})))
