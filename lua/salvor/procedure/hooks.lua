--- A site's own steps: put before, after or in the place of a procedure's, or a step left out.
--
-- The site file names the file (site_schema.lua has the form); the file returns a step, or a list
-- of steps, of the contract. They become part of procedure.steps, so that a plan, a run and a
-- report see one list. A step that comes from a hook, or that is left out, has
--
--   origin   {hook = "before", "after", "instead" or "skip", of = the step's id, site = where the
--            site file says so, file and sha256 of the hook's file, because = why it is left out}
--
-- and may bring `permissions` along, which become the procedure's.
local contract = require("salvor.procedure.contract")
local copy = require("salvor.copy")
local digest = require("salvor.digest")
local errors = require("salvor.error")
local fs = require("salvor.fs")
local loader = require("salvor.procedure.loader")
local site = require("salvor.procedure.site")
local suggest = require("salvor.suggest")

local hooks = {}

local KINDS = {"before", "after", "instead", "skip"}

local function kind_of(entry)
    for _, kind in ipairs(KINDS) do
        if entry[kind] then
            return kind
        end
    end
end

local function invalid(path, problem)
    error(errors.new({code = "InvalidScript", message = path .. ": " .. problem,
                      hint = "a hook's file returns a step, or a list of steps, as the guide's "
                          .. "section \"Writing a procedure\" describes them"}), 0)
end

--- What a hook's file returns, as a list of steps of their own.
local function read_steps(path, text)
    local result = loader.evaluate(text, path)
    if type(result) ~= "table" then
        invalid(path, "a step or a list of steps expected, got " .. type(result))
    end
    local list = (result[1] ~= nil or next(result) == nil) and result or {result}
    for index, step in ipairs(list) do
        if type(step) ~= "table" then
            invalid(path, "steps[" .. index .. "]: a table expected, got " .. type(step))
        end
    end
    return list
end

--- A check stays one: whoever plans must be able to do all that is done before the first change.
local function adapt(step, entry, target)
    local adapted = copy.merge(step, {origin = entry.origin})
    if target.check then
        if step.check == false or step.destructive then
            invalid(entry.origin.file, "'" .. tostring(step.id) .. "' belongs to the check '"
                .. target.id .. "', so it is a check, and changes nothing")
        end
        adapted.check = true
    end
    return adapted
end

--- The step that stands in the place of another one bears its id: others need it, and a run that is
--- resumed knows it by that.
local function check_replacement(entry, steps)
    for _, step in ipairs(steps) do
        if step.id == entry.step then
            return
        end
    end
    invalid(entry.origin.file, "none of its steps has the id '" .. entry.step
        .. "', in whose place it is put")
end

local function load_steps(entry, target)
    local path = fs.join(site.scripts_of(entry.layer), entry.run)
    local text, err = fs.read(path)
    if not text then
        entry.layer.file:fail(entry.path, err.message,
            "run names a file in the folder of scripts")
    end
    entry.origin.file, entry.origin.sha256 = path, digest.sha256(text)
    local steps = {}
    for index, step in ipairs(read_steps(path, text)) do
        steps[index] = adapt(step, entry, target)
    end
    if entry.kind == "instead" then
        check_replacement(entry, steps)
    end
    return steps
end

--- The hooks of the procedure as its site's files have them, each with its place.
local function entries_of(of, procedure)
    local list, _, layer, path = site.find(of, {"procedures", procedure.id, "hooks"})
    local entries = {}
    for index, given in ipairs(list or {}) do
        local kind = kind_of(given)
        local at = table.move(path, 1, #path, 1, {})
        at[#at + 1] = index
        entries[index] = {
            kind = kind,
            step = given[kind],
            run = given.run,
            layer = layer,
            path = at,
            origin = {hook = kind, of = given[kind], because = given.because,
                      site = site.source(layer, at)},
        }
    end
    return entries
end

--- The entries by the id of their step; one that is not there, or replaced twice, is a mistake.
local function by_step(entries, procedure)
    local found, ids = {}, {}
    for index, step in ipairs(procedure.steps) do
        found[step.id], ids[index] = {before = {}, after = {}}, step.id
    end
    for _, entry in ipairs(entries) do
        local at = found[entry.step]
        if not at then
            entry.layer.file:fail(entry.path, procedure.id .. " has no step '" .. entry.step .. "'",
                suggest.hint(entry.step, ids, "its steps are"))
        elseif entry.kind == "before" or entry.kind == "after" then
            table.insert(at[entry.kind], entry)
        elseif at.replaced then
            entry.layer.file:fail(entry.path, "step '" .. entry.step
                .. "' is left out or replaced already")
        else
            at.replaced = entry
        end
    end
    return found
end

local function never()
    return false
end

local function replaced(entry, target)
    if entry.kind == "skip" then
        return {copy.merge(target, {when = never, origin = entry.origin})}
    end
    return load_steps(entry, target)
end

local function each(entries, target, add)
    for _, entry in ipairs(entries) do
        for _, step in ipairs(load_steps(entry, target)) do
            add(step)
        end
    end
end

--- A line for the heading of plans and runs.
local function note(step)
    local origin = step.origin
    if origin.hook == "skip" then
        return string.format("step %s is left out: %s (%s)", step.id, origin.because, origin.site)
    end
    return string.format("step %s is put %s %s: %s (%s)", step.id,
        origin.hook == "instead" and "in the place of" or origin.hook, origin.of, origin.file,
        origin.site)
end

--- Takes the permissions that a hook's step brings along out of it.
local function gather_permissions(procedure, step)
    local brought = step.permissions
    step.permissions = nil
    if brought ~= nil and type(brought) ~= "table" then
        invalid(step.origin.file, "permissions: a table expected, got " .. type(brought))
    end
    contract.check_permissions(brought or {}, step.origin.file)
    for _, permission in ipairs(brought or {}) do
        table.insert(procedure.permissions, permission)
    end
end

--- What to say behind a step's title: nothing, or what the site has done with it.
function hooks.mark(step)
    local origin = step.origin
    if not origin then
        return ""
    elseif origin.hook == "skip" then
        return " (left out: " .. origin.because .. ")"
    elseif origin.hook == "instead" then
        return " (in the place of the procedure's own)"
    end
    return " (put " .. origin.hook .. " " .. origin.of .. ")"
end

--- weave(procedure, origin, site): puts the hooks of the site into procedure.steps, and says so in
--- origin: notes, and `digest`, which stands for the script and all that was woven into it. Raises
--- Usage for a mistake of the site file, InvalidScript for one of a hook's file.
function hooks.weave(procedure, origin, of)
    local entries = by_step(entries_of(of, procedure), procedure)
    local woven, digests = {}, {origin.sha256}
    local function add(step)
        if step.origin then
            gather_permissions(procedure, step)
            table.insert(origin.notes, note(step))
            table.insert(digests, table.concat({step.origin.hook, step.origin.of, step.id,
                                                step.origin.sha256 or ""}, " "))
        end
        woven[#woven + 1] = step
    end
    for _, step in ipairs(procedure.steps) do
        local at = entries[step.id]
        each(at.before, step, add)
        for _, taken in ipairs(at.replaced and replaced(at.replaced, step) or {step}) do
            add(taken)
        end
        each(at.after, step, add)
    end
    procedure.steps = woven
    origin.digest = #digests > 1 and digest.sha256(table.concat(digests, "\n")) or origin.sha256
    if #digests > 1 then
        contract.check_woven(procedure, origin.source)
    end
end

return hooks
