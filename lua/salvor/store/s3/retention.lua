--- What a bucket does to objects by itself: its lifecycle rules ("GetBucketLifecycleConfiguration")
--- and its lock ("GetObjectLockConfiguration" in the Amazon S3 API Reference).
local answer = require("salvor.store.s3.answer")
local common = require("salvor.store.http.answer")

local methods = {}

local OP = "store.retention"

--- What a server says that has no such configuration, or does not know of any.
local NONE = {NoSuchLifecycleConfiguration = true, ObjectLockConfigurationNotFoundError = true,
              NotImplemented = true}

--- The elements of a rule that take objects away or move them to where nobody can read them at
--- once, and how people call that. What was never finished is no backup.
local ACTIONS = {
    Expiration = "removes objects",
    NoncurrentVersionExpiration = "removes old versions of objects",
    Transition = "moves objects to another storage class",
    NoncurrentVersionTransition = "moves old versions of objects to another storage class",
}

local function table_of(value)
    return type(value) == "table" and value or {}
end

local function text_of(value)
    return type(value) == "string" and value or ""
end

--- The prefix that a rule is about: older rules have it in themselves.
local function prefix_of(rule)
    local filter = table_of(rule.Filter)
    return text_of(rule.Prefix) .. text_of(filter.Prefix) .. text_of(table_of(filter.And).Prefix)
end

--- Whether a name can begin with both.
local function overlap(one, other)
    local length = math.min(#one, #other)
    return one:sub(1, length) == other:sub(1, length)
end

--- The XML of a configuration; false where there is none.
local function configuration(self, name, lists)
    local got, err = self:_ask({op = OP, method = "GET", query = {[name] = ""}, xml = lists,
                                repeatable = true, expected = {[404] = true, [501] = true}})
    if not got then
        return nil, err
    elseif got.xml then
        return got.xml
    end
    local body = common.body(got)
    if NONE[common.text(body, "Code")] then
        return false
    end
    return answer.fail(self, got, self.url, OP, body)
end

local function rules_of(self, found)
    local rules = {}
    for _, rule in ipairs(table_of(found.Rule)) do
        local does = {}
        for element, words in pairs(ACTIONS) do
            does[#does + 1] = table_of(rule)[element] ~= nil and words or nil
        end
        table.sort(does)
        if does[1] and rule.Status == "Enabled" and overlap(prefix_of(rule), self._root) then
            rules[#rules + 1] = {id = text_of(rule.ID), prefix = prefix_of(rule),
                                 does = table.concat(does, " and ")}
        end
    end
    return rules
end

--- "30 Days, COMPLIANCE" of a lock that every new object gets; nil when none does.
local function lock_of(found)
    local default = table_of(table_of(table_of(found).Rule).DefaultRetention)
    local unit = default.Days and "Days" or default.Years and "Years"
    return unit and string.format("%s %s, %s", text_of(default[unit]), unit, text_of(default.Mode))
        or nil
end

--- retention() -> {rules = {{id, prefix, does}...}, lock = text or nil}, or nil and an error: what
--- concerns objects below the root.
function methods:retention()
    local lifecycle, err = configuration(self, "lifecycle", {"Rule"})
    if lifecycle == nil then
        return nil, err
    end
    local lock, problem = configuration(self, "object-lock", {})
    if lock == nil then
        return nil, problem
    end
    return {rules = rules_of(self, lifecycle or {}), lock = lock_of(lock)}
end

return methods
