--- A connection to an SFTP server whose requests the log tells of (salvor.sftp has what it can do).
local log = require("salvor.log")
local note = require("salvor.store.note")

--- Calls whose texts are paths.
local PATHS = {stat = true, path = true, remove = true, rmdir = true, mkdir = true, rename = true,
               replace = true, space = true, read = true, write = true, list = true}
--- Calls whose texts are not: a password may be among them.
local LOGIN = {connect = true, login = true}

local function outcome(result, err)
    return result and "ok" or err.code
end

--- What a request is about: the server, and its paths.
local function url_of(server, name, ...)
    local paths = {}
    for _, argument in ipairs(PATHS[name] and {...} or {}) do
        if type(argument) == "string" then
            paths[#paths + 1] = server .. (argument:sub(1, 1) == "/" and "" or "/~/") .. argument
        end
    end
    return #paths > 0 and table.concat(paths, " to ") or server
end

--- The method of that name, which tells the log.
local function noting(connection, server, name)
    return function(_, ...)
        local arguments = table.pack(...)
        return note.request(name, function()
            return url_of(server, name, table.unpack(arguments, 1, arguments.n))
        end, outcome, function()
            return connection[name](connection, table.unpack(arguments, 1, arguments.n))
        end)
    end
end

--- noted(connection, url): as it is where nobody wants to know.
return function(connection, url)
    if not log.enabled("debug") then
        return connection
    end
    local noted = {}
    for _, name in ipairs({"extensions", "is_broken", "close"}) do
        noted[name] = function()
            return connection[name](connection)
        end
    end
    local server = url:match("^sftp://[^/]*")
    for _, names in ipairs({PATHS, LOGIN}) do
        for name in pairs(names) do
            noted[name] = noting(connection, server, name)
        end
    end
    return noted
end
