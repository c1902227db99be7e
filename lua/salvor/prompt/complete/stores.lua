--- What completion knows of stores: what is in a folder, listed in the background.
local open = require("salvor.store.open")
local patience = require("salvor.prompt.complete.patience")
local task = require("salvor.task")
local urls = require("salvor.store.url")

local stores = {}
stores.__index = stores

local FRESH = 30 -- seconds
local FAILED = 1 -- seconds until a folder that could not be listed is asked for again
local PATIENCE = 10
local MOST = 2000 -- entries of one folder

--- new(prompt, told): told(problem) is called when an answer has come; the problem is what was
--- raised instead, if so.
function stores.new(prompt, told)
    return setmetatable({prompt = prompt, told = told, folders = {}}, stores)
end

--- What is in the folder with that prefix, "" or "a/b/", as paths.
local function list(backend, prefix)
    local paths, token = {}, nil
    repeat
        local page = must(backend:list(prefix, {delimiter = "/", after = token}))
        for _, item in ipairs(page.items) do
            paths[#paths + 1] = item.path
        end
        table.move(page.folders, 1, #page.folders, #paths + 1, paths)
        token = page.next
    until not token or #paths >= MOST
    table.sort(paths)
    return paths
end

--- The items of a folder, as they are known by now. read() gives paths, text_of(path) what is
--- written for one.
local function get(self, key, text_of, read)
    local folder = self.folders[key] or {items = {}, old_at = -math.huge}
    self.folders[key] = folder
    if not folder.busy and task.now() > folder.old_at then
        folder.busy = true
        self.prompt:background(function()
            local paths, problem = patience(PATIENCE, read)
            folder.busy, folder.items = false, {}
            folder.old_at = task.now() + (paths and FRESH or FAILED)
            for index, path in ipairs(paths or {}) do
                folder.items[index] = {text = text_of(path), label = path:match("[^/]+/?$")}
            end
            self.told(problem)
        end)
    end
    return folder.items
end

--- URLs that begin as the prefix, which has a scheme and a host.
function stores:urls(prefix)
    local folder = prefix:match("^(.*/)")
    return get(self, folder, function(path)
        return folder .. urls.escape(path)
    end, function()
        local backend = must(open.url(folder, {}, "store.open"))
        local _ <close> = setmetatable({}, {__close = function()
            backend:close()
        end})
        return list(backend, "")
    end)
end

--- Paths in an open store that begin as the prefix.
function stores:paths(store, prefix)
    local folder = prefix:match("^(.*/)") or ""
    return get(self, store.url .. " " .. folder, tostring, function()
        return list(store._backend, folder)
    end)
end

return stores
