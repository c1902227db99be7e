local errors = require("salvor.error")
local values = require("salvor.prompt.complete.values")

local loader = {summary = "run a file of Lua here; what it makes global stays", usage = "FILE"}

function loader.complete(_, _, word)
    return values.files(word)
end

function loader.run(prompt, path)
    if path == "" then
        error(errors.new({code = "Invalid", message = "no file was named", hint = ":load FILE"}), 0)
    end
    local chunk, problem = loadfile(path, "t")
    if not chunk then
        error(errors.new({code = "Invalid", message = problem}), 0)
    end
    prompt.loaded = path
    return chunk()
end

--- What does the same in a script.
function loader.source(path)
    return string.format("dofile(%q)", path)
end

return loader
