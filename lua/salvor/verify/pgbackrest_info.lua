--- pgBackRest's info files and manifests, from a store.
local set_files = require("salvor.set_files")

local info = {}

local FORMAT = 5

-- So many keys are kept of a file; an info file has one for each backup.
local KEPT = 100000

--- Calls line(section, key, value) for each line; returns the checksum {stated, actual, matches},
--- or nil and an error of code Corrupt, TooLarge or Unsupported (it is encrypted).
function info.read(source, item, line)
    local reader, problem = must(set_files.info()), nil
    local function drain()
        while not problem do
            local section, key, value = reader:next()
            if not section then
                problem = key
                return
            end
            line(section, key, value)
        end
    end
    source:stream(item, nil, function(bytes)
        local added, err = reader:add(bytes)
        problem = problem or not added and err or nil
        drain()
        return not problem
    end)
    reader:finish()
    drain()
    if problem then
        return nil, problem
    end
    return reader:checksum()
end

--- Why a file that was read to its end cannot be trusted; nil when it can.
local function fault_of(checksum, problem, format)
    if problem then
        return problem.message, problem.code == "Unsupported"
    elseif not checksum.stated then
        return "it has no checksum, so it was cut short"
    elseif not checksum.matches then
        return string.format("its checksum is %s, and it says %s", checksum.actual, checksum.stated)
    elseif format ~= FORMAT then
        return string.format("its format is %s, and %d is the one that is known", tostring(format),
            FORMAT)
    end
    return nil
end

--- The sections that are kept, as {section = {key = value}}: those for which keep(section) says so.
local function collect(keep)
    local sections, count = {}, 0
    return sections, function(section, key, value)
        if not keep(section) then
            return
        end
        count = count + 1
        if count <= KEPT then
            sections[section] = sections[section] or {}
            sections[section][key] = value
        end
    end, function()
        return count > KEPT and string.format("it has more than %d keys", KEPT) or nil
    end
end

--- The file's sections, or nil, what is wrong with it, whether it is missing, and whether it is
--- encrypted.
local function load_one(source, path, keep)
    local item = source:stat(path)
    if not item then
        return nil, "it is not there", true
    end
    local sections, line, excess = collect(keep)
    local checksum, problem = info.read(source, item, line)
    local format = sections.backrest and sections.backrest["backrest-format"]
    local fault, encrypted = fault_of(checksum, problem, format)
    fault = fault or excess()
    if fault then
        return nil, fault, false, encrypted
    end
    return {sections = sections, item = item, checksum = checksum.actual}
end

--- load(source, path, keep) -> a table:
---     file       the first usable one of the file and its copy: {sections, item, checksum}; or nil
---     faults     {{path, fault, missing}...} of those that are not
---     encrypted  one of them is, of which nothing more can be told
---     differ     both are usable and not the same
function info.load(source, path, keep)
    local loaded = {faults = {}, encrypted = false, differ = false}
    for _, name in ipairs({path, path .. ".copy"}) do
        local file, fault, missing, encrypted = load_one(source, name, keep)
        if encrypted then
            loaded.encrypted = true
        elseif not file then
            table.insert(loaded.faults, {path = name, fault = fault, missing = missing})
        elseif loaded.file then
            loaded.differ = loaded.file.checksum ~= file.checksum
        end
        loaded.file = loaded.file or file
    end
    return loaded
end

return info
