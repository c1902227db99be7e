--- Finds and loads procedure scripts: the site's, the user's, the machine's, then the bundled ones.
local contract = require("salvor.procedure.contract")
local digest = require("salvor.digest")
local errors = require("salvor.error")
local fs = require("salvor.fs")
local site = require("salvor.procedure.site")
local suggest = require("salvor.suggest")
local usage = require("salvor.usage")
local value = require("salvor.value")

local loader = {}

local BUNDLED = "scripts/"

-- Below a folder of scripts: no procedures, but files with steps that a site file names.
loader.HOOKS = "hooks"

--- A script sees the standard libraries and what it declares; a misspelt name is an error.
local function strict_environment()
    return setmetatable({}, {
        __index = function(_, name)
            local global = _G[name]
            if global == nil then
                error("undeclared variable '" .. tostring(name) .. "'", 2)
            end
            return global
        end,
        __newindex = function(_, name)
            error("assignment to undeclared variable '" .. tostring(name) .. "'", 2)
        end,
    })
end

local function invalid(message)
    return errors.new({code = "InvalidScript", message = message})
end

-- The files that were loaded: Lua cuts long names in its messages.
local loaded = {}

--- The text of a Lua error in a script that was loaded (`source`, or the file of a hook) with the
--- file's whole name, which an operator needs.
function loader.located(source, problem)
    local tail, rest = problem:match("^%.%.%.([^\n]-)(:%d+: .*)$")
    if not tail then
        return problem
    elseif source:sub(-#tail) == tail then
        return source .. rest
    end
    for _, other in ipairs(loaded) do
        if other:sub(-#tail) == tail then
            return other .. rest
        end
    end
    return problem
end

local function invalid_at(source, problem)
    problem = loader.located(source, problem)
    return invalid(problem:find(source, 1, true) and problem or source .. ": " .. problem)
end

--- evaluate(text, source) -> what the script returns; raises InvalidScript.
function loader.evaluate(text, source)
    loaded[#loaded + 1] = source
    local chunk, problem = load(text, "@" .. source, "t", strict_environment())
    if not chunk then
        error(invalid_at(source, problem), 0)
    end
    local ok, result = pcall(chunk)
    if not ok then
        error(errors.is(result) and result or invalid_at(source, tostring(result)), 0)
    end
    return result
end

--- How a hint begins where an id has lost its system: "did you mean 'shop/backup'? ", or "".
local function whole_id(name, known)
    for _, id in ipairs(known or {}) do
        if id:match("/(.*)") == name then
            return "did you mean '" .. id .. "'? "
        end
    end
    return ""
end

--- Raises Usage for what cannot be the id of a procedure. known: the ids of those that are there,
--- if it is to be one of them.
function loader.check_id(id, known)
    local system = id:match("^([%w][%w-]*)/[%w][%w-]*$")
    if not system then
        usage("'" .. id .. "' is no procedure's id", whole_id(id, known)
            .. "an id is SYSTEM/NAME, of letters, digits and '-'; salvor list shows them")
    elseif system == loader.HOOKS then
        usage("'" .. id .. "' is no procedure's id",
            "the folder hooks is for the steps that a site file names")
    end
end

--- The text of the bundled script, and its name; nil when there is none.
function loader.bundled(id)
    local path = BUNDLED .. id .. ".lua"
    return value.embedded(path), "bundled " .. path
end

--- The first line of a script that `salvor customize` made: the bundled one's SHA-256.
function loader.customized_line(id, sha256)
    return "-- salvor customize " .. id .. " (bundled SHA-256 " .. sha256 .. ")\n"
end

local function customized_from(text)
    return text:match("^%-%- salvor customize %S+ %(bundled SHA%-256 (%x+)%)\r?\n")
end

local function read_script(id, folders)
    for _, folder in ipairs(folders) do
        local path = fs.join(folder, id .. ".lua")
        local text, err = fs.read(path)
        if text then
            return text, path
        elseif err.code ~= "NotFound" then
            error(err, 0)
        end
    end
    local text, source = loader.bundled(id)
    return text, source, text ~= nil
end

--- What is to be said at each plan and run about where the script comes from.
local function origin_of(id, text, source, is_bundled)
    local origin = {source = source, bundled = is_bundled or false, sha256 = digest.sha256(text),
                    notes = require("salvor").list()}
    if is_bundled then
        return origin
    end
    local bundled, known = loader.bundled(id), customized_from(text)
    origin.replaces = bundled ~= nil
    origin.notes[1] = "the script is " .. source .. (bundled and ", not the bundled one" or "")
    origin.outdated = bundled and known and known ~= digest.sha256(bundled) or false
    if origin.outdated then
        origin.notes[2] = "the bundled script has changed since it was customized; "
            .. "salvor customize " .. id .. " --print shows it, first line included"
    end
    return origin
end

--- find(id, site) -> the text of a script, its name, and whether it is the bundled one; raises
--- Usage when there is none. `site` (site.open) may be nil.
function loader.find(id, of)
    loader.check_id(id, not id:find("/", 1, true) and loader.ids(of))
    local text, source, is_bundled = read_script(id, site.script_folders(of or {layers = {}}))
    if not text then
        usage("there is no procedure '" .. id .. "'",
            suggest.begin(id, loader.ids(of)) .. "salvor list shows them")
    end
    return text, source, is_bundled
end

--- load(id, site) -> procedure, origin; raises Usage or InvalidScript. origin: {source, bundled,
--- sha256, replaces (there is a bundled one), outdated (which has changed since this one was made
--- of it), notes (lines to be shown at each plan and run)}.
function loader.load(id, of)
    local text, source, is_bundled = loader.find(id, of)
    local procedure = loader.evaluate(text, source)
    contract.check(procedure, id, source)
    return procedure, origin_of(id, text, source, is_bundled)
end

--- Hidden files are those of editors.
local function add_folder(ids, folder)
    for _, system in ipairs(fs.list(folder) or {}) do
        local below = system.name ~= loader.HOOKS and fs.list(fs.join(folder, system.name))
        for _, file in ipairs(below or {}) do
            local name = file.name:match("^([^.].*)%.lua$")
            if name then
                ids[system.name .. "/" .. name] = true
            end
        end
    end
end

--- ids(site) -> sorted list of all procedures' ids
function loader.ids(of)
    local seen = {}
    for _, folder in ipairs(site.script_folders(of or {layers = {}})) do
        add_folder(seen, folder)
    end
    for _, path in ipairs(value.embedded_paths(BUNDLED)) do
        seen[path:sub(#BUNDLED + 1, -5)] = true
    end
    return require("salvor").keys(seen)
end

--- Raises Usage when the site's file says something about a procedure that there is not: it would
--- never be used. The user's and the system's are for other sites, too, with scripts of their own.
function loader.check_site(of)
    local layer = of.layers[1]
    if not layer or layer.level ~= "site" then
        return
    end
    local ids, known = loader.ids(of), {}
    for _, id in ipairs(ids) do
        known[id] = true
    end
    for _, id in ipairs(require("salvor").keys(layer.value.procedures or {})) do
        if not known[id] then
            layer.file:fail({"procedures", id}, "there is no procedure '" .. id .. "'",
                suggest.begin(id, ids) .. "salvor list shows them")
        end
    end
end

return loader
