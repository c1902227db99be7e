-- Runs a salvor command that renews its locks often, though they last as long as ever:
-- salvor tests/support/quick_renewal.lua COMMAND...
local cli = require("salvor.cli")
local lock = require("salvor.procedure.lock")

lock.times.renew, lock.times.look = 0.2, 0.1
os.exit(cli.main(table.move(arg, 1, #arg, 1, {[0] = arg[-1]})))
