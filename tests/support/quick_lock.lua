-- Runs a salvor command whose lock lasts four seconds:
-- salvor tests/support/quick_lock.lua COMMAND...
local cli = require("salvor.cli")
local lock = require("salvor.procedure.lock")

lock.times = {duration = 4, renew = 0.2, retry = 0.1, look = 0.1, longest = 300}
os.exit(cli.main(table.move(arg, 1, #arg, 1, {[0] = arg[-1]})))
