local procedures = {summary = "the recovery procedures that can be planned and run"}

function procedures.run(prompt)
    prompt:command("list", "")
end

return procedures
