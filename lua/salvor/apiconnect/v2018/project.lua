--- The project folder of apicup, the installer of API Connect v2018: apiconnect-up.yml, with the
--- subsystems and their settings, and beside it what the installer keeps (certificates, secrets).
local errors = require("salvor.error")
local fs = require("salvor.fs")
local record = require("salvor.apiconnect.v2018.record")
local salvor = require("salvor")
local secret = require("salvor.secret")
local yaml = require("salvor.yaml")

local dig = salvor.dig

local project = {}

local NAMES = {"apiconnect-up.yml", "apiconnect-up.yaml"}

local SHORTEST_SECRET = 8 -- bytes; a shorter value is too likely to be a common word
local MOST_FILES, DEEPEST = 10000, 32 -- of a folder that is really a project

local function invalid(message, hint)
    return nil, errors.new({code = "Invalid", op = "project", message = message, hint = hint})
end

local function read_definition(folder)
    local text, err
    for _, name in ipairs(NAMES) do
        local path = fs.join(folder, name)
        text, err = fs.read(path)
        if text then
            return text, path
        elseif err.code ~= "NotFound" then
            return nil, err
        end
    end
    return invalid(folder .. " has no " .. NAMES[1], "give the folder that apicup was run in when"
        .. " the system was first installed: without it a backup cannot be restored")
end

--- Passwords of backup servers stand in it as they are.
local function register_secrets(settings)
    for name, value in pairs(settings) do
        if tostring(name):find("pass") and type(value) == "string"
            and #value >= SHORTEST_SECRET then
            secret.add(value)
        end
    end
end

local function map(value)
    return type(value) == "table" and value or {}
end

--- "apic.ibm.com/ManagementSubsystem" -> "management"
local function subsystem_of(entry)
    local kind = tostring(dig(entry, "kind")):match("(%a+)Subsystem$")
    local name, spec = dig(entry, "metadata", "name"), map(dig(entry, "spec"))
    if not kind or type(name) ~= "string" then
        return nil
    end
    local settings, cloud = map(dig(spec, "settings")), map(dig(spec, "CloudProperties"))
    register_secrets(settings)
    return {
        kind = kind:lower(),
        name = name,
        namespace = dig(cloud, "namespace") or dig(settings, "namespace"),
        registry = dig(cloud, "registry"),
        registry_secret = dig(cloud, "registry-secret"),
        cassandra_pods = math.tointeger(tonumber(dig(settings, "cassandra-cluster-size"))),
        endpoints = map(dig(spec, "endpoints")),
    }
end

--- load(folder) -> {folder, path, subsystems = list of {kind, name, namespace, registry,
--- registry_secret, cassandra_pods, endpoints}} | nil, err
function project.load(folder)
    local text, path = read_definition(folder)
    if not text then
        return nil, path
    end
    local document, err = yaml.load(text)
    if not document and err then
        return nil, errors.new({code = err.code, op = err.op, hint = err.hint,
                                message = path .. ": " .. err.message})
    end
    local subsystems = {}
    for _, entry in ipairs(map(dig(document, "spec", "subsystems"))) do
        subsystems[#subsystems + 1] = subsystem_of(entry)
    end
    if not subsystems[1] then
        return invalid(path .. " lists no subsystems", "it is not the definition of a project, or"
            .. " it is not whole: take the folder from a backup")
    end
    return {folder = folder, path = path, subsystems = subsystems}
end

--- management(loaded, name or nil) -> its Management subsystem of that name, the only one without |
--- nil, err
function project.management(loaded, name)
    local found = {}
    for _, subsystem in ipairs(loaded.subsystems) do
        if subsystem.kind == "management" then
            found[#found + 1] = subsystem.name
            if not name or subsystem.name == name then
                found.wanted = subsystem
            end
        end
    end
    local names = table.concat(found, ", ")
    if not found[1] then
        return invalid(loaded.path .. " has no Management subsystem", "one project serves all"
            .. " subsystems; give the one that the Management subsystem was installed with")
    elseif not found.wanted then
        return invalid(loaded.path .. " has no Management subsystem " .. name, "it has " .. names)
    elseif not name and #found > 1 then
        return invalid(loaded.path .. " has " .. #found .. " Management subsystems: " .. names,
            "choose one with -p subsystem=…")
    end
    return found.wanted
end

--- The hosts of an endpoint over all subsystems, {host = true}.
function project.hosts(loaded, endpoint)
    local hosts = {}
    for _, subsystem in ipairs(loaded.subsystems) do
        for name, host in pairs(subsystem.endpoints) do
            if record.endpoint(name) == endpoint and type(host) == "string" then
                hosts[host:lower()] = true
            end
        end
    end
    return hosts
end

-- Copying

--- Adds what is below `folder` to the list, each {path, type}; raises when it cannot be a project.
local function walk(root, prefix, is_left_out, found, depth)
    for _, entry in ipairs(must(fs.list(fs.join(root, prefix)))) do
        local path = prefix == "" and entry.name or prefix .. "/" .. entry.name
        if not is_left_out(path, entry.type) then
            if #found >= MOST_FILES or depth > DEEPEST or entry.type == "other" then
                error(errors.new({code = "Invalid", op = "project", message = entry.type == "other"
                    and path .. " is neither a file nor a folder"
                    or root .. " holds more than a project can", hint = "give apicup's folder"}), 0)
            end
            found[#found + 1] = {path = path, type = entry.type}
            if entry.type == "folder" then
                walk(root, path, is_left_out, found, depth + 1)
            end
        end
    end
    return found
end

--- "./build/mgmt/" -> "build/mgmt", as the paths of list() are.
local function plain_path(name)
    return (name:gsub("^%./+", ""):gsub("/+$", ""))
end

--- is_output(names) -> function(path, type): whether that is a folder with what `apicup subsys
--- install --out` wrote: one at the top whose name ends in -out, or one that is among `names`.
function project.is_output(names)
    local named = {}
    for _, name in ipairs(names) do
        named[plain_path(name)] = true
    end
    return function(path, type)
        return type == "folder" and (named[path] or path:find("^[^/]*%-out$") ~= nil)
    end
end

--- unknown_outputs(folder, names) -> those of the names that are no folders of the project; raises.
function project.unknown_outputs(folder, names)
    local is_output, found, unknown = project.is_output(names), {}, {}
    project.list(folder, function(path, type)
        found[path] = is_output(path, type)
        return found[path]
    end)
    for _, name in ipairs(names) do
        unknown[#unknown + 1] = not found[plain_path(name)] and name or nil
    end
    return unknown
end

--- list(folder, is_left_out) -> list of {path, type}, parents before what is in them; raises.
function project.list(folder, is_left_out)
    return walk(folder, "", is_left_out, {}, 1)
end

local function copy_entry(from, to, entry)
    local source, target = fs.join(from, entry.path), fs.join(to, entry.path)
    if entry.type == "folder" then
        must(fs.mkdir(target))
    elseif entry.type == "link" then
        must(fs.symlink(must(fs.readlink(source)), target))
    else
        must(fs.write(target, must(fs.read(source)), {mode = must(fs.stat(source)).mode}))
    end
end

--- copy(from, to, is_left_out, id) -> number of entries. The new folder is whole or not there: it
--- is made beside it, under a name with the `id`, by which another attempt knows what is left of
--- this one. Raises.
function project.copy(from, to, is_left_out, id)
    local part = to .. ".part-" .. id
    if fs.stat(part, {follow = false}) then
        must(fs.remove_tree(part))
    end
    must(fs.mkdir(part, {parents = true}))
    local entries = project.list(from, is_left_out)
    for _, entry in ipairs(entries) do
        copy_entry(from, part, entry)
    end
    must(fs.rename(part, to, {exclusive = true}))
    return #entries
end

return project
