local trace = {summary = "where the last error was raised"}

function trace.run(prompt)
    prompt:print(prompt.trace or "there was no error, or it has no more to tell")
end

return trace
