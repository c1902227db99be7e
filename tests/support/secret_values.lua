--- The secret values that no output may hold: those of a namespace's Secrets.
---
---     local values = secret_values.of(client)
---     secret_values.expect_none(values, "standard output", result.stdout)
local digest = require("salvor.digest")

local secret_values = {}

local MIN_LENGTH = 8 -- shorter ones stand in other texts by chance
local PART = 16

--- Names are no secrets, neither are certificates; "looks-…" are plain words and numbers.
local function is_secret(key, value)
    return key ~= "username" and not key:find("^looks") and not value:find("^%-%-%-%-%-BEGIN CERT")
end

--- Adds the text, and its parts, since logs wrap and cut.
local function add(values, text)
    if #text >= MIN_LENGTH then
        values[text] = true
    end
    for first = 1, #text - PART, PART do
        values[text:sub(first, first + PART - 1)] = true
    end
end

--- of(client, texts) -> the set of what stands for any value of its namespace's Secrets, and for
--- these texts: raw, in base64, and in parts of both
function secret_values.of(client, texts)
    local values = {}
    for _, secret in ipairs(must(client:list("secrets"))) do
        for key, encoded in pairs(secret.data or {}) do
            local value = must(digest.unbase64(encoded))
            if is_secret(key, value) then
                add(values, value)
                add(values, encoded)
            end
        end
    end
    for _, text in ipairs(texts or {}) do
        add(values, text)
        add(values, digest.base64(text))
    end
    return values
end

--- One of the values that the text holds, or nil.
function secret_values.find(values, text)
    for value in pairs(values) do
        if text:find(value, 1, true) then
            return value
        end
    end
    return nil
end

--- Raises when the text, of which `what` says where it is from, holds one of them.
function secret_values.expect_none(values, what, text)
    if secret_values.find(values, text) then
        error(what .. " holds a secret value:\n" .. text, 2)
    end
end

return secret_values
