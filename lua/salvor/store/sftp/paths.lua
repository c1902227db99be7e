--- Paths and items of an SFTP store, and what its errors mean.
local fs = require("salvor.fs")
local url = require("salvor.store.url")

local methods = {}

--- The path as the server is told; "" is the store's root.
function methods:_path(path)
    if path == "" then
        return self._root == "" and "." or self._root
    elseif self._root == "" or self._root == "/" then
        return self._root .. path
    end
    return self._root .. "/" .. path
end

function methods:_url(path)
    return url.join(self.url, path)
end

--- The root becomes that folder.
function methods:enter(folder)
    self._root = self:_path(folder)
    self.url = url.join(self.url, url.escape(folder))
end

--- The server's path of a temporary file beside `path` (store/temporary.lua); `id` is hexadecimal.
function methods:_temporary(path, id)
    local folder = path:match("^(.*/)[^/]*$") or ""
    return self:_path(folder .. ".salvor-" .. id .. ".tmp")
end

function methods._item(path, attrs)
    return {path = path, size = attrs.size or 0, modified = attrs.modified, mode = attrs.mode,
            kind = attrs.kind or "file",
            etag = string.format("%x-%x", attrs.size or 0, attrs.modified or 0)}
end

--- The version 3 of SFTP has one word for nearly everything: "Failure". Looks for what an error of
--- salvor.sftp's means, as long as what has led to it is still there.
function methods:_explained(call, err, connection)
    if err.code ~= "IO" then
        return err
    end
    local path = self:_path(call.path)
    local attrs = connection:stat(path)
    if attrs and attrs.kind == "folder" then
        return {code = "Invalid", message = "it is a folder"}
    elseif call.writes and connection:extensions().statvfs then
        local space = connection:space(fs.dirname(path))
        if space and space < 4096 then
            return {code = "NoSpace", message = "",
                    hint = "free some space on the server's file system"}
        end
    end
    return err
end

--- Makes the folders above a path of the server's. nil and an error where that is not allowed; what
--- else is wrong with them is found out by whoever uses them.
local function make_folders(connection, path)
    local folder = fs.dirname(path)
    if folder == "." or folder == "/" then
        return true
    end
    local made, err = connection:mkdir(folder, 448) -- 0700
    if not made and err.code == "NotFound" then
        made, err = make_folders(connection, folder)
        if made then
            made, err = connection:mkdir(folder, 448)
        end
    end
    if not made and err.code == "Forbidden" then
        return nil, err
    end
    return true
end

--- attempt() once more, when its folder was missing, after that was made.
function methods._with_folders(connection, path, attempt)
    local value, err = attempt()
    if value or err.code ~= "NotFound" then
        return value, err
    end
    local made
    made, err = make_folders(connection, path)
    if not made then
        return nil, err
    end
    return attempt()
end

return methods
