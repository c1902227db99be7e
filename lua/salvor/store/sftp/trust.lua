--- Whether the server is the one that is meant.
local known_hosts = require("salvor.ssh.known_hosts")

local trust = {}

-- Best first; the order of OpenSSH, so that both are shown the same key.
local KINDS = {"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
               "rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"}

-- Each of these is a way to sign with a key of type ssh-rsa.
local SIGNATURES = {["ssh-rsa"] = {"rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"}}

--- What to ask the server for: the types of the keys that are known first, so that a server with
--- several keys shows the one that is known.
function trust.order(kinds)
    local order, seen = {}, {}
    local function add(kind)
        if not seen[kind] then
            seen[kind] = true
            order[#order + 1] = kind
        end
    end
    for _, kind in ipairs(kinds) do
        for _, signature in ipairs(SIGNATURES[kind] or {kind}) do
            add(signature)
        end
    end
    for _, kind in ipairs(KINDS) do
        add(kind)
    end
    return table.concat(order, ",")
end

--- For a pinned key of unknown type: the orders to try, one after the other.
function trust.orders_of_pin()
    return {trust.order({}), "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
            "rsa-sha2-512,rsa-sha2-256,ssh-rsa"}
end

local function show(key)
    return known_hosts.kind_of(key) .. " " .. known_hosts.fingerprint(key)
end

local COMPARE = "compare the fingerprint with the server's own (ssh-keygen -lf "
    .. "/etc/ssh/ssh_host_..._key.pub there); if it is the same, "

local function untrusted(reason, hint)
    return nil, {code = "Untrusted", message = reason, hint = hint}
end

local function pin(key)
    return string.format('give host_key="%s"', known_hosts.fingerprint(key))
end

-- Reason and hint for each verdict of known_hosts.check().
local REASONS = {}

function REASONS.revoked(name, key, entry)
    return string.format("the host key of %s is revoked: %s, says %s", name, show(key),
            entry.where),
        "somebody else may have this key: do not connect until the server has another one"
end

function REASONS.changed(name, key, entry)
    return string.format("the host key of %s has changed: it shows %s, but %s has another key",
            name, show(key), entry.where),
        "somebody may be in between, or the server was made anew; " .. COMPARE
            .. "replace that line of known_hosts, or " .. pin(key)
end

function REASONS.other(name, key, entry)
    return string.format("the host key of %s is not known: it shows %s, but %s has one of type %s",
            name, show(key), entry.where, entry.kind),
        COMPARE .. "add it to known_hosts, or " .. pin(key)
end

function REASONS.authority(name, key, entry)
    return string.format("%s is known by a certificate authority (%s), which is not supported; "
            .. "it shows %s", name, entry.where, show(key)),
        COMPARE .. pin(key)
end

function REASONS.unknown(name, key)
    return string.format("the host key of %s is not known: %s", name, show(key)),
        COMPARE .. pin(key) .. " or add the key to known_hosts"
end

--- check(entries, host, port, key, pinned) -> true, or nil and {code, message, hint}. `pinned`: a
--- fingerprint that is accepted in the place of what is known, but not when it is revoked.
function trust.check(entries, host, port, key, pinned)
    local name = known_hosts.name(host, port)
    local verdict, entry = known_hosts.check(entries, host, port, key)
    if pinned and verdict ~= "revoked" then
        if known_hosts.fingerprint(key) == pinned then
            return true
        end
        return untrusted(string.format("the host key of %s is %s and not %s, which was given",
            name, show(key), pinned), "somebody may be in between, or the server was made anew")
    elseif verdict == "known" then
        return true
    end
    return untrusted(REASONS[verdict](name, key, entry))
end

return trust
