-- Runs a salvor command whose API server goes away just before its first file is written:
-- salvor tests/support/stop_lab.lua LAB COMMAND...
local cli = require("salvor.cli")
local kit = require("salvor.procedure.kit")

local folder = arg[1]
local open = kit.open

function kit.open(...)
    local opened = open(...)
    local write = opened.write
    function opened.write(...)
        opened.write = write
        os.execute("tests/lab/lab stop-apiserver " .. folder)
        return write(...)
    end
    return opened
end

os.exit(cli.main(table.move(arg, 2, #arg, 1, {[0] = arg[-1]})))
