local cli_command = require("salvor.prompt.cli_command")
local procedure = require("salvor.prompt.complete.procedure")

local run = {summary = "run a procedure; as `salvor run`", usage = "ID [OPTIONS]",
             complete = procedure.complete("run")}

function run.run(prompt, text)
    cli_command(prompt, "run", text)
end

return run
