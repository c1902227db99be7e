--- What a back end of storage is.
---
--- A back end is a folder lua/salvor/store/<kind>/ whose open.lua returns
---
---     kind         "folder", "s3", "azure" or "sftp"
---     settings     options that may also stand in a URL's query: name -> type, as in salvor.check
---     credentials  options that may not, and `secret` if it takes a Kubernetes Secret (a table)
---     open(location, options) -> backend, or nil and an error
---
--- What those that speak HTTP have in common is in store/http/.
---
--- `location` is what store/url.lua makes of the URL; `options` are the query's and the caller's
--- (which win), checked against the two lists. A setting of type "number" or "boolean" is converted
--- when it comes from a query.
---
--- The backend that it returns is a table with the fields and methods below. A path is relative to
--- the store's root, its parts are separated by "/"; it was checked (path_problem). Every method
--- fails with nil and an error of store/errors.lua, and makes one attempt: what may be repeated
--- says so (err.retryable, err.details.retry_after in seconds), and store/retry.lua repeats. Bytes
--- travel in blocks (salvor.block), which belong to the caller and are his again when the call
--- returns.
---
---     kind       as above
---     url        of the root, for messages: without secrets, and without a "/" at the end
---     server     what tells the server from another one whose URLs are the same: its endpoint; nil
---                where the URL says it
---     features   {checksum = "md5"      items of list and stat have their md5 (where it is known)
---                 any_key = true        names like "a//b", "./x" are names like others
---                 refuses = function    why a path cannot be written there, or nil: one that the
---                                       service would take for another; write, begin and copy
---                                       to it are Invalid
---                 folders = true        folders are there by themselves, also empty ones
---                 modes = true          items have modes, and write and begin take them
---                 copies = true         has copy()
---                 part = {smallest=, largest=, count=, at_once=}}   bytes, bytes, at most so many
---                                       parts, and how many to send at the same time by default;
---                                       `in_order = true` in it: parts come one after the other
---
---     list(prefix, {delimiter = "/", after = token}) -> {items =, folders =, next = token}
---         One page of what lies below `prefix`, which is "" or ends in "/". Items come in the
---         order of the bytes of their whole paths, over all pages. Without delimiter everything
---         below, and `folders` is empty; with it one level, and the folders there ("a/b/")
---         likewise in order. A prefix where nothing lies gives an empty page, a bucket or root
---         folder that is not there NotFound.
---     stat(path) -> item            NotFound
---     read(path, block, {offset = 0, length = to the end, if_match = item}) -> item
---         Fills the block with at most `length` bytes from `offset`; fewer at the object's end and
---         none beyond it. TooLarge when they do not fit. Changed when the object is not that
---         of `if_match` any more. The item's size is the whole object's.
---     write(path, block, {if_absent, mode, modified, metadata}) -> item
---         The whole object in one step: whoever looks sees the old one or the new one.
---         `if_absent`: AlreadyExists when there is one. Folders above it are made.
---     begin(path, size, {part_size, fingerprint, if_absent, mode, modified, metadata}) -> upload
---         For what is larger. Nothing is under the final name until finish(). What an earlier
---         begin() with this path, size, part size and fingerprint has sent and was interrupted,
---         also by kill -9, is found again; the state is at the destination and nowhere else.
---         upload.part_size          may be another than asked for
---         upload:has(index, block) -> boolean   this part (from 1) is there with just these bytes
---         upload:recall(index, block) -> boolean   fills the block with the part when it is there,
---                                   whole by the upload's own record; so the source need not be
---                                   read again. Where that costs less than reading it; optional
---         upload:part(index, block) -> true     all parts but the last one have part_size bytes
---         upload:finish(md5) -> item            md5: hex, of the whole, where it is known
---         upload:abort()            removes what was sent, also after a failure; never raises
---         upload:close()            lets go and keeps what was sent; a <close> variable does this
---     remove(paths) -> {n = how many, failed = {{path =, err =}...}}
---         What is not there is no failure. With features.folders "a/" is a folder, which has to be
---         empty.
---     verifier(item) -> sum or false    Of an object whose checksum is known in another form than
---         md5 (a multipart ETag): {name = "etag", update = function(self, block), finish =
---         function(self) -> true, or nil and why not, or nil alone when nobody can tell}. The
---         blocks come in order, of any size; a digest takes pieces of them:
---         digest:update(block, offset, length). With `part_size` it also has add_part(self,
---         index, block), for parts of that size in any order, which is faster. Optional.
---     taken_time(item) -> seconds or nil    The time that write() or begin() was given, where the
---         item's own is another one. Optional.
---     copy(from, to, {item}) -> item    on the server, any size; only with features.copies
---     leftovers(prefix, {older_than, remove}) -> {{path, begun, removed}...}
---         Interrupted uploads of Salvor's that no list shows, begun more than `older_than` seconds
---         ago; with `remove` they go. Never those of others. Optional.
---     enter(folder)                 The root becomes that folder: for who has looked for an object
---         there and found a folder, where connecting takes long. Optional.
---     retention() -> {rules = {{id, prefix, does}...}, lock = text or nil}
---         What the service does to objects below the root by itself. Optional.
---     close()                       ends connections; a second call does nothing
---
--- An item is {path, size, modified (seconds since 1970), kind = "file", "link" or "folder", etag,
--- md5 (hex), version, mode, metadata}; those that the back end does not have are nil. An item of a
--- list may have md5_guessed: only stat tells whether its md5 is one (store/checksum.lua). A name
--- that ends in "/" and has no bytes is of kind "folder" (S3's console makes those).
local errors = require("salvor.store.errors")
local url = require("salvor.store.url")

local backend = {}

local METHODS = {"list", "stat", "read", "write", "begin", "remove", "close"}

--- Why `path` cannot be a name below a root, or nil. any_key: whatever is not empty can.
function backend.path_problem(path, any_key)
    if path == "" then
        return "a path is not empty"
    elseif path:find("\0", 1, true) then
        return "a path holds no zero byte"
    elseif any_key then
        return nil
    elseif path:sub(1, 1) == "/" then
        return "a path is relative to the store's root, so it does not begin with '/'"
    end
    for part in (path .. "/"):gmatch("([^/]*)/") do
        if part == "" then
            return "a path has no empty part ('//' or a '/' at its end)"
        elseif part == "." or part == ".." then
            return "a path has no part '" .. part .. "'"
        end
    end
end

--- The path when it can be a name in that back end, else nil and an error.
function backend.check_path(opened, path, op)
    local problem = backend.path_problem(path, opened.features.any_key)
    if not problem then
        return path
    end
    return errors.fail("Invalid", {url = url.join(opened.url, path), op = op, reason = problem})
end

--- Raises unless the table is a back end; returns it.
function backend.check(candidate)
    local function fault(what)
        error("not a back end: " .. what, 3)
    end
    if type(candidate) ~= "table" then
        fault(type(candidate))
    end
    for _, name in ipairs({"kind", "url"}) do
        if type(candidate[name]) ~= "string" then
            fault("no " .. name)
        end
    end
    if candidate.url:sub(-1) == "/" and candidate.url ~= "/" and candidate.url ~= "file:///" then
        fault("its url ends in '/'")
    end
    local features = candidate.features or fault("no features")
    for _, name in ipairs({"smallest", "largest", "count", "at_once"}) do
        if math.type((features.part or {})[name]) ~= "integer" then
            fault("no features.part." .. name)
        end
    end
    for _, name in ipairs(METHODS) do
        if type(candidate[name]) ~= "function" then
            fault("no method " .. name)
        end
    end
    if (candidate.copy ~= nil) ~= (features.copies == true) then
        fault("features.copies and the method copy belong together")
    end
    return candidate
end

return backend
