--- What is the same in finding out who we are for any store over HTTP.
local digest = require("salvor.digest")
local errors = require("salvor.store.errors")
local mask = require("salvor.secret")

local credentials = {}

--- A provider of what never changes; `secrets`: the texts in it to be masked until close().
function credentials.fixed(value, secrets, source)
    local hidden = {}
    for _, text in ipairs(secrets) do
        mask.add(text)
        hidden[#hidden + 1] = text
    end
    return {
        source = source,
        get = function() return value end,
        renew = function() return nil end,
        close = function()
            while #hidden > 0 do
                mask.remove(table.remove(hidden))
            end
        end,
    }
end

--- The error of credentials that cannot be right. `service`: its name, for messages.
function credentials.invalid(service, reason, hint)
    return errors.fail("Invalid", {url = "credentials of " .. service, op = "store.open",
                                   reason = reason, hint = hint})
end

--- The error when there are none. `looked`: the places.
function credentials.nothing_found(service, looked, hint)
    return errors.fail("Unauthorized", {
        url = "credentials of " .. service,
        op = "store.open",
        reason = "none found; looked for in " .. table.concat(looked, "; "),
        hint = hint,
    })
end

--- A value of a Kubernetes Secret without the line end that `echo | base64` leaves; nil when there
--- is nothing in it.
function credentials.value_of(secret, name)
    local text = (secret.stringData or {})[name]
    if type(text) ~= "string" then
        text = (secret.data or {})[name]
        text = type(text) == "string" and digest.unbase64(text) or nil
    end
    text = text and text:gsub("[\r\n]+$", "")
    return text ~= "" and text or nil
end

--- The names that a Kubernetes Secret has values under, for messages.
function credentials.names_in(secret)
    local found = {}
    for _, part in ipairs({secret.data or {}, secret.stringData or {}}) do
        for name in pairs(part) do
            found[#found + 1] = tostring(name)
        end
    end
    table.sort(found)
    return table.concat(found, ", ")
end

return credentials
