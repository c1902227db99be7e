--- What a step's functions are given.
--
--   params, facts     values from the operator; plain values that steps leave for later ones (they
--                     are kept in the journal, so never a secret)
--   k8s, namespace    the client, whose writes are planned or journaled; the target namespace
--   run, planning     the run's id; true while nothing may be done
--   elsewhere         the clients of the other places that the procedure names, each as k8s
--   wait              wait(what, progress), which is told how a wait goes that is not the client's
--   problem, warn, note, name, perform, command, store, copy, kit
--                     see below
local check = require("salvor.check")
local kit = require("salvor.procedure.kit")
local outside = require("salvor.procedure.outside")
local merge = require("salvor.copy").merge
local site = require("salvor.procedure.site")
local text = require("salvor.procedure.text")

local TEXT, HINT = "string|number", "string|number|nil"

local Context = {}
Context.__index = Context

local function add(self, level, message, hint)
    table.insert(self.findings, {
        level = level,
        message = text.plain(message),
        hint = hint and text.plain(hint),
    })
end

--- A check's reason why the procedure cannot be done, and what to do about it.
function Context:problem(message, hint)
    check.type(message, TEXT, "ctx:problem: message")
    check.type(hint, HINT, "ctx:problem: hint")
    add(self, "problem", message, hint)
end

--- Something the operator must know, which does not stop the procedure.
function Context:warn(message, hint)
    check.type(message, TEXT, "ctx:warn: message")
    check.type(hint, HINT, "ctx:warn: hint")
    add(self, "warning", message, hint)
end

--- Something worth a line in the display and the journal.
function Context:note(message)
    check.type(message, TEXT, "ctx:note: message")
    add(self, "note", message)
end

--- The name for an object that this run creates: the same one whenever the run is resumed.
function Context:name(prefix)
    check.type(prefix, "string", "ctx:name: prefix")
    return prefix .. "-" .. self.run
end

local function nothing_yet()
    return true, {}
end

--- Something outside the cluster that is neither a program nor a store, done as an effect: {verb,
--- target, run, preview, summary} of salvor.procedure.effects, where `preview` may be left out.
function Context:perform(effect)
    check.type(effect, "table", "ctx:perform: effect")
    check.type(effect.verb, "string", "ctx:perform: effect.verb")
    check.type(effect.target, "string", "ctx:perform: effect.target")
    return self.performer:perform(merge({preview = nothing_yet}, effect))
end

-- Those of proc.run, and whether a plan runs it, too. A plan has to find a mistake in them.
local COMMAND = {cwd = "string", env = "table", limit = "number", read_only = "boolean",
                 stdin = true, timeout = "number"}

--- A program, as proc.run takes it; its result, or an error is raised. A plan lists it and does it
--- not, unless options.read_only says that it changes nothing.
function Context:command(argv, options)
    check.command(argv, "ctx:command")
    check.options(options, COMMAND, "ctx:command")
    return outside.command(self.performer, argv, options)
end

--- The URL of a store and options for it: those of a store of the site (@NAME), the credentials of
--- a Secret that is named by its name.
local function location(self, url, options)
    local target, known = must(site.store(self.site, url))
    options = merge(known, options)
    if type(options.secret) == "string" then
        options.secret = must(self.k8s:get("secrets", options.secret))
    end
    return target, options
end

--- A store whose writes are planned or journaled, or an error is raised. options: of store.open;
--- `secret` may be the name of a Secret in the target namespace.
function Context:store(url, options)
    check.type(url, "string", "ctx:store: url")
    return outside.store(self.performer, location(self, url, options))
end

--- store.copy, planned or journaled; its summary.
function Context:copy(from, to, options)
    options = merge({}, options)
    if type(from) == "string" then
        from, options.from = location(self, from, options.from)
    end
    if type(to) == "string" then
        to, options.to = location(self, to, options.to)
    end
    return outside.copy(self.performer, from, to, options)
end

--- The recovery kit at `url`, which may be a folder.
function Context:kit(url)
    check.type(url, "string", "ctx:kit: url")
    if not self.kits[url] then
        local place, options = location(self, url)
        self.kits[url] = must(kit.open(place, {
            store = options,
            run = self.run,
            performer = self.performer,
            entries = self.kit_entries,
            header = {cluster = self.cluster, procedure = self.procedure, created = self.started},
        }))
    end
    return self.kits[url]
end

--- Removes what is half-written, after a step has failed.
function Context:discard_kits()
    for _, opened in pairs(self.kits) do
        -- What made the step fail may make this fail, too; a run that is resumed sweeps again.
        pcall(opened.discard, opened)
    end
end

local context = {}

--- new{procedure, source (where its script is), run, started, params, unread (the errors of those
--- that may not be read), namespace, k8s, cluster, elsewhere, performer, facts, kit_entries, site}
function context.new(fields)
    fields.facts = fields.facts or {}
    fields.kit_entries = fields.kit_entries or {}
    fields.findings = {}
    fields.kits = {}
    fields.site = fields.site or {layers = {}}
    fields.planning = fields.performer.planning
    return setmetatable(fields, Context)
end

return context
