--- What a step's functions are given.
--
--   params, facts     values from the operator; plain values that steps leave for later ones (they
--                     are kept in the journal, so never a secret)
--   k8s, namespace    the client, whose writes are planned or journaled; the target namespace
--   run, planning     the run's id; true while nothing may be done
--   problem, warn, note, name, kit    see below
local kit = require("salvor.procedure.kit")
local secret = require("salvor.secret")

local Context = {}
Context.__index = Context

local function add(self, level, message, hint)
    table.insert(self.findings, {
        level = level,
        message = secret.mask(message),
        hint = hint and secret.mask(hint),
    })
end

--- A check's reason why the procedure cannot be done, and what to do about it.
function Context:problem(message, hint)
    add(self, "problem", message, hint)
end

--- Something the operator must know, which does not stop the procedure.
function Context:warn(message, hint)
    add(self, "warning", message, hint)
end

--- Something worth a line in the display and the journal.
function Context:note(message)
    add(self, "note", message)
end

--- The name for an object that this run creates: the same one whenever the run is resumed.
function Context:name(prefix)
    return prefix .. "-" .. self.run
end

--- The recovery kit in the folder `path`, for `system` {kind, namespace, name, uid}.
function Context:kit(path, system)
    if not self.kits[path] then
        self.kits[path] = kit.open(path, {
            run = self.run,
            performer = self.performer,
            entries = self.kit_entries,
            header = {system = system, cluster = self.cluster, procedure = self.procedure,
                      created = self.started},
        })
    end
    return self.kits[path]
end

--- Removes what is half-written, after a step has failed.
function Context:discard_kits()
    for _, opened in pairs(self.kits) do
        opened:discard()
    end
end

local context = {}

--- new{procedure, source (where its script is), run, started, params, namespace, k8s, cluster,
--- performer, facts, kit_entries}
function context.new(fields)
    fields.facts = fields.facts or {}
    fields.kit_entries = fields.kit_entries or {}
    fields.findings = {}
    fields.kits = {}
    fields.planning = fields.performer.planning
    return setmetatable(fields, Context)
end

return context
