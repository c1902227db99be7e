--- What of a site goes along into the cluster: its script, its hooks, and the stores that
--- parameters name, as files below the folder of the machine's own settings there.
local copy = require("salvor.copy")
local fs = require("salvor.fs")
local site = require("salvor.procedure.site")
local site_use = require("salvor.procedure.site_use")
local usage = require("salvor.usage")
local yaml = require("salvor.yaml")

local deploy_site = {}

deploy_site.FOLDER = "/etc/salvor"

--- Options of stores that name a file which is no secret.
local FILES = {ca = true, known_hosts = true}

-- Stores

--- Files of this machine become such of the container.
local function adapt_options(store, files)
    local options = copy.merge(store.definition.options)
    for name, value in pairs(options) do
        if FILES[name] then
            local path = "files/" .. store.name .. "-" .. name
            files[path] = must(fs.read(store.layer.file:absolute(value)))
            options[name] = fs.join(deploy_site.FOLDER, path)
        elseif name == "key_file" or name == "config" then
            usage("store '" .. store.name .. "': " .. name .. " is a file of this machine",
                "give the credentials of the store in the site file: {secret: NAME}")
        end
    end
    return next(options) and options or nil
end

--- A credential that is not in the cluster has to come in some other way.
local function check_credentials(store, options, notes)
    local credentials = store.definition.credentials or {}
    if credentials.secret then
        return
    end
    for name, reference in pairs(credentials) do
        if reference.file then
            usage("store '" .. store.name .. "': " .. name .. " is kept in a file of this machine",
                "keep it in a Secret of the namespace: {secret: NAME, key: KEY}")
        elseif reference.env and not options.env_from[1] then
            notes[#notes + 1] = "store '" .. store.name .. "' wants $" .. reference.env
                .. ", which --env-from SECRET can give"
        end
    end
end

local function stores_of(prepared, options, files, notes)
    local stores = {}
    for _, store in ipairs(site_use.stores(prepared)) do
        check_credentials(store, options, notes)
        stores[store.name] = copy.merge(store.definition, {options = adapt_options(store, files)})
    end
    return next(stores) and stores or nil
end

-- Hooks

local function hooks_of(prepared, files)
    local given, _, layer = site.find(prepared.site,
        {"procedures", prepared.procedure.id, "hooks"})
    local hooks = {}
    for index, hook in ipairs(given or {}) do
        hooks[index] = copy.merge(hook)
        if hook.run then
            local path = "hooks/" .. index .. ".lua"
            files["scripts/" .. path] = must(fs.read(fs.join(site.scripts_of(layer), hook.run)))
            hooks[index].run = path
        end
    end
    return hooks[1] and {[prepared.procedure.id] = {hooks = hooks}} or nil
end

--- files(prepared, options, notes) -> {path below FOLDER = text}. prepared: as from offline.open;
--- options: env_from; `notes` gets lines for whoever deploys. Raises Usage for what cannot go.
function deploy_site.files(prepared, options, notes)
    local files = {}
    if not prepared.origin.bundled then
        files["scripts/" .. prepared.procedure.id .. ".lua"] = must(fs.read(prepared.origin.source))
    end
    local found = {
        stores = stores_of(prepared, options, files, notes),
        procedures = hooks_of(prepared, files),
    }
    local identity = site.identity(prepared.site)
    if identity then
        found.name = identity.name
        found.production = identity.production or nil
    end
    if next(found) then
        files["site.yaml"] = must(yaml.dump(found))
    end
    return files
end

return deploy_site
