--- Finds and loads procedure scripts: the user's, the machine's, then the bundled ones.
local contract = require("salvor.procedure.contract")
local digest = require("salvor.digest")
local errors = require("salvor.error")
local folders = require("salvor.folders")
local fs = require("salvor.fs")
local value = require("salvor.value")

local loader = {}

local BUNDLED = "scripts/"

local function script_folders()
    local own = folders.config()
    local machine = "/etc/salvor/scripts"
    return own and {fs.join(own, "scripts"), machine} or {machine}
end

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

--- The text of a Lua error in the script `source`: Lua cuts long names of files, and an operator
--- needs the whole one.
function loader.located(source, problem)
    local tail, rest = problem:match("^%.%.%.([^\n]-)(:%d+: .*)$")
    if tail and source:sub(-#tail) == tail then
        return source .. rest
    end
    return problem
end

local function invalid_at(source, problem)
    problem = loader.located(source, problem)
    return invalid(problem:find(source, 1, true) and problem or source .. ": " .. problem)
end

local function read_script(id)
    for _, folder in ipairs(script_folders()) do
        local path = fs.join(folder, id .. ".lua")
        local text, err = fs.read(path)
        if text then
            return text, path
        elseif err.code ~= "NotFound" then
            error(err, 0)
        end
    end
    local path = BUNDLED .. id .. ".lua"
    return value.embedded(path), "bundled " .. path
end

--- load(id) -> procedure, origin {source, bundled, sha256}; raises NotFound or InvalidScript.
function loader.load(id)
    if not id:match("^[%w][%w-]*/[%w][%w-]*$") then
        error(errors.new({code = "Usage", message = "'" .. id .. "' is no procedure's id",
                          hint = "salvor list shows them"}), 0)
    end
    local text, source = read_script(id)
    if not text then
        error(errors.new({code = "Usage", message = "there is no procedure '" .. id .. "'",
                          hint = "salvor list shows them"}), 0)
    end
    local chunk, problem = load(text, "@" .. source, "t", strict_environment())
    if not chunk then
        error(invalid_at(source, problem), 0)
    end
    local ok, procedure = pcall(chunk)
    if not ok then
        error(errors.is(procedure) and procedure
            or invalid_at(source, tostring(procedure)), 0)
    end
    contract.check(procedure, id, source)
    return procedure, {
        source = source,
        bundled = source:find("^bundled ") ~= nil,
        sha256 = digest.sha256(text),
    }
end

local function add_folder(ids, folder)
    for _, system in ipairs(fs.list(folder) or {}) do
        for _, file in ipairs(fs.list(fs.join(folder, system.name)) or {}) do
            local name = file.name:match("^(.+)%.lua$")
            if name then
                ids[system.name .. "/" .. name] = true
            end
        end
    end
end

--- ids() -> sorted list of all procedures' ids
function loader.ids()
    local seen, ids = {}, {}
    for _, folder in ipairs(script_folders()) do
        add_folder(seen, folder)
    end
    for _, path in ipairs(value.embedded_paths(BUNDLED)) do
        seen[path:sub(#BUNDLED + 1, -5)] = true
    end
    for id in pairs(seen) do
        ids[#ids + 1] = id
    end
    table.sort(ids)
    return ids
end

return loader
