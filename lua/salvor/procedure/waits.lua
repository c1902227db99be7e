--- What a procedure waits for, in words for plans and journals.
local salvor = require("salvor")
local selector = require("salvor.k8s.selector")

local waits = {}

local TIMEOUT = 30 -- seconds, what client:wait takes without one

--- " with app=db", of what selectors select
local function selected(item)
    local words = salvor.list()
    words[1] = selector.label(item.label_selector)
    words[#words + 1] = selector.field(item.field_selector)
    return words[1] and " with " .. table.concat(words, " and ") or ""
end

--- "pods a, b", or "pods with app=db"
local function target_of(item)
    return item.kind .. (item.names and " " .. table.concat(item.names, ", ") or selected(item))
end

--- describe(items, opts) -> {verb, class, target, wanted, timeout in seconds or nil: without end};
--- items and opts as client:_wait has them.
function waits.describe(items, opts)
    local targets, wanted = {}, {}
    for index, item in ipairs(items) do
        targets[index] = target_of(item)
        wanted[item.wants.is_custom and "for what the procedure asks of it"
            or item.wants.positive] = true
    end
    local timeout = opts.timeout or TIMEOUT
    return {
        verb = "wait for",
        class = "wait",
        target = table.concat(targets, ", "),
        wanted = table.concat(salvor.keys(wanted), ", "),
        timeout = timeout >= 0 and timeout or nil,
    }
end

return waits
