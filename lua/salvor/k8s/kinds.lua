--- What a person means by a word such as `po`, `deployments.apps` or `apps/v1/Deployment`.
---
--- What was found stays for the life of the client. When a word means nothing, or the server does
--- not know the path of a kind, everything is asked anew once, since CRDs come and go.
local fail = require("salvor.error").new
local fields = require("salvor.k8s.fields")
local suggest = require("salvor.suggest")
local task = require("salvor.task")

local kinds = {}
kinds.__index = kinds

function kinds.new(discovery)
    return setmetatable({discovery = discovery, found = {}, renewed = {}}, kinds)
end

function kinds:find_in_version(word, group, version)
    local ok, err = self.discovery:learn_version(group, version)
    if not ok then
        return nil, err
    end
    return self.discovery:known():find_in(word, group, version)
end

local function does_not_answer(err)
    return err ~= nil and err.code == "ServiceUnavailable"
end

--- A version that does not answer is passed over when another one has the kind.
function kinds:find_in_group(word, group)
    local versions, err = self.discovery:versions(group)
    if not versions then
        return nil, err
    end
    local silence
    for _, version in ipairs(versions) do
        local record, problem = self:find_in_version(word, group, version)
        if record or problem and not does_not_answer(problem) then
            return record, problem
        end
        silence = silence or problem
    end
    return nil, silence
end

--- A bare word, as kubectl decides: a full name anywhere goes before a short name, the core group
--- before the others, these in the server's order, in each the preferred version first. So a full
--- name in the core group needs no look at the others.
function kinds:find_anywhere(word)
    local ok, err = self.discovery:learn_version("", "v1")
    if not ok then
        return nil, err
    end
    local record = self.discovery:known():find_full(word, "", "v1")
    if record then
        return record
    end
    ok, err = self.discovery:learn_all()
    if not ok then
        return nil, err
    end
    return self.discovery:known():find(word)
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
    -- What cannot be a kind must not become part of a request's path.
    if not text:find("^[%w._/-]+$") or text:find("..", 1, true) then
        return nil
    end
    local ok, err = self.discovery:prepare()
    if not ok then
        return nil, err
    end
    local group, version, word = text:match("^([^/]+)/([^/]+)/([^/]+)$")
    if not group then
        group, version, word = "", text:match("^([^/]+)/([^/]+)$")
    end
    if word then
        return self:find_in_version(word:lower(), group, version)
    end
    local name, rest = text:match("^([^./]+)%.([^/]+)$")
    if name then
        return self:find_qualified(name:lower(), rest)
    end
    return self:find_anywhere(text:lower())
end

--- The plurals that look like the word.
local function similar(word, records)
    local close, seen, limit = {}, {}, math.max(1, #word // 4)
    for _, record in ipairs(records) do
        for _, name in ipairs({record.plural, record.singular}) do
            if not seen[record.plural] and math.abs(#word - #name) <= limit
                and suggest.distance(word, name) <= limit then
                seen[record.plural] = true
                close[#close + 1] = record.plural
            end
        end
    end
    table.sort(close)
    return close
end

--- Names that a person may have meant, and which groups gave no answer.
function kinds:hint(text)
    local word = text:lower():match("^[^/.]+") or ""
    if text:find("/", 1, true) then
        word = text:lower():match("([^/.]+)$") or word
    end
    local known, hints = self.discovery:known(), {}
    local close, silent = similar(word:sub(1, 64), known:records()), known:silent()
    if close[1] then
        hints[1] = "did you mean " .. table.concat(close, ", ", 1, math.min(#close, 5)) .. "?"
    end
    if silent[1] then
        hints[#hints + 1] = "these groups do not answer: " .. table.concat(silent, ", ")
    end
    return hints[1] and table.concat(hints, "; ") or "c:kinds() lists what the cluster has"
end

local function no_such_kind(self, text)
    self.discovery:learn_all()
    return fail({
        code = "NotFound",
        op = "k8s.kind",
        message = string.format("the server has no kind '%s'", text:sub(1, 200)),
        hint = self:hint(text),
    })
end

--- Forgets what is known; what was whole is asked for as a whole again.
function kinds:refresh()
    local was_complete = self.discovery:known().complete
    self.found = {}
    self.discovery:forget()
    if was_complete then
        self.discovery:learn_all() -- its failure is met again by whoever looks something up
    end
end

--- The record of what `text` means, or nil and an error (NotFound when it means nothing here).
function kinds:resolve(text)
    if self.found[text] then
        return self.found[text]
    end
    return self:ask(text)
end

--- The same within so many seconds: what has to be asked first counts towards a call's time limit.
function kinds:resolve_within(seconds, text)
    if self.found[text] then
        return self.found[text]
    elseif self.discovery.client.may_ask then
        -- A person who logs in has all the time; each request then has discovery's own limit.
        return self:ask(text)
    end
    local record, err = task.timeout(seconds, function()
        return self:ask(text)
    end)
    if not record and err.op == "task.timeout" then
        err = fail({
            code = "Timeout",
            op = "k8s.kind",
            message = string.format("the server did not say within %.3g s what '%s' is", seconds,
                text:sub(1, 200)),
            hint = "does the server answer at all? Its discovery (/api, /apis) does not",
            retryable = true,
        })
    end
    return record, err
end

function kinds:ask(text)
    local had_something = self.discovery:knows_something()
    local record, err = self:find(text)
    if not record and had_something and (not err or does_not_answer(err)) then
        self:refresh()
        record, err = self:find(text)
    end
    if record then
        self.found[text] = record
    end
    return record, not record and (err or no_such_kind(self, text)) or nil
end

--- Whether that error says that there is nothing at the path of a kind, and not merely no such
--- object: what is known of the kind is out of date.
local function is_path_unknown(err)
    return err.status == 404 and not fields.map(err, "details").name
end

--- The record in the place of one whose path the server does not know (any more): asked for anew,
--- once. nil when that is not what the error says, or when it is the same as before.
function kinds:renew(old, err)
    if not old or not is_path_unknown(err) then
        return nil
    end
    local path = old.api_version .. "/" .. old.plural
    if self.renewed[path] == nil then
        self:refresh()
        local new = self:resolve(old.group == "" and "v1/" .. old.kind
            or old.plural .. "." .. old.group)
        local is_new = new and (new.api_version ~= old.api_version or new.plural ~= old.plural
            or new.namespaced ~= old.namespaced)
        self.renewed[path] = is_new and new or false
    end
    return self.renewed[path] or nil
end

--- The record of an object's own apiVersion and kind, within so many seconds.
function kinds:resolve_object(seconds, object)
    return self:resolve_within(seconds, object.apiVersion .. "/" .. object.kind)
end

return kinds
