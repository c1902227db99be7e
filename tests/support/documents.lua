--- The examples of the documentation: the fenced blocks of README, CONTRIBUTING and docs.
local fs = require("salvor.fs")

local documents = {}

--- The paths of all documents.
function documents.paths()
    local paths = {"README.md", "CONTRIBUTING.md"}
    for _, folder in ipairs({"docs", "docs/procedures"}) do
        for _, entry in ipairs(must(fs.list(folder))) do
            if entry.name:match("%.md$") then
                paths[#paths + 1] = folder .. "/" .. entry.name
            end
        end
    end
    return paths
end

--- The blocks of a document: {path, language, line, text}.
function documents.blocks(path)
    local found, open, number = {}, nil, 0
    for line in (must(fs.read(path)) .. "\n"):gmatch("([^\n]*)\n") do
        number = number + 1
        local language = line:match("^```(.*)$")
        if open and language == "" then
            open.text = table.concat(open, "\n") .. "\n"
            found[#found + 1] = open
            open = nil
        elseif language then
            open = {path = path, language = language, line = number}
        elseif open then
            open[#open + 1] = line
        end
    end
    assert(not open, path .. ": the last block has no end")
    return found
end

--- Writes a kubeconfig like the one at `from` whose namespace is `namespace`. `more`: other
--- contexts, with their namespaces.
function documents.write_kubeconfig(path, from, namespace, more)
    local yaml = require("salvor.yaml")
    local config = must(yaml.load(must(fs.read(from))))
    local context = config.contexts[1].context
    context.namespace = namespace
    for name, other in pairs(more or {}) do
        table.insert(config.contexts, {name = name, context = {
            cluster = context.cluster, user = context.user, namespace = other}})
    end
    must(fs.write(path, must(yaml.dump(config))))
    return path
end

return documents
