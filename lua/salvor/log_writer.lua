--- Where salvor.log writes. Who draws on the terminal sets another `write` for as long.
local log_writer = {}

function log_writer.write(row)
    io.stderr:write(row, "\n")
end

return log_writer
