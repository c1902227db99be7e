--- What is known of a cluster's kinds: a text that is searched and never parsed as a whole, so that
--- a large one, read from the disk, costs no more than a small one.
---
--- The text has one line for each kind of a group version, in the order in which a word is looked
--- for: the core group, the others as the server names them, in each the preferred version first.
---
---     @apps v1 v1beta1                                     the versions of a group
---     !two.example/v1                                      a group version that does not answer
---     [apps/v1]                                            the kinds of a group version follow
---     ,deployments,deployment,;deploy;<TAB>apps<TAB>v1...  its names, short names, then the record
---
--- Names that Kubernetes does not allow are not taken in, so none of them can look like the marks.
local catalogue = {}
catalogue.__index = catalogue

local NAME = "^%w[%w._-]*$"

--- Whether a text may stand in a catalogue, and in the path of a request.
function catalogue.is_name(text)
    return type(text) == "string" and #text <= 253 and text:find(NAME) ~= nil
end

local is_name = catalogue.is_name

--- `text` begins and ends with a newline. complete: that is everything which the server has.
function catalogue.new(text, complete)
    return setmetatable({text = text or "\n", complete = complete or false}, catalogue)
end

function catalogue.api_version(group, version)
    return group == "" and version or group .. "/" .. version
end

--- "apps", "v1" -> "apps/v1"; of the core group "/v1", so that the two parts can be told again.
local function key_of(group, version)
    return group .. "/" .. version
end

--- Lists of names

local function names_of(list)
    local names = {}
    for _, name in ipairs(type(list) == "table" and list or {}) do
        if is_name(name) then
            names[#names + 1] = name
        end
    end
    return names
end

local function split(text)
    local names = {}
    for name in text:gmatch("%S+") do
        names[#names + 1] = name
    end
    return names
end

--- Lines

--- The line of one kind; nil when what the server says is none.
---@param entry table plural, kind, singular, short_names, namespaced, verbs, categories; any values
local function line_of(group, version, entry)
    if not (is_name(entry.plural) and is_name(entry.kind)) then
        return nil
    end
    local singular = is_name(entry.singular) and entry.singular or entry.kind:lower()
    local short = names_of(entry.short_names)
    local full = {entry.plural:lower(), singular:lower(), entry.kind:lower()}
    return table.concat({
        "," .. table.concat(full, ",") .. ",;" .. table.concat(short, ";"):lower() .. ";",
        group, version, entry.plural, singular, entry.kind,
        entry.namespaced == true and "namespaced" or "cluster",
        table.concat(short, " "),
        table.concat(names_of(entry.verbs), " "),
        table.concat(names_of(entry.categories), " "),
    }, "\t")
end

local FIELDS = "^[^\t\n]*\t([^\t\n]*)" .. ("\t([^\t\n]+)"):rep(5)
    .. ("\t([^\t\n]*)"):rep(3) .. "\n"

--- The record of the line that `position` is in, anywhere among its names; nil when it is damaged.
local function record_at(text, position)
    local group, version, plural, singular, kind, scope, short, verbs, categories =
        text:match(FIELDS, position)
    if not group or not (group == "" or is_name(group)) or not is_name(version)
        or not is_name(plural) or not is_name(kind) then
        return nil
    end
    return {
        group = group,
        version = version,
        api_version = catalogue.api_version(group, version),
        kind = kind,
        plural = plural,
        singular = singular,
        short_names = split(short),
        namespaced = scope == "namespaced",
        verbs = split(verbs),
        categories = split(categories),
    }
end

--- Making

--- The text of one group version. entries: as line_of() takes them.
function catalogue.section(group, version, entries)
    local lines = {"[" .. key_of(group, version) .. "]"}
    for _, entry in ipairs(entries) do
        lines[#lines + 1] = line_of(group, version, entry)
    end
    return table.concat(lines, "\n") .. "\n"
end

--- The text of a group version that does not answer.
function catalogue.silence(group, version)
    return "!" .. key_of(group, version) .. "\n"
end

--- The text that names a group's versions, the preferred one first.
function catalogue.group(group, versions)
    return "@" .. group .. " " .. table.concat(versions, " ") .. "\n"
end

--- Takes in a text of the functions above. The core group stands first.
function catalogue:add(text, is_core)
    if is_core then
        self.text = "\n" .. text .. self.text:sub(2)
    else
        self.text = self.text .. text
    end
end

--- Looking

--- Where a group version's part begins and ends; nil when it was not asked for.
local function bounds(self, group, version)
    local mark = "\n[" .. key_of(group, version) .. "]\n"
    local first, last = self.text:find(mark, 1, true)
    if not first then
        return nil
    end
    return last, (self.text:find("\n[%[@!]", last) or #self.text)
end

function catalogue:section_of(group, version)
    local first, last = bounds(self, group, version)
    return first and "[" .. key_of(group, version) .. "]\n" .. self.text:sub(first + 1, last)
end

function catalogue:has(group, version)
    return bounds(self, group, version) ~= nil
end

--- A full name goes before a short name.
local MARKS = {",", ";"}

local function find_between(self, word, mark, first, last)
    local found = is_name(word) and self.text:find(mark .. word .. mark, first, true)
    return found and found < last and record_at(self.text, found) or nil
end

--- The record of a word (in lower case) in one group version that is known.
function catalogue:find_in(word, group, version)
    local first, last = bounds(self, group, version)
    for _, mark in ipairs(first and MARKS or {}) do
        local record = find_between(self, word, mark, first, last)
        if record then
            return record
        end
    end
    return nil
end

--- The same by full name alone.
function catalogue:find_full(word, group, version)
    local first, last = bounds(self, group, version)
    return first and find_between(self, word, ",", first, last)
end

--- The record of a word anywhere. Means something only when the catalogue is complete.
function catalogue:find(word)
    for _, mark in ipairs(MARKS) do
        local record = find_between(self, word, mark, 1, math.huge)
        if record then
            return record
        end
    end
    return nil
end

--- The versions of a group, the preferred one first; nil when nothing is known of it.
function catalogue:versions(group)
    local _, last = self.text:find("\n@" .. group .. " ", 1, true)
    return last and split(self.text:match("^[^\n]*", last + 1))
end

--- Whether that group version did not answer; without a version, whether any of the group did not.
function catalogue:is_silent(group, version)
    local mark = "\n!" .. key_of(group, version and version .. "\n" or "")
    return self.text:find(mark, 1, true) ~= nil
end

--- The group versions that did not answer, as apiVersions.
function catalogue:silent()
    local found = {}
    for group, version in self.text:gmatch("\n!([^/\n]*)/([^\n]*)") do
        found[#found + 1] = catalogue.api_version(group, version)
    end
    return found
end

--- The record of every line, in order.
function catalogue:records()
    local records = {}
    for position in self.text:gmatch("\n(),") do
        records[#records + 1] = record_at(self.text, position)
    end
    return records
end

return catalogue
