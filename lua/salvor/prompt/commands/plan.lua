local plan = {summary = "what a procedure would do; as `salvor plan`", usage = "ID [OPTIONS]"}

function plan.run(prompt, text)
    prompt:command("plan", text)
end

return plan
