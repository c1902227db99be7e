--- A generation of a kit (salvor.procedure.kit) as it lies in its store: where it is, and what it
--- holds, compared with its manifest. `kit` is {store, url}.
local digest = require("salvor.digest")
local errors = require("salvor.error")
local json = require("salvor.json")

local FOLDER = "generations"
local LATEST = "latest"
local MANIFEST = "manifest.json"
local FORMAT = 1

local generation = {FOLDER = FOLDER, LATEST = LATEST, MANIFEST = MANIFEST, FORMAT = FORMAT}

local FILE_LIMIT = 64 << 20 -- bytes; Kubernetes objects have at most a few

--- Where a run's generation, or a file of it, is below the kit.
function generation.path(run, path)
    return FOLDER .. "/" .. run .. (path and "/" .. path or "")
end

local function corrupt(kit, message)
    return nil, errors.new({
        code = "Corrupt",
        op = "kit.read",
        message = kit.url .. ": " .. message,
        hint = "do not rely on this generation: name an older one, KIT/" .. FOLDER .. "/RUN,"
            .. " or another copy of the kit; while the system lives, a new run makes a new one",
    })
end

--- What was never published, or is another place.
local function no_kit(kit, cause)
    return errors.new({
        code = "NotFound",
        op = "kit.read",
        message = kit.url .. ": there is no kit: it has no file " .. LATEST,
        hint = "name the folder or URL that the procedure which made it was given",
        cause = cause,
    })
end

--- file(kit, folder, path, entry) -> its data | nil, err: `Corrupt` when it is not what that entry
--- of the manifest says
function generation.file(kit, folder, path, entry)
    if type(path) ~= "string" or type(entry) ~= "table" then
        return corrupt(kit, "the manifest says nothing about " .. path)
    elseif path:sub(1, 1) == "/" or ("/" .. path .. "/"):find("/../", 1, true) then
        return corrupt(kit, "the manifest names " .. path .. ", which is outside the kit")
    end
    local data, err = kit.store:read(folder .. path, {limit = FILE_LIMIT})
    if not data and err.code ~= "NotFound" then
        return nil, err
    elseif not data then
        return corrupt(kit, path .. " cannot be read: " .. err.message)
    elseif #data ~= entry.size then
        return corrupt(kit, path .. " has " .. #data .. " bytes, the manifest says "
            .. tostring(entry.size))
    elseif digest.sha256(data) ~= entry.sha256 then
        return corrupt(kit, path .. " does not have the SHA-256 of the manifest")
    end
    return data
end

--- latest(kit) -> the folder of the latest generation, with a "/" at its end, "" when the kit's
--- place is itself a generation | nil, err
function generation.latest(kit)
    local text, err = kit.store:read(LATEST, {limit = FILE_LIMIT})
    if not text and err.code == "NotFound" then
        if kit.store:stat(MANIFEST) then
            return ""
        end
        return nil, no_kit(kit, err)
    elseif not text then
        return nil, err
    end
    local folder = text:match("^(" .. FOLDER .. "/[%w-]+)\n?$")
    if not folder then
        return corrupt(kit, LATEST .. " does not name a generation")
    end
    return folder .. "/"
end

--- manifest(kit, folder) -> the manifest of the generation in that folder | nil, err
function generation.manifest(kit, folder)
    local text, err = kit.store:read(folder .. MANIFEST, {limit = FILE_LIMIT})
    if not text and err.code == "NotFound" then
        return corrupt(kit, folder .. MANIFEST .. " is not there: the generation was never"
            .. " finished, or copied in part")
    elseif not text then
        return nil, err
    end
    local manifest = json.decode(text)
    if type(manifest) ~= "table" or type(manifest.files) ~= "table" then
        return corrupt(kit, folder .. MANIFEST .. " is no manifest")
    elseif manifest.format ~= FORMAT then
        return corrupt(kit, folder .. MANIFEST .. " has format " .. tostring(manifest.format)
            .. ", this Salvor reads " .. FORMAT)
    end
    return manifest
end

--- The folder of the generation of that run, as latest().
local function folder_of(kit, run)
    if not tostring(run):find("^[%w-]+$") then
        return corrupt(kit, "'" .. tostring(run) .. "' is not the name of a generation")
    end
    return kit.store:stat(MANIFEST) and "" or generation.path(run) .. "/"
end

--- read(kit, run) -> manifest, files {path = data} of that run's generation, of the latest one
--- without it | nil, err. Every file is compared with the manifest.
function generation.read(kit, run)
    local folder, err
    if run then
        folder, err = folder_of(kit, run)
    else
        folder, err = generation.latest(kit)
    end
    if not folder then
        return nil, err
    end
    local manifest, problem = generation.manifest(kit, folder)
    if not manifest then
        return nil, problem
    elseif run and manifest.run ~= run then
        return corrupt(kit, "it is of run " .. tostring(manifest.run) .. ", not of " .. run)
    end
    local files = {}
    for path, entry in pairs(manifest.files) do
        files[path], err = generation.file(kit, folder, path, entry)
        if not files[path] then
            return nil, err
        end
    end
    return manifest, files
end

return generation
