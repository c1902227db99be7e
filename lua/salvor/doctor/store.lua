--- Storage: whether it can be reached, and read with these credentials. Nothing is written.
local copy = require("salvor.copy")
local site = require("salvor.procedure.site")
local stores = require("salvor.store")

--- Whether the credentials of a site's store are in the cluster.
local function is_in_cluster(definition)
    local credentials = definition.credentials or {}
    if credentials.secret then
        return true
    end
    for _, reference in pairs(credentials) do
        if reference.secret then
            return true
        end
    end
    return false
end

local function look(of, name)
    local url, options = site.store(of, name)
    if not url then
        return nil, options
    end
    local is_empty, found = stores.is_empty(url, {open = copy.merge(options, {retries = 0})})
    if is_empty == nil then
        return nil, found
    end
    local shown = stores.mask(url)
    return "ok", is_empty and shown .. " can be read, and is empty" or shown .. " can be read"
end

--- The check of a URL, or of a store of the site by its name; raises Usage for one that the site
--- does not have. identity: the check before which no Secret can be read.
return function(name, of, identity)
    local definition = name:sub(1, 1) == "@" and must(site.check_store(of, name)) or {}
    return {group = "stores", name = stores.mask(name),
            needs = is_in_cluster(definition) and {identity} or nil, run = function()
        return look(of, name)
    end}
end
