--- What the operator's environment says about a site: its site file, the user's and the system's,
--- each value from the first of them that has it.
--
-- A site is {layers, connect}. A layer is one file: {level = "site", "user" or "system", file,
-- value}. `connect` is a function that gives a client of the site's cluster, which Secrets are read
-- with; whoever opens a site sets it once there is one.
local errors = require("salvor.error")
local folders = require("salvor.folders")
local fs = require("salvor.fs")
local references = require("salvor.procedure.references")
local salvor = require("salvor")
local site_file = require("salvor.procedure.site_file")
local suggest = require("salvor.suggest")
local urls = require("salvor.store.url")
local usage = require("salvor.usage")

local site = {}

-- Where scripts are, beside a file that does not say it.
site.SCRIPTS = "scripts"

--- The folder of scripts that a layer's file names.
function site.scripts_of(layer)
    return layer.file:absolute(layer.value.scripts or site.SCRIPTS)
end

local function add_layer(layers, level, path)
    for _, layer in ipairs(layers) do
        if layer.file.path == path then
            return
        end
    end
    local file, err = site_file.open(path)
    if file then
        require("salvor.procedure.site_schema").check(file)
        layers[#layers + 1] = {level = level, file = file, value = file.value}
    elseif err.code ~= "NotFound" or level == "site" then
        error(errors.new({code = "Usage", message = err.message, cause = err,
                          hint = err.hint or err.code == "NotFound"
                              and "--site and $SALVOR_SITE name a site file" or nil}), 0)
    end
end

--- open(path) -> site. The path is --site's; without one $SALVOR_SITE counts. Raises Usage for a
--- file that is not there or has a mistake in it.
function site.open(path)
    local named = path or os.getenv("SALVOR_SITE")
    local layers, own = {}, folders.config()
    if named and named ~= "" then
        add_layer(layers, "site", must(fs.absolute(named)))
    end
    if own then
        add_layer(layers, "user", fs.join(own, "site.yaml"))
    end
    add_layer(layers, "system", fs.join(folders.system(), "site.yaml"))
    return {layers = layers}
end

--- Where an entry of a layer stands: "site FILE:line".
function site.source(layer, path)
    return layer.level .. " " .. layer.file:place(path)
end

--- find(site, path...) -> value, source, layer, path of the first of the paths (lists of keys) in
--- the first file that has one; nil when there is none.
function site.find(self, ...)
    for _, layer in ipairs(self.layers) do
        for _, path in ipairs({...}) do
            local value = salvor.dig(layer.value, table.unpack(path))
            if value ~= nil then
                return value, site.source(layer, path), layer, path
            end
        end
    end
end

--- Which site it is, for headings and journals: {name, production, file}; nil without any file.
function site.identity(self)
    if #self.layers == 0 then
        return nil
    end
    local first = self.layers[1]
    local named = first.level == "site" and first.file.path or nil
    return {
        name = site.find(self, {"name"}) or named,
        production = site.find(self, {"production"}) or false,
        file = named,
    }
end

--- The folders of scripts by whose they are: {site, user, system}, each a list.
local function script_folders_by_level(self)
    local by_level = {site = {}, user = {}, system = {}}
    for _, layer in ipairs(self.layers) do
        table.insert(by_level[layer.level], site.scripts_of(layer))
    end
    local own = folders.config()
    by_level.user[#by_level.user + 1] = own and fs.join(own, site.SCRIPTS)
    table.insert(by_level.system, fs.join(folders.system(), site.SCRIPTS))
    return by_level
end

--- The folders of scripts, the first one first: the site's, the user's, the system's.
function site.script_folders(self)
    local found, seen, by_level = {}, {}, script_folders_by_level(self)
    for _, level in ipairs({"site", "user", "system"}) do
        for _, folder in ipairs(by_level[level]) do
            if not seen[folder] then
                found[#found + 1], seen[folder] = folder, true
            end
        end
    end
    return found
end

--- Where new scripts go: beside the site file that was named, else to the user's.
function site.own_scripts(self)
    local by_level = script_folders_by_level(self)
    local folder = by_level.site[1] or by_level.user[1]
    if not folder then
        usage("there is no folder for scripts",
            "set $XDG_CONFIG_HOME or $HOME, or name a site with --site")
    end
    return folder
end

-- Named stores

local PATHS = {ca = true, known_hosts = true, config = true, key_file = true}

--- The URL with more of a path, in front of its query.
local function append(url, below)
    if below == "" then
        return url
    end
    local place, query = url, ""
    if url:find("://", 1, true) then
        place, query = url:match("^([^?]*)(.*)$")
    end
    return place:gsub("/$", "") .. below .. query
end

local function store_error(message, hint)
    return nil, errors.new({code = "Usage", message = message, hint = hint})
end

--- "@vault/below" -> "vault", "/below"; nil for what names no store.
function site.split_store(text)
    return text:match("^@([^/?#]+)(.*)$")
end

--- The names of all stores, sorted.
function site.store_names(self)
    local seen = {}
    for _, layer in ipairs(self.layers) do
        for name in pairs(layer.value.stores or {}) do
            seen[name] = true
        end
    end
    return salvor.keys(seen)
end

--- Whether "@NAME/below" means a store of the site: its definition, layer and below, or nil, err.
function site.check_store(self, text)
    local name, below = site.split_store(text)
    if not name then
        return store_error("'" .. text .. "' names no store", "write @NAME or @NAME/below")
    elseif below:find("[?#]") or ("/" .. below .. "/"):find("/%.%.?/") then
        return store_error("'" .. text .. "': what is below a store is a plain path",
            "its settings stand in the site file; . and .. have no meaning")
    end
    local found, _, layer = site.find(self, {"stores", name})
    if not found then
        return store_error("there is no store '" .. name .. "' in the site's files",
            suggest.hint(name, site.store_names(self), "there are"))
    end
    return found, layer, below:gsub("/+$", "")
end

local function options_of(self, found, layer)
    local options = {}
    for name, value in pairs(found.options or {}) do
        options[name] = PATHS[name] and layer.file:absolute(value) or value
    end
    local credentials = found.credentials or {}
    if credentials.secret then
        local object, err = references.object(credentials, self.connect)
        if not object then
            return nil, err
        end
        options.secret = object
        return options
    end
    for _, name in ipairs(salvor.keys(credentials)) do
        local value, err = references.read(credentials[name], layer.file, self.connect)
        if not value then
            return nil, err
        end
        options[name] = value
    end
    return options
end

--- store(site, url) -> the URL and the options that open it, or nil and an error. "@NAME" and
--- "@NAME/below" are the site's store of that name; its credentials are read now, and registered as
--- secrets. Any other URL stays as it is, without options.
function site.store(self, url)
    if url:sub(1, 1) ~= "@" then
        return url, {}
    end
    local found, layer, below = site.check_store(self, url)
    if not found then
        return nil, layer
    end
    local options, err = options_of(self, found, layer)
    if not options then
        return nil, errors.new({code = err.code, hint = err.hint, cause = err,
                                message = "store '" .. site.split_store(url) .. "': "
                                    .. err.message})
    end
    local target = must(urls.parse(found.url)).bare and layer.file:absolute(found.url) or found.url
    return append(target, below), options
end

return site
