--- What the checks have found, bounded: of one rule's findings the first are told, the rest
--- counted.
local findings = {}
findings.__index = findings

local TOLD = 50 -- of each rule and level

local LEVELS = {error = true, warning = true, note = true}

function findings.new()
    local counts = {error = 0, warning = 0, note = 0}
    return setmetatable({list = {}, counts = counts, told = {}}, findings)
end

--- finding: level ("error": it keeps a backup from being restored, "warning", "note"), rule (a
--- word), object (its path, "" for the set), message, hint. `backup`, if any, is what it is about:
--- after an error it is not restorable.
function findings:add(finding, backup)
    assert(LEVELS[finding.level] and finding.rule and finding.message)
    self.counts[finding.level] = self.counts[finding.level] + 1
    if backup then
        finding.backup = backup.name
        if finding.level == "error" then
            backup.restorable = false
        end
    end
    local kind = finding.level .. " " .. finding.rule
    local count = (self.told[kind] or 0) + 1
    self.told[kind] = count
    if count <= TOLD then
        finding.object = finding.object or ""
        self.list[#self.list + 1] = finding
    end
end

local RANK = {error = 1, warning = 2, note = 3}

--- Objects are read at the same time, so the order in which things are found says nothing.
local function comes_before(a, b)
    if a.level ~= b.level then
        return RANK[a.level] < RANK[b.level]
    elseif a.rule ~= b.rule then
        return a.rule < b.rule
    elseif a.object ~= b.object then
        return a.object < b.object
    end
    return a.message < b.message
end

--- All of them, errors first, by rule and object; where some of a rule were only counted, the last
--- one that is told says how many.
function findings:all()
    local sorted = table.move(self.list, 1, #self.list, 1, {})
    table.sort(sorted, comes_before)
    for index, finding in ipairs(sorted) do
        local kind = finding.level .. " " .. finding.rule
        local following = sorted[index + 1]
        local is_last = not following or following.level .. " " .. following.rule ~= kind
        local more = is_last and self.told[kind] - TOLD or 0
        finding.more = more > 0 and more or nil
    end
    return sorted
end

return findings
