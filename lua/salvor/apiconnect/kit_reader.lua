--- Reads the recovery kit of a subsystem of API Connect v10: whole, unchanged, and of one piece.
local apiconnect = require("salvor.apiconnect")
local dig = require("salvor").dig
local errors = require("salvor.error")
local fields = require("salvor.k8s.fields")
local kit_files = require("salvor.apiconnect.kit_files")
local merge = require("salvor.copy").merge
local objects = require("salvor.procedure.objects")
local yaml = require("salvor.yaml")

local kit_reader = {}

local Reader = {}
Reader.__index = Reader

--- Raises what is wrong with the kit.
function Reader:refuse(message)
    error(errors.new({
        code = "Invalid",
        op = "kit.read",
        message = self.url .. ": " .. message,
        hint = "take another kit; salvor run " .. self.procedure .. " makes one as long as the"
            .. " subsystem lives",
    }), 0)
end

--- The object in a file of the kit.
function Reader:object(path)
    if not self.files[path] then
        self:refuse("it lacks " .. path)
    end
    local object, err = yaml.load(self.files[path])
    if type(object) ~= "table" then
        self:refuse(path .. " cannot be read" .. (err and ": " .. err.message or ""))
    end
    return object
end

--- secret(role, name, missing) -> {role, object}; missing(object) tells what a recovery misses in
--- it (salvor.apiconnect.secrets).
function Reader:secret(role, name, missing)
    if type(name) ~= "string" then
        self:refuse("it names no secret " .. role)
    end
    local path = kit_files.secret(name)
    local object = self:object(path)
    objects.register_secrets(object)
    if object.kind ~= "Secret" or dig(object, "metadata", "name") ~= name then
        self:refuse(path .. " is not the Secret " .. name)
    elseif missing(object) then
        self:refuse("secret " .. name .. " has " .. missing(object))
    end
    return {role = role, object = object}
end

--- kit(section, said) -> what the kit says: these fields, section ("management" or "portal"), run
--- and created (its generation), name, uid and version (of the old subsystem).
function Reader:kit(section, said)
    return merge(said, {section = section, run = self.run, created = self.created,
                        name = self.name, uid = self.uid, version = self.version})
end

--- agree(what, ...): refuses a kit whose parts do not all say the same of it.
function Reader:agree(what, ...)
    local said, all_same = {}, true
    for index = 1, select("#", ...) do
        local value = select(index, ...)
        said[index] = tostring(value)
        all_same = all_same and type(value) == "string" and value == (...)
    end
    if not all_same then
        self:refuse("its parts disagree about " .. what .. ": " .. table.concat(said, ", "))
    end
end

--- open(kit, procedure) -> reader {files, run, created, name, uid, version}: the kit's generation,
--- and the old subsystem; raises when it is not whole, was changed, or is of another procedure.
function kit_reader.open(kit, procedure)
    local manifest, files = kit:read()
    must(manifest, files)
    local system = fields.map(manifest, "system")
    local self = setmetatable({url = kit.url, procedure = procedure, files = files,
                               run = manifest.run, created = tostring(manifest.created),
                               name = system.name, uid = system.uid,
                               version = tostring(system.version)}, Reader)
    if manifest.procedure ~= procedure then
        self:refuse("it is a kit of " .. tostring(manifest.procedure) .. ", not of " .. procedure)
    elseif not apiconnect.parse_version(self.version) then
        self:refuse("it does not tell the version of the subsystem")
    end
    return self
end

return kit_reader
