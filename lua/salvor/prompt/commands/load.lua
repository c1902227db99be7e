local errors = require("salvor.error")

local loader = {summary = "run a file of Lua here; what it makes global stays", usage = "FILE"}

function loader.run(prompt, path)
    local chunk, problem = loadfile(path, "t")
    if not chunk then
        error(errors.new({code = "Invalid", message = problem}), 0)
    end
    prompt.loaded = path
    return chunk()
end

return loader
