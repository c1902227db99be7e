local cli_command = require("salvor.prompt.cli_command")
local procedure = require("salvor.prompt.complete.procedure")

local plan = {summary = "what a procedure would do; as `salvor plan`", usage = "ID [OPTIONS]",
              complete = procedure.complete("plan")}

function plan.run(prompt, text)
    cli_command(prompt, "plan", text)
end

return plan
