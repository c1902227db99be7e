--- The secrets that an API Connect v10 subsystem needs in a recovery, by their role: the field of
--- its resource that names them.
local dig = require("salvor").dig

local secrets = {
    ENCRYPTION = "encryptionSecret",
}

local function has(object, key)
    return (dig(object, "data", key) or "") ~= ""
end

--- What a role lacks in an object: keys(names...) where one of these keys is enough.
function secrets.keys(...)
    local names = {...}
    return function(object)
        for _, name in ipairs(names) do
            if has(object, name) then
                return nil
            end
        end
        return "no key " .. table.concat(names, " or ")
    end
end

--- Who logs in at an SFTP server, by a password or a key.
function secrets.login(object)
    local complete = has(object, "username")
        and (has(object, "password") or has(object, "ssh-privatekey"))
    return not complete and "not the keys username and password (or ssh-privatekey)" or nil
end

--- pair("key", "keysecret"): both are there.
function secrets.pair(one, other)
    return function(object)
        local complete = has(object, one) and has(object, other)
        return not complete and "not the keys " .. one .. " and " .. other or nil
    end
end

--- item(kind, role, name, missing) -> {role, secret (its name), missing}, or {role, problem, hint}
--- where the resource of that kind does not name it. missing(secret) -> what the secret lacks of
--- what a recovery reads from it ("no key credential.json"), or nil. An empty value is none.
function secrets.item(kind, role, name, missing)
    if type(name) ~= "string" or name == "" then
        return {
            role = role,
            problem = "the status of the " .. kind .. " names no " .. role,
            hint = "the operator sets it when the installation is complete",
        }
    elseif not name:match("^[%l%d][%l%d.-]*$") then
        -- It becomes the name of a file, too.
        return {
            role = role,
            problem = role .. " of the " .. kind .. " is no secret's name: " .. name,
            hint = "it should name a Secret of its namespace: find out who has changed it",
        }
    end
    return {role = role, secret = name, missing = missing}
end

--- Adds an item when the field is set; that it must be is a matter of the backup's settings.
local function add_if_set(items, kind, role, name, missing)
    if type(name) == "string" and name ~= "" then
        items[#items + 1] = secrets.item(kind, role, name, missing)
    end
end

--- add_backup(items, kind, field, settings, bucket_keys): adds the items of the place of the
--- backups, which that field of the resource describes (`settings`). bucket_keys(secret) -> what
--- the credentials of a bucket lack.
function secrets.add_backup(items, kind, field, settings, bucket_keys)
    add_if_set(items, kind, field .. ".credentials", settings.credentials,
        settings.protocol == "objstore" and bucket_keys or secrets.login)
    add_if_set(items, kind, field .. ".backupCerts", settings.backupCerts, secrets.keys("ca.crt"))
end

--- Sorts the items by role, and returns them.
function secrets.sorted(items)
    table.sort(items, function(a, b)
        return a.role < b.role
    end)
    return items
end

return secrets
