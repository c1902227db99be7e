--- Whether a server's key is the one that is known for it: files as in sshd(8), SSH_KNOWN_HOSTS
--- FILE FORMAT, with hashed names, ports and the marker @revoked.
local digest = require("salvor.digest")
local fs = require("salvor.fs")
local match = require("salvor.ssh.match")

local known_hosts = {}

local FILE_LIMIT = 16 << 20

local HASH_BLOCK = 64 -- bytes that SHA-1 takes at once

local function from_hex(hex)
    return (hex:gsub("%x%x", function(pair)
        return string.char(tonumber(pair, 16))
    end))
end

--- HMAC-SHA1 (RFC 2104), which is what hashes names.
local function hmac_sha1(key, text)
    key = key .. ("\0"):rep(HASH_BLOCK - #key)
    local function masked(byte)
        return (key:gsub(".", function(char)
            return string.char(char:byte() ~ byte)
        end))
    end
    return from_hex(digest.sha1(masked(0x5c) .. from_hex(digest.sha1(masked(0x36) .. text))))
end

local function is_hash_of(hash, name)
    local salt, sum = hash:match("^|1|([^|]+)|([^|]+)$")
    salt, sum = salt and digest.unbase64(salt), sum and digest.unbase64(sum)
    return salt and sum and #salt <= HASH_BLOCK and hmac_sha1(salt, name) == sum
end

local function fits(names, name)
    if names:sub(1, 1) == "|" then
        return is_hash_of(names, name)
    end
    local patterns = {}
    for pattern in names:gmatch("[^,]+") do
        patterns[#patterns + 1] = pattern
    end
    return match.any(name, patterns)
end

--- [@marker] names type key [comment]
local function parse_line(line)
    local marker, rest = line:match("^%s*(@[%w-]+)%s+(.*)$")
    local names, kind, key = (rest or line):match("^%s*([^%s#]%S*)%s+([%w@.-]+)%s+(%S+)")
    if not names or #line > 16384 then
        return nil
    end
    return {marker = marker, names = names, kind = kind, key = key}
end

--- read(text, where, entries): adds the entries of a file's text; `where` is its name for messages.
local function read(text, where, entries)
    local number = 0
    for line in (text .. "\n"):gmatch("([^\n]*)\n") do
        number = number + 1
        local entry = parse_line((line:gsub("\r$", "")))
        if entry then
            entry.where = where .. ":" .. number
            entries[#entries + 1] = entry
        end
    end
end

--- load(files, text) -> entries of the files that are there, and of a text (of a Secret), or nil
--- and an error.
function known_hosts.load(files, text)
    local entries = {}
    if text then
        read(text, "known_hosts of the Secret", entries)
    end
    for _, path in ipairs(files) do
        local content, err = fs.read(path, {limit = FILE_LIMIT})
        if content then
            read(content, path, entries)
        elseif err.code ~= "NotFound" then
            return nil, err
        end
    end
    return entries
end

--- "host" or, on another port than 22, "[host]:port"
function known_hosts.name(host, port)
    host = host:lower()
    return port == 22 and host or string.format("[%s]:%d", host, port)
end

--- The entries for a host. One without a port serves for all of the host's ports, but only to say
--- that a key is known.
local function entries_of(entries, host, port)
    local found = {}
    local name, plain = known_hosts.name(host, port), host:lower()
    for _, entry in ipairs(entries) do
        if fits(entry.names, name) then
            found[#found + 1] = {entry = entry, exact = true}
        elseif port ~= 22 and fits(entry.names, plain) then
            found[#found + 1] = {entry = entry, exact = false}
        end
    end
    return found
end

--- The key's type: the first string in it.
function known_hosts.kind_of(key)
    return #key > 4 and string.unpack(">s4", key .. ("\0"):rep(64)) or ""
end

function known_hosts.fingerprint(key)
    return "SHA256:" .. digest.base64(from_hex(digest.sha256(key))):gsub("=+$", "")
end

--- kinds(entries, host, port) -> the types of keys that are known for the host, in the files' order
function known_hosts.kinds(entries, host, port)
    local kinds, seen = {}, {}
    for _, found in ipairs(entries_of(entries, host, port)) do
        local kind = found.entry.kind
        if not found.entry.marker and not seen[kind] then
            seen[kind] = true
            kinds[#kinds + 1] = kind
        end
    end
    return kinds
end

--- check(entries, host, port, key) -> verdict, entry. The verdict is "known"; "revoked", "changed"
--- (another key of this type is known), "other" (only keys of other types are), "authority" (the
--- host is known by a certificate authority alone), each with the entry that says so; or "unknown".
function known_hosts.check(entries, host, port, key)
    local text, kind = digest.base64(key), known_hosts.kind_of(key)
    local known, changed, other, authority
    for _, found in ipairs(entries_of(entries, host, port)) do
        local entry = found.entry
        local same = entry.key == text
        if entry.marker == "@revoked" then
            if same then
                return "revoked", entry
            end
        elseif entry.marker == "@cert-authority" then
            authority = authority or entry
        elseif same then
            known = known or entry
        elseif found.exact and not entry.marker then
            if entry.kind == kind then
                changed = changed or entry
            else
                other = other or entry
            end
        end
    end
    if known then
        return "known", known
    elseif changed then
        return "changed", changed
    elseif other then
        return "other", other
    elseif authority then
        return "authority", authority
    end
    return "unknown"
end

return known_hosts
