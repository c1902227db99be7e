--- A recovery kit: a folder with everything that a recovery will need, in generations.
--
--   KIT/latest -> generations/RUN        swapped in one step, after the new generation is whole
--   KIT/generations/RUN/manifest.json    SHA-256, size, source and time of each file
--   KIT/.building-RUN                    while it is written; nothing else ever touches it
--
-- Folders are 0700 and files 0600. A generation is never changed once it is published, and none is
-- ever deleted here.
local digest = require("salvor.digest")
local errors = require("salvor.error")
local fs = require("salvor.fs")
local json = require("salvor.json")
local salvor = require("salvor")

local kit = {}

local MANIFEST = "manifest.json"
local FORMAT = 1
local OTHER_FOLDER = "name another folder with -p kit=…"

local Kit = {}
Kit.__index = Kit

local function corrupt(message)
    return nil, errors.new({
        code = "Corrupt",
        op = "kit.read",
        message = message,
        hint = "do not rely on this generation; run the procedure again for a new one",
    })
end

local function check_file(folder, path, entry)
    if type(entry) ~= "table" then
        return corrupt("the manifest says nothing about " .. path)
    elseif path:sub(1, 1) == "/" or ("/" .. path .. "/"):find("/../", 1, true) then
        return corrupt("the manifest names " .. path .. ", which is outside the kit")
    end
    local data, err = fs.read(fs.join(folder, path))
    if not data then
        return corrupt(path .. " cannot be read: " .. err.message)
    elseif #data ~= entry.size then
        return corrupt(path .. " has " .. #data .. " bytes, the manifest says "
            .. tostring(entry.size))
    elseif digest.sha256(data) ~= entry.sha256 then
        return corrupt(path .. " does not have the SHA-256 of the manifest")
    end
    return data
end

--- read(folder) -> manifest, files {path = data} | nil, err. `folder` is a generation, or a kit,
--- whose latest generation is meant. Every file is checked against the manifest.
function kit.read(folder)
    if fs.stat(fs.join(folder, "latest")) then
        folder = fs.join(folder, "latest")
    end
    local text, err = fs.read(fs.join(folder, MANIFEST))
    if not text then
        return nil, err
    end
    local manifest, files = json.decode(text), {}
    if type(manifest) ~= "table" or type(manifest.files) ~= "table" then
        return corrupt(fs.join(folder, MANIFEST) .. " is no manifest")
    elseif manifest.format ~= FORMAT then
        return corrupt(fs.join(folder, MANIFEST) .. " has format " .. tostring(manifest.format)
            .. ", this Salvor reads " .. FORMAT)
    end
    for path, entry in pairs(manifest.files) do
        files[path], err = check_file(folder, path, entry)
        if not files[path] then
            return nil, err
        end
    end
    return manifest, files
end

local function other_system(path, theirs)
    return errors.new({
        code = "Conflict",
        message = string.format("%s is the kit of another system: %s %s/%s with uid %s", path,
            theirs.kind, theirs.namespace, theirs.name, theirs.uid),
        hint = OTHER_FOLDER,
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
                                hint = OTHER_FOLDER})
    end
    local ok, problem = found, err
    if found then
        ok, problem = fs.writable(path)
    end
    if not ok then
        return nil, errors.new({code = problem.code, hint = OTHER_FOLDER, cause = problem,
                                message = "nothing can be written to " .. problem.message})
    end
    return true
end

--- Whether `path` can take a kit of `system` (nil: of whichever): true | nil, err. Changes nothing.
function kit.check_place(path, system)
    local ok, err = check_writable(fs.absolute(path))
    if not ok then
        return nil, err
    end
    local text = fs.read(fs.join(path, "latest", MANIFEST))
    local manifest = text and json.decode(text)
    if system and type(manifest) == "table" and type(manifest.system) == "table"
        and manifest.system.uid ~= system.uid then
        return nil, other_system(path, manifest.system)
    end
    return true
end

--- The runs that have begun a generation in that folder and not finished it.
function kit.unfinished(path)
    local runs = {}
    for _, found in ipairs(fs.list(path) or {}) do
        runs[#runs + 1] = found.name:match("^%.building%-(.+)$")
    end
    return runs
end

--- open(path, options) -> kit to be written by a run. options: run (its id), performer (see
--- salvor.procedure.effects), header (what the manifest says beside the files), entries (those that
--- an interrupted run has written).
function kit.open(path, options)
    return setmetatable({
        path = path,
        run = options.run,
        performer = options.performer,
        header = options.header,
        entries = options.entries or {},
        building = fs.join(path, ".building-" .. options.run),
        published = fs.join(path, "generations", options.run),
    }, Kit)
end

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
        target = fs.join(self.path, path),
        preview = function()
            return entry
        end,
        run = function()
            local full = fs.join(self.building, path)
            local ok, err = fs.mkdir(fs.dirname(full), {parents = true})
            if ok then
                ok, err = fs.write(full, data)
            end
            if not ok then
                return nil, err
            end
            self.entries[path] = entry
            return entry
        end,
        summary = function()
            return {kit_file = path, entry = entry}
        end,
    })
end

--- Whether every file of this step is still there as it was written.
function Kit:holds(paths)
    for _, path in ipairs(paths) do
        local folder = fs.stat(self.published) and self.published or self.building
        if not self.entries[path] or not check_file(folder, path, self.entries[path]) then
            return false
        end
    end
    return true
end

--- Removes what is not in the manifest: parts of files that a killed process left.
local function sweep(self, folder, prefix)
    for _, found in ipairs(must(fs.list(folder))) do
        local path, full = prefix .. found.name, fs.join(folder, found.name)
        if found.type == "folder" then
            sweep(self, full, path .. "/")
        elseif not self.entries[path] then
            must(fs.remove(full))
        end
    end
end

local function publish(self)
    if not fs.stat(self.published) then
        sweep(self, self.building, "")
        local manifest = {format = FORMAT, salvor = salvor.version, run = self.run,
                          files = self.entries}
        for key, v in pairs(self.header) do
            manifest[key] = v
        end
        local text = must(json.encode(manifest, {indent = 2})) .. "\n"
        must(fs.write(fs.join(self.building, MANIFEST), text))
        must(fs.mkdir(fs.dirname(self.published), {parents = true}))
        must(fs.rename(self.building, self.published))
    end
    must(fs.symlink(fs.join("generations", self.run), fs.join(self.path, "latest"),
        {replace = true}))
    return self.published
end

--- Makes the generation the latest one. Safe to repeat after it was interrupted anywhere.
function Kit:publish()
    return self.performer:perform({
        verb = "publish",
        target = self.published,
        preview = function()
            return self.published
        end,
        run = function()
            return publish(self)
        end,
    })
end

--- Removes what a failed run has written and not published.
function Kit:discard()
    return fs.remove_tree(self.building)
end

return kit
