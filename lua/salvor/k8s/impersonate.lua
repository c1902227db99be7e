--- The `impersonate` option of k8s.connect: as whom to act, as kubectl's --as, --as-uid, --as-group
--- and --as-user-extra. Misuse raises at the line that called k8s.connect.
local salvor = require("salvor")

local WHAT = "k8s.connect: impersonate"
-- Frames between error() and the script: a helper here, `read` and k8s.connect.
local SCRIPT = 4

local impersonate = {
    options = {user = "string", uid = "string", groups = "table", extra = "table"},
}

local function copy_texts(list, what)
    local copy = {}
    if type(list) ~= "table" then
        error(what .. " must be a list of strings, got " .. type(list), SCRIPT)
    end
    for index, text in ipairs(list) do
        copy[index] = text
    end
    for key, text in pairs(list) do
        if copy[key] == nil or type(text) ~= "string" then
            error(what .. " must be a list of strings", SCRIPT)
        end
    end
    return salvor.list(copy)
end

--- who: {user, uid, groups, extra}, its options checked -> the same as the mechanism wants it.
function impersonate.read(who)
    if not who.user then
        error(WHAT .. ": option 'user' is missing", SCRIPT - 1)
    end
    local extra = {}
    for key, values in pairs(who.extra or {}) do
        if type(key) ~= "string" or key == "" then
            error(WHAT .. ": the keys of 'extra' must be strings", SCRIPT - 1)
        end
        extra[key] = copy_texts(values, WHAT .. ": option 'extra." .. key .. "'")
    end
    return {
        user = who.user,
        uid = who.uid,
        groups = copy_texts(who.groups or {}, WHAT .. ": option 'groups'"),
        extra = extra,
    }
end

return impersonate
