local environment = require("salvor.prompt.environment")
local folders = require("salvor.folders")
local refuse = require("salvor.prompt.refuse")
local values = require("salvor.prompt.complete.values")

local loader = {summary = "run a file of Lua here; what it makes global stays", usage = "FILE",
                is_one_word = true}

function loader.complete(_, _, path)
    return values.files(path, true)
end

function loader.run(prompt, path)
    path = folders.expand_home(path)
    local chunk, problem = loadfile(path, "t", environment.globals)
    prompt.loaded = chunk and path or refuse(problem)
    return chunk()
end

--- What does the same in a script.
function loader.source(path)
    return string.format("dofile(%q)", folders.expand_home(path))
end

return loader
