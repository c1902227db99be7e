-- Runs a salvor command whose steps are tried again soon:
-- salvor tests/support/quick_retry.lua COMMAND...
local cli = require("salvor.cli")
local steps = require("salvor.procedure.steps")

steps.pauses = {first = 0.01, longest = 0.05}
os.exit(cli.main(table.move(arg, 1, #arg, 1, {[0] = arg[-1]})))
