--- A recovery kit: everything that a recovery will need, in generations, in a store of any kind.
--
--   KIT/latest                           "generations/RUN", written when that generation is whole
--   KIT/generations/RUN/manifest.json    SHA-256, size, source and time of each file; written last
--   KIT/generations/RUN/...
--
-- A generation without a manifest is unfinished. One with a manifest is never changed, and none is
-- ever deleted here. In a folder, files are 0600 and folders 0700.
local digest = require("salvor.digest")
local errors = require("salvor.error")
local fs = require("salvor.fs")
local json = require("salvor.json")
local k8s = require("salvor.k8s")
local salvor = require("salvor")
local store = require("salvor.store")
local urls = require("salvor.store.url")
local yaml = require("salvor.yaml")

local kit = {}

local GENERATIONS = "generations"
local LATEST = "latest"
local MANIFEST = "manifest.json"
local FORMAT = 1
local FILE_LIMIT = 64 << 20 -- bytes; Kubernetes objects have at most a few
local OTHER_PLACE = "name another place with -p kit=…"

local Kit = {}
Kit.__index = Kit

local function in_generation(run, path)
    return GENERATIONS .. "/" .. run .. (path and "/" .. path or "")
end

local function corrupt(self, message)
    return nil, errors.new({
        code = "Corrupt",
        op = "kit.read",
        message = self.url .. ": " .. message,
        hint = "do not rely on this generation: name an older one, KIT/" .. GENERATIONS .. "/RUN,"
            .. " or another copy of the kit; while the system lives, a new run makes a new one",
    })
end

--- What was never published, or is another place.
local function no_kit(self, cause)
    return errors.new({
        code = "NotFound",
        op = "kit.read",
        message = self.url .. ": there is no kit: it has no file " .. LATEST,
        hint = "name the folder or URL that the procedure which made it was given",
        cause = cause,
    })
end

-- Reading

local function check_file(self, folder, path, entry)
    if type(path) ~= "string" or type(entry) ~= "table" then
        return corrupt(self, "the manifest says nothing about " .. path)
    elseif path:sub(1, 1) == "/" or ("/" .. path .. "/"):find("/../", 1, true) then
        return corrupt(self, "the manifest names " .. path .. ", which is outside the kit")
    end
    local data, err = self.store:read(folder .. path, {limit = FILE_LIMIT})
    if not data then
        return corrupt(self, path .. " cannot be read: " .. err.message)
    elseif #data ~= entry.size then
        return corrupt(self, path .. " has " .. #data .. " bytes, the manifest says "
            .. tostring(entry.size))
    elseif digest.sha256(data) ~= entry.sha256 then
        return corrupt(self, path .. " does not have the SHA-256 of the manifest")
    end
    return data
end

--- The folder of the latest generation, with a "/" at its end; "" when the kit's place is itself a
--- generation.
local function latest_folder(self)
    local text, err = self.store:read(LATEST, {limit = FILE_LIMIT})
    if not text and err.code == "NotFound" then
        if self.store:stat(MANIFEST) then
            return ""
        end
        return nil, no_kit(self, err)
    elseif not text then
        return nil, err
    end
    local folder = text:match("^(" .. GENERATIONS .. "/[%w-]+)\n?$")
    if not folder then
        return corrupt(self, LATEST .. " does not name a generation")
    end
    return folder .. "/"
end

local function read_manifest(self, folder)
    local text, err = self.store:read(folder .. MANIFEST, {limit = FILE_LIMIT})
    if not text and err.code == "NotFound" then
        return corrupt(self, folder .. MANIFEST .. " is not there: the generation was never"
            .. " finished, or copied in part")
    elseif not text then
        return nil, err
    end
    local manifest = json.decode(text)
    if type(manifest) ~= "table" or type(manifest.files) ~= "table" then
        return corrupt(self, folder .. MANIFEST .. " is no manifest")
    elseif manifest.format ~= FORMAT then
        return corrupt(self, folder .. MANIFEST .. " has format " .. tostring(manifest.format)
            .. ", this Salvor reads " .. FORMAT)
    end
    return manifest
end

--- The folder of the generation of that run, as latest_folder().
local function folder_of(self, run)
    if not tostring(run):find("^[%w-]+$") then
        return corrupt(self, "'" .. tostring(run) .. "' is not the name of a generation")
    end
    return self.store:stat(MANIFEST) and "" or in_generation(run) .. "/"
end

--- The generation of that run, the latest one without it: manifest, files {path = data} | nil, err.
--- Every file is checked against the manifest.
function Kit:read(run)
    local folder, err
    if run then
        folder, err = folder_of(self, run)
    else
        folder, err = latest_folder(self)
    end
    if not folder then
        return nil, err
    end
    local manifest, problem = read_manifest(self, folder)
    if not manifest then
        return nil, problem
    elseif run and manifest.run ~= run then
        return corrupt(self, "it is of run " .. tostring(manifest.run) .. ", not of " .. run)
    end
    local files = {}
    for path, entry in pairs(manifest.files) do
        files[path], err = check_file(self, folder, path, entry)
        if not files[path] then
            return nil, err
        end
    end
    return manifest, files
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
    local folder, err = latest_folder(self)
    local manifest
    if folder then
        manifest, err = read_manifest(self, folder)
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
    local found, err = list(self, GENERATIONS)
    if not found then
        return nil, err
    end
    local runs = {}
    for _, item in ipairs(found) do
        local run = item.kind == "folder" and item.path:match("([^/]+)/$")
        if run and not self.store:stat(in_generation(run, MANIFEST))
            and self.store:each(in_generation(run))() then
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
        time = os.date("!%Y-%m-%dT%H:%M:%SZ"),
    }
    return self.performer:perform({
        verb = "write",
        target = urls.join(self.url, path),
        preview = function()
            return entry
        end,
        run = function()
            local item, err = self.store:write(in_generation(self.run, path), data)
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

--- Adds an object as it can be applied to another cluster, in any namespace.
function Kit:save(path, object)
    local neat = k8s.neat(object)
    neat.metadata.namespace = nil
    return self:write(path, must(yaml.dump(neat)), {
        apiVersion = object.apiVersion, kind = object.kind, name = object.metadata.name,
        namespace = object.metadata.namespace, uid = object.metadata.uid,
        resourceVersion = object.metadata.resourceVersion,
    })
end

--- Whether each of these files is still there as this run has written it.
function Kit:holds(paths)
    local folder = in_generation(self.run) .. "/"
    for _, path in ipairs(paths) do
        if not self.entries[path] or not check_file(self, folder, path, self.entries[path]) then
            return false
        end
    end
    return true
end

--- Removes what an interrupted attempt has left and the manifest would not name.
local function sweep(self)
    local folder, strangers = in_generation(self.run), {}
    for item in self.store:each(folder) do
        if not self.entries[item.path:sub(#folder + 2)] then
            strangers[#strangers + 1] = item.path
        end
    end
    must(self.store:remove(strangers))
end

local function publish(self, system)
    local manifest_path = in_generation(self.run, MANIFEST)
    if not self.store:stat(manifest_path) then
        sweep(self)
        local manifest = {format = FORMAT, salvor = salvor.version, run = self.run, system = system,
                          files = self.entries}
        for key, v in pairs(self.header) do
            manifest[key] = v
        end
        must(self.store:write(manifest_path, must(json.encode(manifest, {indent = 2})) .. "\n"))
    end
    must(self.store:write(LATEST, in_generation(self.run) .. "\n"))
    return urls.join(self.url, in_generation(self.run))
end

--- Makes the generation the latest one, of `system` {kind, namespace, name, uid, version}. Safe to
--- repeat after it was interrupted anywhere.
function Kit:publish(system)
    return self.performer:perform({
        verb = "publish",
        target = urls.join(self.url, in_generation(self.run)),
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
    if not self.store:stat(in_generation(self.run, MANIFEST)) then
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

--- read(url, options) -> manifest, files {path = data} | nil, err: as Kit:read.
function kit.read(url, options)
    local opened <close>, err = kit.open(url, options)
    if not opened then
        return nil, err
    end
    return opened:read()
end

return kit
