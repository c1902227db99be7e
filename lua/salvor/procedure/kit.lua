--- A recovery kit: everything that a recovery will need, in generations, in a store of any kind.
--
--   KIT/latest                           "generations/RUN", written when that generation is whole
--   KIT/generations/RUN/manifest.json    SHA-256, size, source and time of each file; written last
--   KIT/generations/RUN/...
--
-- A generation without a manifest is unfinished. One with a manifest is never changed, and none is
-- ever deleted here. In a folder, files are 0600 and folders 0700.
local dates = require("salvor.dates")
local digest = require("salvor.digest")
local errors = require("salvor.error")
local fs = require("salvor.fs")
local generation = require("salvor.procedure.kit_generation")
local json = require("salvor.json")
local k8s = require("salvor.k8s")
local salvor = require("salvor")
local store = require("salvor.store")
local urls = require("salvor.store.url")
local yaml = require("salvor.yaml")

local kit = {}

local OTHER_PLACE = "name another place with -p kit=…"

local Kit = {}
Kit.__index = Kit

--- The generation of that run, the latest one without it: manifest, files {path = data} | nil, err.
--- Every file is compared with the manifest.
function Kit:read(run)
    return generation.read(self, run)
end

-- Looking

local function other_system(self, theirs)
    return errors.new({
        code = "Conflict",
        message = string.format("%s is the kit of another system: %s %s/%s with uid %s", self.url,
            theirs.kind, theirs.namespace, theirs.name, theirs.uid),
        hint = OTHER_PLACE,
    })
end

--- Whether files can be made at `path`, or in the nearest folder above it that is there.
local function check_writable(path)
    local found, err = fs.stat(path)
    while not found and err.code == "NotFound" and path ~= "/" do
        path = fs.dirname(path)
        found, err = fs.stat(path)
    end
    if found and found.type ~= "folder" then
        return nil, errors.new({code = "AlreadyExists", message = path .. " is not a folder",
                                hint = OTHER_PLACE})
    end
    local ok, problem = found, err
    if found then
        ok, problem = fs.writable(path)
    end
    if not ok then
        return nil, errors.new({code = problem.code, hint = OTHER_PLACE, cause = problem,
                                message = "nothing can be written to " .. problem.message})
    end
    return true
end

--- Folders are made when they are first written to; buckets must be there.
local MAKES_FOLDERS = {file = true, sftp = true}

local function list(self, folder)
    local found, err = self.store:list(folder)
    if not found and err.code == "NotFound" and MAKES_FOLDERS[self.scheme] then
        return {}
    end
    return found, err
end

-- No kit yet, or one of which nobody can tell whose it is.
local UNKNOWN = {NotFound = true, Corrupt = true}

--- Whose the kit is; nil when that is not known, and an error when it could not be looked at.
local function system_of_latest(self)
    local folder, err = generation.latest(self)
    local manifest
    if folder then
        manifest, err = generation.manifest(self, folder)
    end
    if not manifest then
        return nil, not UNKNOWN[err.code] and err or nil
    end
    return type(manifest.system) == "table" and manifest.system or nil
end

--- Whether it can take a generation of `system` {kind, namespace, name, uid} (nil: of whichever):
--- true | nil, err. Changes nothing.
function Kit:check_place(system)
    local ok, err = true, nil
    if self.scheme == "file" then
        ok, err = check_writable(self.path)
    end
    if ok then
        ok, err = list(self, "")
    end
    if not ok then
        return nil, err
    end
    local theirs, problem = system_of_latest(self)
    if problem then
        return nil, problem
    elseif system and theirs and theirs.uid ~= system.uid then
        return nil, other_system(self, theirs)
    end
    return true
end

--- The runs that have begun a generation here and not finished it | nil, err. An empty folder is
--- what a run has left that was given up.
function Kit:unfinished()
    local found, err = list(self, generation.FOLDER)
    if not found then
        return nil, err
    end
    local runs = {}
    for _, item in ipairs(found) do
        local run = item.kind == "folder" and item.path:match("([^/]+)/$")
        if run and not self.store:stat(generation.path(run, generation.MANIFEST))
            and self.store:each(generation.path(run))() then
            runs[#runs + 1] = run
        end
    end
    return runs
end

-- Writing

--- Adds a file; `source` says what it was made from. The same file again is written again.
function Kit:write(path, data, source)
    local entry = {
        sha256 = digest.sha256(data),
        size = #data,
        source = source,
        time = dates.text(),
    }
    return self.performer:perform({
        verb = "write",
        target = urls.join(self.url, path),
        preview = function()
            return entry
        end,
        run = function()
            local item, err = self.store:write(generation.path(self.run, path), data)
            if not item then
                return nil, err
            end
            self.entries[path] = entry
            return entry
        end,
        summary = function()
            return {kit = self.url, kit_file = path, entry = entry}
        end,
    })
end

--- source_of(object) -> what the manifest says of a file that was made from it.
function kit.source_of(object)
    return {
        apiVersion = object.apiVersion, kind = object.kind, name = object.metadata.name,
        namespace = object.metadata.namespace, uid = object.metadata.uid,
        resourceVersion = object.metadata.resourceVersion,
    }
end

--- Adds an object as it can be applied to another cluster, in any namespace.
function Kit:save(path, object)
    local neat = k8s.neat(object)
    neat.metadata.namespace = nil
    return self:write(path, must(yaml.dump(neat)), kit.source_of(object))
end

--- Whether each of these files is still there as this run has written it.
function Kit:holds(paths)
    local folder = generation.path(self.run) .. "/"
    for _, path in ipairs(paths) do
        local entry = self.entries[path]
        if not entry or not generation.file(self, folder, path, entry) then
            return false
        end
    end
    return true
end

--- Removes what an interrupted attempt has left and the manifest would not name.
local function sweep(self)
    local folder, strangers = generation.path(self.run), {}
    for item in self.store:each(folder) do
        if not self.entries[item.path:sub(#folder + 2)] then
            strangers[#strangers + 1] = item.path
        end
    end
    must(self.store:remove(strangers))
end

--- A manifest names nothing that is not there: a step that fails discards what finished ones have
--- written, and without a verify a resumed run does not write that again.
local function check_files(self)
    local folder = generation.path(self.run) .. "/"
    for _, path in ipairs(salvor.keys(self.entries)) do
        must(generation.file(self, folder, path, self.entries[path]))
    end
end

local function publish(self, system)
    local manifest_path = generation.path(self.run, generation.MANIFEST)
    if not self.store:stat(manifest_path) then
        check_files(self)
        sweep(self)
        local manifest = {format = generation.FORMAT, salvor = salvor.version, run = self.run,
                          system = system, files = self.entries}
        for key, v in pairs(self.header) do
            manifest[key] = v
        end
        must(self.store:write(manifest_path, must(json.encode(manifest, {indent = 2})) .. "\n"))
    end
    must(self.store:write(generation.LATEST, generation.path(self.run) .. "\n"))
    return urls.join(self.url, generation.path(self.run))
end

--- Makes the generation the latest one, of `system` {kind, namespace, name, uid, version}. Safe to
--- repeat after it was interrupted anywhere.
function Kit:publish(system)
    return self.performer:perform({
        verb = "publish",
        target = urls.join(self.url, generation.path(self.run)),
        preview = function()
            return true
        end,
        run = function()
            return publish(self, system)
        end,
    })
end

--- Removes what a failed run has written and not published.
function Kit:discard()
    if not self.store:stat(generation.path(self.run, generation.MANIFEST)) then
        for path in pairs(self.entries) do
            self.entries[path] = nil
        end
        sweep(self)
    end
end

function Kit:close()
    self.store:close()
end

Kit.__close = Kit.close

--- open(url, options) -> kit | nil, err. `store`: the options of store.open. To be written it needs
--- run (its id), performer (see salvor.procedure.effects), header (what the manifest says beside
--- the files), entries (what an interrupted run has written: {URL of the kit = {path = entry}}).
function kit.open(url, options)
    options = options or {}
    local opened, err = store.open(url, options.store)
    if not opened then
        return nil, err
    end
    local location = must(urls.parse(opened.url))
    local entries = options.entries or {}
    entries[opened.url] = entries[opened.url] or {}
    return setmetatable({
        store = opened,
        url = opened.url,
        scheme = location.scheme,
        path = location.path,
        run = options.run,
        performer = options.performer,
        header = options.header or {},
        entries = entries[opened.url],
    }, Kit)
end

return kit
