---@meta _

--- What a procedure's script returns; docs/guide.md tells how to write one.
---
---     ---@param ctx salvor.Context
---     local function look(ctx)
---         ctx:note(ctx.params.name .. " is looked for in " .. ctx.namespace)
---     end
---
---     ---@type salvor.Procedure
---     return {id = "example/look", ...}
---@class salvor.Procedure
---@field id string `<system>/<name>`, as the file's place says.
---@field title string One line.
---@field summary string A sentence or two.
---@field document? string The title of the vendor's document.
---@field systems salvor.ProcedureSystem[] What it is for.
---@field categories ("prepare"|"backup"|"restore"|"check"|"destructive"|"safe")[] With `check` all
--- steps are checks; with `safe` no step is destructive.
---@field params salvor.ProcedureParam[]
---@field permissions salvor.Permission[] What it must be allowed to do.
---@field steps salvor.Step[] In order; checks before the first change.
---@field elsewhere? fun(params: table<string, any>): {context?: string, namespace?: string}[] Other
--- places that it works on; what is left out is the target's.
---@field next? fun(ctx: salvor.Context): string[] Lines that say what comes after.

---@class salvor.ProcedureSystem
---@field name string
---@field versions string

---@alias salvor.ParamType
---| "string"|"integer"|"boolean"|"duration"|"size"|"url"|"path"|"program"|"name"|"enum"|"list"
---| "secret"

---@class salvor.ProcedureParam
---@field name string Of a-z, 0-9 and _.
---@field type salvor.ParamType
---@field help string
---@field default? string|number|boolean
---@field required? boolean
---@field values? string[] Of an enum.

--- `kind`, `namespace` and `names` may be functions of the parameters.
---@class salvor.Permission
---@field kind string|fun(params: table<string, any>): string `plural[.group][/subresource]`.
---@field verbs string[]
---@field namespace? string|fun(params: table<string, any>): string? Left out: the target; "": the
--- whole cluster; any other one by its name.
---@field names? string[]|fun(params: table<string, any>): string[]? Only objects of these names.
---@field elsewhere? boolean Needed in the procedure's other places, too.
---@field when? fun(params: table<string, any>): boolean? Whether it is needed at all.

---@class salvor.Step
---@field id string
---@field title string One line.
---@field why string The reason.
---@field check? boolean Part of the preflight; calls ctx:problem() when something is wrong.
---@field needs? string[] Ids of checks without which this one means nothing.
---@field when? fun(ctx: salvor.Context): boolean? Whether the step is wanted at all.
---@field done? fun(ctx: salvor.Context): boolean? Whether it is so already.
---@field run fun(ctx: salvor.Context) Does it; what fails raises (use `must`).
---@field verify? fun(ctx: salvor.Context): boolean? Whether it holds; asked after the step and
--- again when a run is resumed.
---@field undo? fun(ctx: salvor.Context) Takes back what the step did, or began to do.
---@field destructive? string|fun(ctx: salvor.Context): string? What is lost; the operator types it.
---@field timeout? number Seconds.
---@field retry? integer How many more times after an error that may pass.

--- What a step's functions are given. What its methods do outside the cluster is listed by a plan
--- and journaled by a run; they raise what fails.
---@class salvor.Context
---@field params table<string, any> The parameters' values.
---@field facts table<string, any> Plain values for later steps, which the journal keeps: no secret.
---@field k8s k8s.Client A client whose writes are planned or journaled.
---@field namespace string The target namespace.
---@field elsewhere k8s.Client[] One for each of the procedure's other places.
---@field cluster {server: string, context?: string, uid?: string}
---@field run string The run's id.
---@field planning boolean True in a plan.
local ctx = {}

--- Of a check: why the procedure cannot be done, and the cure.
---@param message string
---@param hint? string
function ctx:problem(message, hint) end

--- What the operator must know, and does not stop the procedure.
---@param message string
---@param hint? string
function ctx:warn(message, hint) end

--- What the operator may know: a line in the display and the journal.
---@param message string
function ctx:note(message) end

--- The name for an object that this run creates, the same when it is resumed.
---@param prefix string
---@return string
function ctx:name(prefix) end

---@class salvor.Effect
---@field verb string
---@field target string What it is done to.
---@field run fun(): any Does it; its result is that of the call.
---@field preview? fun(): any, table[]? Instead of `run` in a plan: the result there, and changes.
---@field summary? fun(result: any): table What the journal keeps of the result, never a secret.

--- Anything that is neither a program nor a store.
---@param effect salvor.Effect
---@return any result
function ctx:perform(effect) end

---@class salvor.CommandOptions: salvor.ProcOptions
---@field read_only? boolean The command changes nothing: a plan runs it too.

--- Runs a program, as proc.run() does: an exit code other than 0 is a result, not an error.
---@param argv string[]
---@param options? salvor.CommandOptions
---@return salvor.ProcResult
function ctx:command(argv, options) end

--- Opens a store. `secret` may be the name of a Secret in the target namespace.
---@param url string A URL, a folder, or @NAME for a store of the site.
---@param options? table<string, any> As of store.open().
---@return salvor.Store
function ctx:store(url, options) end

--- Copies a tree, as store.copy() does.
---@param from string|salvor.Store
---@param to string|salvor.Store
---@param options? salvor.StoreCopyOptions
---@return salvor.StoreSummary
function ctx:copy(from, to, options) end

--- The recovery kit at a URL.
---@param url string A URL, a folder, or @NAME for a store of the site.
---@return salvor.Kit
function ctx:kit(url) end

--- What a generation of a kit was made of.
---@class salvor.KitSystem
---@field kind string
---@field name string
---@field namespace? string
---@field uid? string
---@field version? string

--- A recovery kit. A run writes one generation of it, which is the latest once it is published.
---@class salvor.Kit
---@field url string Where it is.
local kit = {}

--- Whether it can take a generation of that system; changes nothing.
---@param system? salvor.KitSystem Any without it.
---@return true?
---@return salvor.Error? err
function kit:check_place(system) end

--- The runs that began a generation here and never finished it.
---@return string[]?
---@return salvor.Error? err
function kit:unfinished() end

--- Adds an object as it can be applied elsewhere.
---@param path string
---@param object table
function kit:save(path, object) end

--- Adds a file.
---@param path string
---@param data string
---@param source? table What it was made from.
function kit:write(path, data, source) end

--- Whether this run has written these files, and they are as it did.
---@param paths string[]
---@return boolean
function kit:holds(paths) end

--- Reads back what was written, writes the manifest and makes the generation the latest one.
---@param system salvor.KitSystem
---@return string place
function kit:publish(system) end

--- A generation, each file compared with the manifest.
---@param run? string Of that run; the latest one without it.
---@return table? manifest
---@return table<string, string>|salvor.Error files Data by path.
function kit:read(run) end
