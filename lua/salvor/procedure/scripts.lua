--- Scripts of a site that Salvor begins: copies of bundled ones, and new ones.
local fs = require("salvor.fs")
local loader = require("salvor.procedure.loader")
local site = require("salvor.procedure.site")
local suggest = require("salvor.suggest")
local usage = require("salvor.usage")

local scripts = {}

local FOLDER_MODE, FILE_MODE = tonumber("755", 8), tonumber("644", 8)

--- The text of the bundled script; raises when there is none.
function scripts.bundled(id)
    loader.check_id(id)
    local text = loader.bundled(id)
    if not text then
        usage("there is no bundled procedure '" .. id .. "'", suggest.begin(id, loader.ids())
            .. "salvor list shows them; salvor new " .. id .. " begins one")
    end
    return text
end

--- Where a script of that id stands in the site's own folder.
function scripts.place(id, of)
    return fs.join(site.own_scripts(of), id .. ".lua")
end

--- Writes a script that must not be there yet.
function scripts.create(path, text)
    must(fs.mkdir(fs.dirname(path), {parents = true, mode = FOLDER_MODE}))
    local written, err = fs.write(path, text, {exclusive = true, mode = FILE_MODE})
    if not written and err.code == "AlreadyExists" then
        usage(path .. " is there already", "edit it, or move it away")
    end
    must(written, err)
end

local SKELETON = [==[
-- What this procedure is for, in a line.
--
-- `salvor plan ID` shows what it would do, `salvor run ID` does it. The guide, section "Writing a
-- procedure", has every field; ctx is described there, too.

local CONFIG = "configmaps"

-- A check looks and changes nothing. All checks run before the first change, and every one that
-- finds a problem is reported.
---@param ctx salvor.Context
local function check_name_is_free(ctx)
    local found, err = ctx.k8s:get(CONFIG, ctx.params.name)
    if found then
        return ctx:problem("there is a ConfigMap " .. ctx.params.name .. " already",
            "choose another one with -p name=…")
    elseif err.code ~= "NotFound" then
        error(err, 0)
    end
    ctx:note("ConfigMap " .. ctx.params.name .. " would be new in namespace " .. ctx.namespace)
end

-- A step changes something, through ctx.k8s: then a plan can show it and a run journals it. `must`
-- ends the step with the error of what has failed.
---@param ctx salvor.Context
local function leave_note(ctx)
    must(ctx.k8s:create({
        apiVersion = "v1",
        kind = "ConfigMap",
        metadata = {name = ctx.params.name},
        data = {text = ctx.params.text},
    }))
end

-- Asked after the step, and again when the run is resumed: does it hold?
---@param ctx salvor.Context
local function is_there(ctx)
    return ctx.k8s:get(CONFIG, ctx.params.name) ~= nil
end

---@type salvor.Procedure
return {
    id = "ID",
    title = "Leave a note",
    summary = "What it does and when to use it, in a sentence or two.",
    systems = {{name = "Kubernetes", versions = "any"}},
    categories = {"prepare", "safe"}, -- prepare, backup, restore, check; destructive or safe
    params = {
        {name = "name", type = "name", default = "note", help = "the ConfigMap to make"},
        {name = "text", type = "string", default = "hello", help = "what it says"},
    },
    -- What the API server must allow; it is asked for all of it before anything else.
    permissions = {
        {kind = CONFIG, verbs = {"get", "create"}},
    },
    steps = {
        {
            id = "name-is-free",
            title = "The name is free",
            why = "What is there already must not be overwritten.",
            check = true,
            run = check_name_is_free,
        },
        {
            id = "leave-note",
            title = "Leave the note",
            why = "Say here what the vendor's document says, in your own words.",
            run = leave_note,
            verify = is_there,
            -- destructive = "what is lost",  -- the operator types it before the first change
            -- timeout = 600,                 -- seconds
            -- retry = 2,                     -- more times, after an error that may pass
            -- undo = function(ctx) end,      -- takes it back
        },
    },
    next = function(ctx)
        return {"Look at it: kubectl get configmap " .. ctx.params.name .. " -n " .. ctx.namespace}
    end,
}
]==]

--- The text of a procedure that works, to be filled in.
function scripts.skeleton(id)
    return (SKELETON:gsub("%f[%w]ID%f[%W]", (id:gsub("%%", "%%%%"))))
end

return scripts
