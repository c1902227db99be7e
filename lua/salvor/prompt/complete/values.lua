--- Values: what stands in a text, or is a word of a command. Each kind of value has its list here,
--- of what begins with a prefix or of all there is.
local environment = require("salvor.prompt.environment")
local folders = require("salvor.folders")
local fs = require("salvor.fs")
local objects = require("salvor.prompt.complete.objects")
local reference = require("salvor.reference")

local values = {}

--- items(texts) -> list of {text}
function values.items(texts)
    local items = {}
    for index, text in ipairs(texts) do
        items[index] = {text = text}
    end
    return items
end

--- Paths that begin as the prefix; folders end in a slash. Hidden ones are offered to who begins
--- them. `has_home`: "~/" is home, as for commands; functions take it as it is.
function values.files(prefix, has_home)
    local folder, begun = prefix:match("^(.*/)(.*)$")
    folder = folder or ""
    local looked = folder == "" and "." or has_home and folders.expand_home(folder) or folder
    local shows_hidden = (begun or prefix):sub(1, 1) == "."
    local items = {}
    for _, entry in ipairs(not looked:find("\0", 1, true) and fs.list(looked) or {}) do
        if shows_hidden or entry.name:sub(1, 1) ~= "." then
            local what = entry.type == "link" and fs.stat(fs.join(looked, entry.name)) or entry
            local name = entry.name .. (what.type == "folder" and "/" or "")
            items[#items + 1] = {text = folder .. name, label = name,
                                 is_part = what.type == "folder"}
        end
    end
    return items
end

local SCHEMES = {"s3://", "sftp://", "az://", "file://"}

--- URLs of stores, and paths of folders, which are stores too.
function values.urls(prompt, prefix)
    if prefix:find("^%a[%w+.-]*://[^/]*/") then
        return prompt.stores:urls(prefix)
    end
    local items = values.files(prefix)
    for _, scheme in ipairs(SCHEMES) do
        items[#items + 1] = {text = scheme, is_part = true}
    end
    return items
end

--- Of that kubeconfig, or of the one that counts without one.
function values.contexts(kubeconfig)
    local items = {}
    for index, context in ipairs(require("salvor.k8s").contexts({kubeconfig = kubeconfig}) or {}) do
        items[index] = {text = context.name, detail = context.server}
    end
    return items
end

-- Arguments of functions

local function modules()
    local names = {}
    for name in pairs(reference.load().modules) do
        names[#names + 1] = name
    end
    for _, name in ipairs(environment.MODULES) do
        names[#names + 1] = not reference.load().modules["salvor." .. name] and "salvor." .. name
            or nil
    end
    table.sort(names)
    return values.items(names)
end

--- "a"|"b" of a type
local function choices(kind)
    local texts = {}
    for text in kind:gmatch("\"([^\"]*)\"") do
        texts[#texts + 1] = text
    end
    return values.items(texts)
end

--- What a text is for in a call: {prompt, prefix, strings, client (whose method is called), store}.
--- By the names of parameters and options, whatever function has them.
local BY_NAME = {
    kind = function(of)
        return of.prompt.cluster:kinds(of.client)
    end,
    name = function(of)
        return of.strings[1] and of.prompt.cluster:names(of.strings[1], of.client) or {}
    end,
    pod = function(of)
        return of.prompt.cluster:names("pods", of.client)
    end,
    namespace = function(of)
        return of.prompt.cluster:names("namespaces", of.client)
    end,
    container = function(of)
        return of.strings[1] and of.prompt.cluster:containers(of.strings[1], of.client) or {}
    end,
    context = function()
        return values.contexts()
    end,
    url = function(of)
        return values.urls(of.prompt, of.prefix)
    end,
    path = function(of)
        return of.store and of.prompt.stores:paths(of.store, of.prefix) or values.files(of.prefix)
    end,
    file = function(of)
        return values.files(of.prefix)
    end,
}
BY_NAME.from, BY_NAME.to, BY_NAME.where = BY_NAME.url, BY_NAME.url, BY_NAME.url
BY_NAME.folder, BY_NAME.paths = BY_NAME.path, BY_NAME.path
BY_NAME.local_path, BY_NAME.kubeconfig, BY_NAME.cwd = BY_NAME.file, BY_NAME.file, BY_NAME.file

local function named(of, declared)
    local found = choices(declared.type)
    if not found[1] and BY_NAME[declared.name] then
        return BY_NAME[declared.name](of)
    end
    return found
end

--- in_call(prompt, where) -> items; `where` is a place of a value.
function values.in_call(prompt, where)
    local call = where.call
    local entry = call and objects.entry(call.chain)
    if call and call.chain[1] == "require" and not call.chain[2] then
        return modules()
    elseif not entry then
        return values.files(where.prefix)
    end
    local declared = objects.declaration(call)
    local receiver = objects.value(table.move(call.chain, 1, #call.chain - 2, 1, {}))
    return declared and named({
        prompt = prompt, prefix = where.prefix, strings = call.strings,
        client = entry.owner == "k8s.Client" and call.chain[1] ~= "c" and receiver or nil,
        store = entry.owner == "salvor.Store" and receiver or nil,
    }, declared) or {}
end

return values
