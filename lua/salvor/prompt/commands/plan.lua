local procedure = require("salvor.prompt.complete.procedure")

local plan = {summary = "what a procedure would do; as `salvor plan`", usage = "ID [OPTIONS]",
              complete = procedure.complete("plan")}

function plan.run(prompt, text)
    prompt:command("plan", text)
end

return plan
