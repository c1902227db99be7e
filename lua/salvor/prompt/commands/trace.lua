local trace = {summary = "all about the last error, and where it was raised"}

function trace.run(prompt)
    prompt:page(prompt.failure and require("salvor.prompt.failure")(prompt.failure)
        or "there was no error")
end

return trace
