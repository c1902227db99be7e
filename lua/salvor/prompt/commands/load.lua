local environment = require("salvor.prompt.environment")
local refuse = require("salvor.prompt.refuse")
local values = require("salvor.prompt.complete.values")

local loader = {summary = "run a file of Lua here; what it makes global stays", usage = "FILE"}

function loader.complete(_, _, word)
    return values.files(word)
end

function loader.run(prompt, path)
    local chunk, problem = loadfile(path, "t", environment.globals)
    prompt.loaded = chunk and path or refuse(problem)
    return chunk()
end

--- What does the same in a script.
function loader.source(path)
    return string.format("dofile(%q)", path)
end

return loader
