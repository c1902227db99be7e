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
    local told = self.told[kind] or {count = 0}
    self.told[kind] = told
    told.count = told.count + 1
    if told.count <= TOLD then
        finding.object = finding.object or ""
        self.list[#self.list + 1] = finding
        told.last = #self.list
    end
end

local RANK = {error = 1, warning = 2, note = 3}

--- All of them, errors first, each rule's in the order in which they were found; where some were
--- only counted, the last one that is told says so.
function findings:all()
    local all = {}
    for index, finding in ipairs(self.list) do
        local told = self.told[finding.level .. " " .. finding.rule]
        local more = told.last == index and told.count - TOLD or 0
        finding.more = more > 0 and more or nil
        all[index] = {finding = finding, index = index}
    end
    table.sort(all, function(a, b)
        local left, right = RANK[a.finding.level], RANK[b.finding.level]
        if left ~= right then
            return left < right
        end
        return a.index < b.index
    end)
    for index, entry in ipairs(all) do
        all[index] = entry.finding
    end
    return all
end

return findings
