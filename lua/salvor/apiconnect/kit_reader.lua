--- Reads the recovery kit of a subsystem of API Connect v10: whole, unchanged, and of one piece.
local apiconnect = require("salvor.apiconnect")
local dig = require("salvor").dig
local errors = require("salvor.error")
local fields = require("salvor.k8s.fields")
local kit_files = require("salvor.apiconnect.kit_files")
local merge = require("salvor.copy").merge
local objects = require("salvor.procedure.objects")
local storage = require("salvor.apiconnect.storage")
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

--- The Secret that an item of salvor.apiconnect.secrets names.
local function secret_of(self, item)
    if item.problem then
        self:refuse("it names no secret " .. item.role)
    end
    local path = kit_files.secret(item.secret)
    local object = self:object(path)
    objects.register_secrets(object)
    local missing = item.missing(object)
    if object.kind ~= "Secret" or dig(object, "metadata", "name") ~= item.secret then
        self:refuse(path .. " is not the Secret " .. item.secret)
    elseif missing then
        self:refuse("secret " .. item.secret .. " has " .. missing)
    end
    return {role = item.role, object = object}
end

--- kit(section, field, items, said) -> what the kit says: section ("management" or "portal"), run
--- and created (its generation), name, namespace, uid, version and resource (of the old subsystem),
--- secrets (a list of {role, object}, by these items of salvor.apiconnect.secrets), and what is
--- said. Refuses one that does not say in said.spec[field] where the backups are.
function Reader:kit(section, field, items, said)
    local missing = storage.missing(field, said.spec[field])[1]
    if missing then
        self:refuse("it does not say " .. missing)
    end
    local secrets = {}
    for index, item in ipairs(items) do
        secrets[index] = secret_of(self, item)
    end
    return merge(said, {section = section, secrets = secrets, resource = self.resource,
                        run = self.run, created = self.created, name = self.name, uid = self.uid,
                        namespace = self.namespace, version = self.version})
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

--- open(kit, procedure, kind) -> reader {files, run, created, name, namespace, uid, version,
--- resource, settings}: the kit's generation, the old subsystem of that kind, and what is noted of
--- it; raises when it is not whole, was changed, or is of another procedure.
function kit_reader.open(kit, procedure, kind)
    local manifest, files = kit:read()
    must(manifest, files)
    local system = fields.map(manifest, "system")
    local self = setmetatable({url = kit.url, procedure = procedure, files = files,
                               run = manifest.run, created = tostring(manifest.created),
                               name = system.name, uid = system.uid,
                               namespace = tostring(system.namespace),
                               version = tostring(system.version)}, Reader)
    if manifest.procedure ~= procedure then
        self:refuse("it is a kit of " .. tostring(manifest.procedure) .. ", not of " .. procedure)
    elseif not apiconnect.parse_version(self.version) then
        self:refuse("it does not tell the version of the subsystem")
    end
    self.resource = self:object(kit_files.resource(kind))
    self.settings = self:object(kit_files.SETTINGS)
    self:agree("name", self.name, self.settings.name, dig(self.resource, "metadata", "name"))
    self:agree("uid", self.uid, self.settings.metadataUID)
    return self
end

return kit_reader
