--- A back end that asks salvor.guard before it writes. What an upload does once it has begun, its
--- end included, is part of that write.
local guard = require("salvor.guard")
local url = require("salvor.store.url")

local guarded = {}

local function first(path)
    return path
end

-- By the methods that write: what they do, for people, and function(arguments...) -> the path that
-- they do it to, or nil when they do not.
local WRITES = {
    write = {"write", first},
    begin = {"upload", first},
    copy = {"copy to", function(_, to)
        return to
    end},
    remove = {"remove", function(paths)
        return paths[2] and string.format("%s and %d more", paths[1], #paths - 1) or paths[1]
    end},
    leftovers = {"remove interrupted uploads of", function(prefix, options)
        return options.remove and prefix or nil
    end},
}

local function guarding(backend, name, verb, path_of)
    return function(self, ...)
        local path = path_of(...)
        if path then
            local allowed, err = guard.check({op = "store." .. name, verb = verb,
                                              target = url.join(backend.url, path)})
            if not allowed then
                return nil, err
            end
        end
        return backend[name](self, ...)
    end
end

--- wrap(backend) -> the same with its writing methods guarded
function guarded.wrap(backend)
    local wrapped = {}
    for name, write in pairs(WRITES) do
        wrapped[name] = backend[name] and guarding(backend, name, write[1], write[2])
    end
    return setmetatable(wrapped, {__index = backend})
end

--- bare(backend) -> what was wrapped: for a file of this machine, where what is read is kept.
function guarded.bare(backend)
    return getmetatable(backend).__index
end

return guarded
