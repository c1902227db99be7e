--- Folders as stores: file:///path or a bare path.
local errors = require("salvor.store.errors")
local fs = require("salvor.fs")
local merge = require("salvor.copy").merge
local native = require("salvor.local")
local temporary = require("salvor.store.temporary")
local url = require("salvor.store.url")

local PATIENCE = 1 -- seconds that a writer who was given up may need to end
local PART, SMALLEST, LARGEST = 8 << 20, 1 << 16, 1 << 30 -- bytes

local methods = merge(
    require("salvor.store.folder.list"),
    require("salvor.store.folder.stat"),
    require("salvor.store.folder.read"),
    require("salvor.store.folder.write"),
    (require("salvor.store.folder.remove")))

--- The folder itself, opened when it is first needed; a writer makes it.
function methods:_open(op, make)
    if not self._native then
        local opened, err = native.open(self._path, make or false)
        if not opened then
            return self:_failed(op, err)
        end
        if self._native then
            opened:close() -- another task was faster
        else
            self._native = opened
        end
    end
    return self._native
end

--- What the error's code says already.
local SAID_BY_CODE = {["File exists"] = true, ["No such file or directory"] = true,
                      ["No space left on device"] = true, ["Permission denied"] = true,
                      ["it is another file by now"] = true,
                      ["somebody else is writing it"] = true}
local HINTS = {NoSpace = "free some space on its file system"}

--- nil and the store's error of call `op` for one of salvor.local about `path` (nil: the root).
function methods:_failed(op, err, path)
    return errors.wrap(err, {
        url = self:_url(path or ""),
        op = op,
        reason = SAID_BY_CODE[err.message] and "" or err.message,
        hint = HINTS[err.code],
    })
end

function methods:_url(path)
    return url.join(self.url, path)
end

function methods:close()
    if self._native then
        self._native:close()
    end
end

return {
    kind = "folder",
    settings = {part_size = "number"},
    credentials = {},

    open = function(location, options)
        local part_size = options.part_size
        if location.host ~= "" and location.host ~= "localhost" then
            return errors.fail("Invalid", {url = location.text, op = "store.open",
                reason = "a file is on this machine, not on '" .. location.host .. "'",
                hint = "a path from the root has three slashes: file:///path"})
        elseif location.path == "" then
            return errors.fail("Invalid", {url = location.text, op = "store.open",
                                           reason = "it has no path"})
        elseif part_size and (math.type(part_size) ~= "integer" or part_size < SMALLEST
            or part_size > LARGEST) then
            return errors.fail("Invalid", {url = location.text, op = "store.open",
                reason = string.format("part_size is from %d to %d bytes", SMALLEST, LARGEST)})
        end
        local path, err = fs.absolute(location.path)
        if not path then
            return errors.wrap(err, {url = location.text, op = "store.open"})
        end
        return setmetatable({
            kind = "folder",
            url = (location.bare and "" or "file://") .. path,
            features = {
                folders = true,
                modes = true,
                refuses = temporary.refuses,
                part = {smallest = SMALLEST, largest = LARGEST, count = 1 << 31, at_once = 4,
                        default = part_size or PART},
            },
            _path = path,
            _patience = PATIENCE,
        }, {__index = methods})
    end,
}
