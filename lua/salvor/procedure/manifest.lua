--- Objects printed for `kubectl apply -f -`, and the options of the commands that do so.
local command = require("salvor.procedure.command")
local json = require("salvor.json")
local yaml = require("salvor.yaml")

local manifest = {}

--- options(more) -> those of every command about a procedure, with an output of this kind
function manifest.options(more)
    local options = {}
    for _, option in ipairs(command.extend(more)) do
        options[#options + 1] = option.name ~= "output" and option
            or {name = "output", short = "o", argument = "yaml|json",
                help = "the form of what is printed"}
    end
    return options
end

--- print(objects, as_json): as YAML documents, or as one List.
function manifest.print(objects, as_json)
    if as_json then
        print(must(json.encode({apiVersion = "v1", kind = "List", items = objects}, {indent = 2})))
    else
        io.stdout:write(must(yaml.dump_all(objects)))
    end
end

return manifest
