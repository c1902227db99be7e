--- Real repositories of pgBackRest for specs, and what is needed to damage them on purpose.
local digest = require("salvor.digest")
local fs = require("salvor.fs")
local sets = require("support.backup_sets")
local store = require("salvor.store")
local store_lab = require("support.store_lab")

local pgbackrest = {}

--- copy(kind) -> a folder with a repository of that kind that may be damaged: "gz", "none", "zst",
--- "lz4", "bz2", "bundle", "encrypted"
function pgbackrest.copy(kind)
    local folder = must(fs.temporary_folder())
    -- Of links where that can be: the real files are many, and some large.
    sets.run({"sh", "-c", 'cp -al "$1" "$2/repo" 2> /dev/null || cp -a "$1" "$2/repo"', "sh",
              store_lab.pgbackrest()[kind], folder})
    return folder .. "/repo"
end

--- The stanza's folder below archive/ or backup/.
function pgbackrest.folder(repository, kind)
    return string.format("%s/%s/%s", repository, kind, store_lab.pgbackrest().stanza)
end

--- The labels of the backups: full, differential, incremental.
function pgbackrest.labels(repository)
    local labels = {}
    for _, entry in ipairs(must(fs.list(pgbackrest.folder(repository, "backup")))) do
        local kind = entry.name:match("^%d+%-%d+F$") and "full"
            or entry.name:match("^%d+%-%d+F_.*D$") and "diff"
            or entry.name:match("^%d+%-%d+F_.*I$") and "incr"
        if kind then
            labels[kind] = entry.name
        end
    end
    return labels
end

local function json_string(text)
    return '"' .. text:gsub('["\\]', "\\%0") .. '"'
end

--- The SHA-1 that such a text has to state, by another way than the one under test: the whole text
--- is made and summed up at once.
function pgbackrest.checksum(text)
    local parts, section, counted = {"{"}, nil, nil
    for line in text:gmatch("[^\n]+") do
        local name = line:match("^%[(.*)%]$")
        local key, value = line:match("^(.-)=([%[{\"%-%dtfn].*)$")
        if name then
            section = name
        elseif key ~= "backrest-checksum" then
            if section ~= counted then
                parts[#parts + 1] = (counted and "}," or "") .. json_string(section) .. ":{"
                counted = section
            else
                parts[#parts + 1] = ","
            end
            parts[#parts + 1] = json_string(key) .. ":" .. value
        end
    end
    parts[#parts + 1] = "}}"
    return digest.sha1(table.concat(parts))
end

--- Changes a file and its copy by change(text), and makes the checksum right again.
function pgbackrest.edit(path, change)
    local text = change(must(fs.read(path)))
    text = text:gsub('backrest%-checksum="%x*"',
        'backrest-checksum="' .. pgbackrest.checksum(text) .. '"')
    must(fs.write(path, text))
    must(fs.write(path .. ".copy", text))
end

--- The path of the WAL segment that a backup begins with.
function pgbackrest.segment(repository, label)
    local text = must(fs.read(pgbackrest.folder(repository, "backup") .. "/" .. label
        .. "/backup.manifest"))
    local name = text:match('backup%-archive%-start="(%x+)"')
    local folder = pgbackrest.folder(repository, "archive") .. "/15-1/" .. name:sub(1, 16)
    for _, entry in ipairs(must(fs.list(folder))) do
        if entry.name:sub(1, 24) == name then
            return folder .. "/" .. entry.name
        end
    end
end

--- A repository that is taken for each test, and what tests do with it; `labels` and `repository`
--- are those of the one that was taken last.
function pgbackrest.case()
    local case = {BACKUP = "backup/main/", INFO = "backup/main/backup.info", expect = sets.expect}

    function case.take(kind)
        case.repository = pgbackrest.copy(kind)
        case.labels = pgbackrest.labels(case.repository)
    end

    function case.drop()
        must(fs.remove_tree(case.repository:match("^(.*)/repo$")))
    end

    --- The path of a file of the repository.
    function case.at(path)
        return case.repository .. "/" .. path
    end

    function case.check(options)
        return must(store.verify(case.repository, options))
    end

    --- Whether each backup of the report can be restored.
    function case.verdicts(report)
        local can = {}
        for _, backup in ipairs(report.backups) do
            can[#can + 1] = backup.restorable
        end
        return can
    end

    function case.remove(...)
        for _, path in ipairs({...}) do
            must(fs.remove(case.at(path)))
        end
    end

    --- Changes an info file or a manifest, and its copy; `change` takes the text.
    function case.edit(path, change)
        pgbackrest.edit(case.at(path), change)
    end

    return case
end

--- Changes the line of a file in a manifest: change(line) gives the new one.
function pgbackrest.line(name, change)
    return function(text)
        local first, line, last = text:match("^(.-\n" .. name:gsub("%p", "%%%0")
            .. "=)([^\n]*)(\n.*)$")
        return first .. change(line) .. last
    end
end

--- A change for edit(): each `from` becomes `to`.
function pgbackrest.replace(from, to)
    return function(text)
        local changed, count = text:gsub(from, to)
        assert(count > 0, "nothing to replace: " .. from)
        return changed
    end
end

return pgbackrest
