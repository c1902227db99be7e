--- What completion knows of stores: the paths below a folder of a URL, listed in the background.
local task = require("salvor.task")
local values_paths

local stores = {}
stores.__index = stores

local FRESH = 30 -- seconds
local PATIENCE = 10
local MOST = 2000 -- paths of one folder

local SCHEMES = {"s3://", "sftp://", "az://", "file://"}

--- new(prompt, told): `told` is called when an answer has come.
function stores.new(prompt, told)
    return setmetatable({prompt = prompt, told = told, folders = {}}, stores)
end

local function list(url)
    local store = require("salvor.store")
    local opened <close> = must(store.open(url))
    local items = {}
    for item in opened:each() do
        items[#items + 1] = {text = url .. item.path, label = item.path}
        if #items == MOST then
            break
        end
    end
    return items
end

local function fetch(self, url)
    local folder = {busy = true}
    self.folders[url] = folder
    self.prompt:background(function()
        local ok, items = pcall(task.timeout, PATIENCE, function()
            return list(url)
        end)
        folder.busy, folder.at, folder.items = false, task.now(), ok and items or {}
        self.told()
    end)
end

--- Paths that begin as the prefix: of files, or of a URL's folder.
function stores:paths(prefix)
    local folder = prefix:match("^(%a[%w+.-]*://[^/]+/.*/)")
        or prefix:match("^(%a[%w+.-]*://[^/]+/)")
    if not folder then
        values_paths = values_paths or require("salvor.prompt.complete.values").paths
        local items = values_paths(prefix)
        for _, scheme in ipairs(SCHEMES) do
            items[#items + 1] = {text = scheme}
        end
        return items
    end
    local known = self.folders[folder]
    if not known or not known.busy and task.now() - known.at > FRESH then
        fetch(self, folder)
    end
    return self.folders[folder].items or {}
end

return stores
