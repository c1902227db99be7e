local cli_command = require("salvor.prompt.cli_command")

local procedures = {summary = "the recovery procedures that can be planned and run"}

function procedures.run(prompt)
    cli_command(prompt, "list", "")
end

return procedures
