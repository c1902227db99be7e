--- What discovery has learnt, on the disk: one file for each server, in a folder that only its
--- owner may use. Nothing depends on it: a file that is missing, damaged, written by another
--- version of Salvor or in another's hands costs that the server is asked.
---
---     salvor kinds FORMAT VERSION
---     TIME<TAB>COMPLETE<TAB>ETAG of /api<TAB>ETAG of /apis
---     the catalogue's text
---     end
local digest = require("salvor.digest")
local fs = require("salvor.fs")
local log = require("salvor.log")
local version = require("salvor").version

local FORMAT = "salvor kinds 1 " .. version
local LIFETIME = 6 * 60 * 60
local LIMIT = 64 << 20
local WRITABLE_BY_OTHERS = tonumber("022", 8)

local cache = {}
cache.__index = cache

--- The folder of a server. Two clusters that are reached through one address, such as the near end
--- of two tunnels, mostly have two names.
local function folder_of(base, server, cluster)
    local shown = server:gsub("^%a+://", ""):gsub("[^%w.-]+", "_"):sub(1, 80)
    local hash = digest.sha256(server .. "\0" .. (cluster or "")):sub(1, 16)
    return fs.join(base, "discovery", shown .. "-" .. hash)
end

--- base: the folder of Salvor's caches.
function cache.new(base, server, cluster)
    local folder = folder_of(base, server, cluster)
    return setmetatable({folder = folder, path = fs.join(folder, "kinds")}, cache)
end

local function note(what, path, why)
    log.debug("discovery cache: " .. what, {path = path, why = tostring(why)})
end

--- Whether nobody but us can have made it or can write to it; nil and why not.
local function is_ours(path, kind)
    local status, err = fs.stat(path, {follow = false})
    local own = fs.stat("/proc/self")
    if not status then
        return nil, err
    elseif status.type ~= kind then
        return nil, "is no " .. kind
    elseif not own or status.uid ~= own.uid then
        return nil, "belongs to another user"
    elseif status.mode & WRITABLE_BY_OTHERS ~= 0 then
        return nil, "others may write to it"
    end
    return true
end

local function parse(data)
    if data:sub(1, #FORMAT + 1) ~= FORMAT .. "\n" or data:sub(-5) ~= "\nend\n" then
        return nil
    end
    local time, complete, core_etag, etag, position =
        data:match("^(%d+)\t([01])\t([^\t\n]*)\t([^\t\n]*)()\n", #FORMAT + 2)
    if not time then
        return nil
    end
    local age = os.time() - tonumber(time)
    return {
        time = tonumber(time),
        complete = complete == "1",
        etags = core_etag ~= "" and etag ~= "" and {core_etag, etag} or nil,
        expired = age < 0 or age > LIFETIME,
        text = data:sub(position, -5),
    }
end

--- {time, complete, etags, expired, text}; nil when there is nothing to use. What has expired is
--- given only when the server can be asked whether it still holds.
function cache:load()
    local ok, why = is_ours(self.folder, "folder")
    if ok then
        ok, why = is_ours(self.path, "file")
    end
    local data
    if ok then
        data, why = fs.read(self.path, {limit = LIMIT})
    end
    local stored = data and parse(data)
    if not stored then
        note("not used", self.path, why or "damaged, or of another version")
        return nil
    end
    return (not stored.expired or stored.complete and stored.etags) and stored or nil
end

local function header_text(text)
    return text and not text:find("%c") and text or ""
end

--- Keeps a catalogue. One in which something did not answer is not complete: what that had would
--- be missed, or another group's kind be taken for it, for hours.
function cache:save(known)
    local etags = known.etags or {}
    local is_whole = known.complete and #known:silent() == 0
    local ok, err = fs.mkdir(self.folder, {parents = true})
    if ok then
        ok, err = is_ours(self.folder, "folder")
    end
    if ok then
        ok, err = fs.write(self.path, table.concat({
            FORMAT, "\n",
            string.format("%d\t%d\t%s\t%s", known.time, is_whole and 1 or 0,
                header_text(etags[1]), header_text(etags[2])),
            is_whole and known.text or known.text:gsub("\n![^\n]*", ""), "end\n",
        }))
    end
    if not ok then
        note("not written", self.path, err)
    end
end

return cache
