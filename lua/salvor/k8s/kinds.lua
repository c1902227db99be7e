--- What a person means by a word such as `po`, `deployments.apps` or `apps/v1/Deployment`.
---
--- What was found stays for the life of the client; when a word means nothing, everything is asked
--- anew once, since CRDs come and go.
local fail = require("salvor.error").new

local kinds = {}
kinds.__index = kinds

function kinds.new(discovery)
    return setmetatable({discovery = discovery}, kinds)
end

local function contains(list, word)
    for _, item in ipairs(list) do
        if item:lower() == word then
            return true
        end
    end
    return false
end

local function is_name(record, word)
    return record.plural == word or record.singular == word or record.kind:lower() == word
end

local function is_short_name(record, word)
    return contains(record.short_names, word)
end

local function find(records, matches, word)
    for _, record in ipairs(records or {}) do
        if matches(record, word) then
            return record
        end
    end
    return nil
end

function kinds:find_in_version(word, group, version)
    local records, err = self.discovery:list(group, version)
    if not records then
        return nil, err
    end
    return find(records, is_name, word) or find(records, is_short_name, word)
end

function kinds:find_in_group(word, group)
    local versions, err = self.discovery:versions(group)
    if not versions then
        return nil, err
    end
    for _, version in ipairs(versions) do
        local record, problem = self:find_in_version(word, group, version)
        if record or problem then
            return record, problem
        end
    end
    return nil
end

--- A bare word, as kubectl decides: a full name anywhere goes before a short name, the core group
--- before the others, these in the server's order, in each the preferred version first. So a full
--- name in the core group needs no look at the others.
function kinds:find_anywhere(word)
    local core, err = self.discovery:list("", "v1")
    if not core then
        return nil, err
    end
    local record = find(core, is_name, word)
    if record then
        return record
    end
    local groups, problem = self.discovery:all()
    if not groups then
        return nil, problem
    end
    for _, matches in ipairs({is_name, is_short_name}) do
        for _, group in ipairs(groups) do
            for _, version in ipairs(group.versions) do
                record = find(self.discovery:known(group.name, version), matches, word)
                if record then
                    return record
                end
            end
        end
    end
    return nil
end

--- word.group or word.version.group
function kinds:find_qualified(word, rest)
    local version, group = rest:match("^(v%d%w*)%.?(.*)$")
    if version then
        local record, err = self:find_in_version(word, group, version)
        if record or err then
            return record, err
        end
    end
    return self:find_in_group(word, rest)
end

function kinds:find(text)
    local group, version, word = text:match("^([^/]+)/([^/]+)/([^/]+)$")
    if not group then
        group, version, word = "", text:match("^([^/]+)/([^/]+)$")
    end
    if word then
        return self:find_in_version(word:lower(), group, version)
    end
    local name, rest = text:match("^([^.]+)%.(.+)$")
    if name then
        return self:find_qualified(name:lower(), rest)
    end
    return self:find_anywhere(text:lower())
end

local function distance(a, b)
    local row = {}
    for j = 0, #b do
        row[j] = j
    end
    for i = 1, #a do
        local diagonal
        diagonal, row[0] = row[0], i
        for j = 1, #b do
            local cost = diagonal + (a:byte(i) == b:byte(j) and 0 or 1)
            diagonal, row[j] = row[j], math.min(cost, row[j] + 1, row[j - 1] + 1)
        end
    end
    return row[#b]
end

--- Names that a person may have meant, or which groups gave no answer.
function kinds:hint(text)
    local word, close, seen = text:lower():match("([^/.]+)$") or text:lower(), {}, {}
    word = text:find("/", 1, true) and word or text:lower():match("^[^.]+") or word
    for _, records in pairs(self.discovery.lists) do
        for _, record in ipairs(records) do
            local away = math.min(distance(word, record.plural), distance(word, record.singular))
            if away <= math.max(1, #word // 4) and not seen[record.plural] then
                seen[record.plural] = true
                close[#close + 1] = record.plural
            end
        end
    end
    table.sort(close)
    if close[1] then
        return "did you mean " .. table.concat(close, ", ", 1, math.min(#close, 5)) .. "?"
    elseif self.discovery.silent and self.discovery.silent[1] then
        return "these groups do not answer: " .. table.concat(self.discovery.silent, ", ")
    end
    return "c:kinds() lists what the cluster has"
end

--- The record of what `text` means, or nil and an error (NotFound when it means nothing here).
function kinds:resolve(text)
    local had_something = self.discovery:knows_something()
    local record, err = self:find(text)
    if not record and not err and had_something then
        self.discovery:forget()
        record, err = self:find(text)
    end
    if record or err then
        return record, err
    end
    self.discovery:all()
    return nil, fail({
        code = "NotFound",
        op = "k8s.kind",
        message = string.format("the server has no kind '%s'", text),
        hint = self:hint(text),
    })
end

--- The record of an object's own apiVersion and kind.
function kinds:resolve_object(object)
    return self:resolve(object.apiVersion .. "/" .. object.kind)
end

return kinds
