--- What a procedure waits for, in words for plans and journals.
local salvor = require("salvor")
local selector = require("salvor.k8s.selector")

local waits = {}

local TIMEOUT = 30 -- seconds, what client:wait takes without one

--- " with app=db", of what selectors select. Misuse is for client:wait to refuse.
local function selected(options)
    local words = {}
    for _, text in ipairs({selector.label(options.label_selector) or "",
                           selector.field(options.field_selector) or ""}) do
        words[#words + 1] = text ~= "" and tostring(text) or nil
    end
    return words[1] and " with " .. table.concat(words, " and ") or ""
end

--- "pods a, b", or "pods with app=db"
local function target_of(kind, which, options)
    local names = {}
    for index, name in ipairs(type(which) == "table" and which or {which}) do
        names[index] = tostring(name)
    end
    return tostring(kind) .. (names[1] and " " .. table.concat(names, ", ") or selected(options))
end

local function wanted(options)
    if options.deleted then
        return "to be gone"
    elseif type(options.ready) == "string" then
        return "for " .. options.ready
    elseif type(options.ready) == "table" or type(options.ready) == "function" then
        return "for what the procedure asks of it"
    end
    return "to be ready"
end

--- describe(kind, which, options) -> {verb, target, wanted, timeout in seconds or nil: without end}
function waits.describe(kind, which, options)
    options = type(options) == "table" and options or {}
    local timeout = math.type(options.timeout) and options.timeout or TIMEOUT
    return {
        verb = "wait for",
        class = "wait",
        target = target_of(kind, which, options),
        wanted = wanted(options),
        timeout = timeout >= 0 and timeout or nil,
    }
end

--- The items of a wait_all as one.
function waits.describe_all(items, options)
    local targets, wants = salvor.list(), {}
    for index, item in ipairs(type(items) == "table" and items or {}) do
        item = type(item) == "table" and item or {}
        local one = waits.describe(item.kind, item.name, item)
        targets[index], wants[one.wanted] = one.target, true
    end
    local described = waits.describe("", nil, options)
    described.target = table.concat(targets, ", ")
    described.wanted = table.concat(salvor.keys(wants), ", ")
    return described
end

return waits
