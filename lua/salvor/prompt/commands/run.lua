local run = {summary = "run a procedure; as `salvor run`", usage = "ID [OPTIONS]"}

function run.run(prompt, text)
    prompt:command("run", text)
end

return run
