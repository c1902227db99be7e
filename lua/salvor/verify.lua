--- Which kind of backup set lies at a URL, and whether it can be restored. What makes a set good
--- stands in lua/salvor/verify/, one file for each kind; here is what they share.
local check = require("salvor.check")
local content = require("salvor.verify.content")
local errors = require("salvor.error")
local findings = require("salvor.verify.findings")
local nearby = require("salvor.verify.nearby")
local report = require("salvor.verify.report")
local source = require("salvor.verify.source")

local verify = {}

local KINDS = {
    pgbackrest = "salvor.verify.pgbackrest",
    medusa = "salvor.verify.medusa",
    portal = "salvor.verify.portal",
    management_sftp = "salvor.verify.management_sftp",
    v2018 = "salvor.verify.v2018",
}

-- The order in which they are asked whether a set is theirs.
local ORDER = {"pgbackrest", "medusa", "portal", "v2018", "management_sftp"}

verify.kinds = ORDER

local OPTIONS = {
    kind = "string",
    full = "boolean",
    sample = "number",
    workers = "number",
    backup = "string",
    pods = "number",
    space = "table",
    time = "string",
    management_time = "string",
    tolerance = "number",
    progress = "function",
    open = "table",
}

local BEGIN = "give the folder in which the set begins"
local KIT = "this is a recovery kit: salvor plan, of the procedure that reads it, looks whether"
    .. " it is whole"

-- Objects read at a time: in a folder as many as processors are worth, elsewhere answers take time.
local WORKERS, WORKERS_ELSEWHERE = 4, 8

local function integer_from(options, name, least, what)
    local value = options[name]
    if value and (math.type(value) ~= "integer" or value < least) then
        error(string.format("%s: option '%s' is an integer from %d", what, name, least), 4)
    end
end

local function check_space(space, what)
    for index, there in pairs(space or {}) do
        local numbers = type(there) == "table" and math.type(there.available) == "integer"
            and math.type(there.database) == "integer"
        if math.type(index) ~= "integer" or not numbers then
            error(what .. ": option 'space' is {[pod index] = {available =, database =}} in KiB", 4)
        end
    end
end

local function check_options(options, what)
    options = check.options(options, OPTIONS, what, 1)
    if options.kind and not KINDS[options.kind] then
        error(string.format("%s: option 'kind' must be one of %s", what,
            table.concat(ORDER, ", ")), 3)
    elseif options.full and options.sample then
        error(what .. ": options 'full' and 'sample' exclude each other", 3)
    end
    integer_from(options, "sample", 1, what)
    integer_from(options, "workers", 1, what)
    integer_from(options, "pods", 1, what)
    check_space(options.space, what)
    return options
end

--- The kinds of set that lie here.
local function detect(from)
    local folders, items = from:level("")
    local found = {}
    for _, name in ipairs(ORDER) do
        local kind = require(KINDS[name])
        if kind.detect(from, folders, items) then
            found[#found + 1] = kind
        end
    end
    return found, folders, items
end

local function names_of(folders, items)
    local names = {}
    for _, folder in ipairs(folders) do
        names[#names + 1] = folder .. "/"
    end
    for _, item in ipairs(items) do
        names[#names + 1] = item.path
    end
    local shown = table.concat(names, ", ", 1, math.min(5, #names))
    return #names > 5 and shown .. ", ..." or shown
end

--- Whether a kit of salvor.procedure.kit lies here.
local function is_kit(folders)
    for _, folder in ipairs(folders) do
        if folder == "generations" then
            return true
        end
    end
    return false
end

local function find_kind(from, options)
    if options.kind then
        return require(KINDS[options.kind])
    end
    local found, folders, items = detect(from)
    if #found == 1 then
        return found[1]
    elseif #found > 1 then
        local names = {}
        for index, kind in ipairs(found) do
            names[index] = kind.name
        end
        error(errors.new({code = "Invalid", op = "store.verify",
            message = string.format("%s holds sets of more than one kind: %s", from.url,
                table.concat(names, ", ")),
            hint = "say which one: option kind, or --kind"}), 0)
    elseif #folders == 0 and #items == 0 then
        error(errors.new({code = "NotFound", op = "store.verify",
            message = from.url .. " is empty", hint = BEGIN}), 0)
    end
    error(errors.new({code = "Invalid", op = "store.verify",
        message = string.format("%s is no backup set that is known; it holds %s", from.url,
            names_of(folders, items)),
        hint = is_kit(folders) and KIT or nearby(from, folders, items, detect) or BEGIN}), 0)
end

-- Options that say what one kind or another is to be like.
local OF_KINDS = {"backup", "pods", "space", "time", "management_time", "tolerance"}

--- What is asked for and not looked at must not look like an answer.
local function check_kind(kind, from, options)
    for _, name in ipairs(OF_KINDS) do
        if options[name] ~= nil and not kind.options[name] then
            error(errors.new({code = "Invalid", op = "store.verify",
                message = string.format("option '%s' says nothing of %s, which are at %s", name,
                    kind.title, from.url),
                hint = "leave it out"}), 0)
        end
    end
end

local function mode_of(options)
    return options.full and "full" or options.sample and "sample" or "quick"
end

local function run(from, options)
    local checked = {objects = 0, contents = 0, bytes = 0}
    local kind = find_kind(from, options)
    check_kind(kind, from, options)
    from:count(checked, options.progress)
    local context = {
        source = from,
        options = options,
        mode = mode_of(options),
        checked = checked,
        findings = findings.new(),
        backups = {},
    }
    context.content = content.new(from, context.mode, options.sample or 0,
        options.workers or from.backend.kind == "folder" and WORKERS or WORKERS_ELSEWHERE)
    kind.verify(context)
    context.content:finish()
    return report.make(kind, context)
end

local function verify_backend(backend, options)
    local ok, result = pcall(run, source.new(backend), options)
    if ok then
        return result
    elseif errors.is(result) then
        result.op = "store.verify"
        if result.code == "NotFound" and backend.features.folders then
            result.hint = result.hint or BEGIN
        end
        return nil, result
    end
    error(result, 0)
end

--- The same as run(), of a back end.
function verify.backend(backend, options)
    return verify_backend(backend, check_options(options, "store.verify"))
end

--- verify.run(where, options) -> report, or nil and an error; see lua/meta/store.lua.
function verify.run(where, options)
    options = check_options(options, "store.verify")
    local backend, err, ours = source.backend_of(where, options.open, "store.verify")
    if not backend then
        return nil, err
    end
    local report_of, problem = verify_backend(backend, options)
    if ours then
        backend:close()
    end
    return report_of, problem
end

return verify
