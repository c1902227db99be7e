--- What a plan and a run do alike to the objects of a cluster: how they call them, whose they are,
--- and that no text shows what a Secret holds.
local copy = require("salvor.copy")
local digest = require("salvor.digest")
local secret = require("salvor.secret")

local objects = {}

--- The label that says which run has created an object.
objects.RUN_LABEL = "salvor-run"

-- Bytes; a shorter value is too likely to be a common word.
local SHORTEST_SECRET = 8

--- The write with the run's label on what it creates.
function objects.labelled(write, run)
    local body = copy.deep(write.body)
    body.metadata.labels = body.metadata.labels or {}
    body.metadata.labels[objects.RUN_LABEL] = run
    return copy.merge(write, {body = body})
end

-- User names are no secrets, and common words among them would blot out half of every message.
local USER_NAME = {user = true, username = true, ["user-name"] = true, user_name = true}

--- What Secrets hold must not appear in any text from here on, whoever writes it.
function objects.register_secrets(object)
    if object.kind ~= "Secret" then
        return
    end
    for _, field in ipairs({"data", "stringData"}) do
        for key, text in pairs(type(object[field]) == "table" and object[field] or {}) do
            local plain = type(text) == "string" and not USER_NAME[key:lower()]
                and (field == "stringData" and text or digest.unbase64(text))
            if plain and #plain >= SHORTEST_SECRET then
                secret.add(plain)
            end
        end
    end
end

--- The same for what is about to be written; a patch does not say what it is of.
function objects.register_written(write)
    if write.resource.kind == "Secret" and write.body then
        objects.register_secrets(copy.merge(write.body, {kind = "Secret"}))
    end
end

--- connection:_read, after which what Secrets hold is registered.
function objects.read(connection, read)
    local found, err = connection:_read(read)
    if found then
        objects.register_secrets(found)
        for _, item in ipairs(found.items or {}) do
            objects.register_secrets(item)
        end
    end
    return found, err
end

return objects
