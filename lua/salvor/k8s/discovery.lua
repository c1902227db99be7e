--- Which kinds a cluster has: two requests on servers with aggregated discovery (KEP-3352), one
--- for each group version on older ones. Only what is needed is asked for; what was learnt is kept,
--- here and on the disk (lua/salvor/k8s/discovery_cache.lua), as a catalogue.
local catalogue = require("salvor.k8s.catalogue")
local fail = require("salvor.error").new
local task = require("salvor.task")

-- Between looks at what another task asks for.
local PAUSE = 0.005

local discovery = {}
discovery.__index = discovery

--- Loaded when something has to be asked, since mostly everything is known.
local function ask()
    return require("salvor.k8s.discovery_ask")
end

--- cache: as discovery_cache.new() gives it, or nil.
function discovery.new(client, cache)
    return setmetatable({client = client, cache = cache, under_way = {}}, discovery)
end

--- What `learn` returns. Tasks that need the same at a time ask for it once: the others wait for
--- the first one, and the next of them asks when that was cancelled.
function discovery:once(what, learn)
    local first = self.under_way[what]
    while first do
        while not first.ended do
            task.sleep(PAUSE)
        end
        if first.results then
            return table.unpack(first.results, 1, first.results.n)
        end
        first = self.under_way[what]
    end
    local own <close> = setmetatable({}, {__close = function(own)
        own.ended = true
        self.under_way[what] = nil
    end})
    self.under_way[what] = own
    own.results = table.pack(learn())
    return table.unpack(own.results, 1, own.results.n)
end

--- The error of a group version whose API service is down.
local function silent(group, version, cause)
    return fail({
        code = "ServiceUnavailable",
        op = "k8s.discovery",
        status = cause and cause.status,
        retryable = true,
        message = string.format("the API service of %s/%s does not answer, so its kinds are "
            .. "unknown%s", group, version, cause and ": " .. cause.message or ""),
        hint = string.format("c:get('apiservices', '%s.%s') says why, in its status", version,
            group),
    })
end

--- What is known by now: the catalogue, from the disk at first.
function discovery:known()
    if not self.catalogue then
        local stored = self.cache and self.cache:load()
        self.catalogue = stored and not stored.expired and catalogue.new(stored.text,
            stored.complete) or catalogue.new()
        self.catalogue.time = stored and not stored.expired and stored.time or nil
        self.from_disk = stored ~= nil
        self.expired = stored and stored.expired and stored or nil
    end
    return self.catalogue
end

function discovery:knows_something()
    return self:known().text ~= "\n"
end

--- Forgets everything, so that the server is asked again.
function discovery:forget()
    self.catalogue, self.expired, self.from_disk = catalogue.new(), nil, false
end

function discovery:save()
    local known = self.catalogue
    known.time = known.time or os.time()
    if self.cache then
        self.cache:save(known)
    end
end

--- One group version

--- Sees to it that the kinds of one group version are known, when there is such a group version.
--- true, or nil and an error.
function discovery:learn_version(group, version)
    local known = self:known()
    if known:has(group, version) then
        return true
    elseif known:is_silent(group, version) then
        return nil, silent(group, version)
    elseif known.complete then
        return true
    end
    local text, rest = self:once(group .. "/" .. version, function()
        return ask().version(self.client, group, version)
    end)
    if not text then
        local is_down = group ~= "" and rest.status and rest.status >= 500
        return nil, is_down and silent(group, version, rest) or rest
    end
    -- Another task may have learnt it, or forgotten everything, meanwhile.
    known = self:known()
    if not known:has(group, version) and not known.complete then
        known:add(text, group == "")
        if rest then
            self:save()
        end
    end
    return true
end

--- The versions of one group, preferred first; an empty list when there is no such group.
function discovery:versions(group)
    local known = self:known()
    local versions = known:versions(group) or known.complete and {} or group == "" and {"v1"}
    if versions then
        return versions
    end
    local err
    versions, err = ask().versions(self.client, group)
    if not versions then
        return nil, err
    end
    known:add(catalogue.group(group, versions))
    return versions
end

--- Sees to it that everything is known: true, or nil and an error.
function discovery:learn_all()
    if self:known().complete then
        return true
    end
    return self:once("all", function()
        local new, err = ask().all(self.client, self.catalogue, self.expired)
        if not new then
            return nil, err
        end
        self.catalogue, self.expired, self.from_disk = new, nil, false
        self:save()
        return true
    end)
end

--- What must be known before anything is looked up: true, or nil and an error.
function discovery:prepare()
    self:known()
    if self.expired then
        return self:learn_all()
    end
    return true
end

--- Every kind in the version its group prefers among those that have it, as the server has them
--- now: for a list nothing would be found missing, and so asked for anew.
function discovery:kinds()
    self:known()
    if self.from_disk and not self.expired then
        self:forget()
    end
    local ok, err = self:learn_all()
    if not ok then
        return nil, err
    end
    local records, seen = {}, {}
    for _, record in ipairs(self:known():records()) do
        local name = record.group .. "/" .. record.plural
        if not seen[name] then
            seen[name] = true
            records[#records + 1] = record
        end
    end
    return records
end

return discovery
