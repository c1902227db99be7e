local quit = {summary = "leave, as Ctrl-D does"}

function quit.run(prompt)
    prompt.leaving = true
end

return quit
