--- What can be told of a private key without opening it.
local digest = require("salvor.digest")

local key = {}

local PEM = "%-%-%-%-%-BEGIN ([%u ]*PRIVATE KEY)%-%-%-%-%-\r?\n(.-)%-%-%-%-%-END "
local OPENSSH = "openssh-key-v1\0"

--- The parts that are not encrypted (OpenSSH's PROTOCOL.key): cipher, kdf, its options, a count,
--- the public key.
local function look_at_openssh(body)
    local data = digest.unbase64((body:gsub("%s", "")))
    if not data or data:sub(1, #OPENSSH) ~= OPENSSH then
        return nil
    end
    local ok, cipher, _, _, _, public = pcall(string.unpack, ">s4s4s4I4s4", data, #OPENSSH + 1)
    if not ok then
        return nil
    end
    local typed, kind = pcall(string.unpack, ">s4", public)
    return {encrypted = cipher ~= "none", rsa = typed and kind == "ssh-rsa"}
end

--- look(text) -> {encrypted, rsa}, or nil and why it is no private key. `rsa` is nil where an
--- encrypted key does not tell.
function key.look(text)
    local label, body = text:match(PEM)
    if not label then
        if text:find("^PuTTY%-User%-Key%-File") then
            return nil, "it is a key of PuTTY's; convert it: puttygen KEY -O private-openssh"
        elseif text:find("^ssh%-") or text:find("^ecdsa%-") then
            return nil, "it is a public key; the private one is needed"
        end
        return nil, "it is not a private key (-----BEGIN ... PRIVATE KEY-----)"
    elseif label == "OPENSSH PRIVATE KEY" then
        local looked = look_at_openssh(body)
        if not looked then
            return nil, "it is damaged or cut short"
        end
        return looked
    end
    local encrypted = label:find("^ENCRYPTED") ~= nil
        or body:find("Proc-Type: 4,ENCRYPTED", 1, true) ~= nil
    local rsa = nil
    if label == "RSA PRIVATE KEY" then
        rsa = true
    elseif not encrypted then
        -- PKCS #8 names the algorithm: 1.2.840.113549.1.1.1
        local data = digest.unbase64((body:gsub("%s", ""))) or ""
        rsa = data:find("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01", 1, true) ~= nil
    end
    return {encrypted = encrypted, rsa = rsa}
end

return key
