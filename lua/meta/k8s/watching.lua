---@meta _

--- Of a Kubernetes client (lua/meta/k8s.lua): what happens to objects, and waiting for it.

---@class k8s.Client
local client = {}

---@class k8s.WatchOptions
---@field namespace? string
---@field all_namespaces? boolean
---@field name? string Only this object.
---@field label_selector? k8s.LabelSelector
---@field field_selector? k8s.FieldSelector
---@field resource_version? string Go on behind this version instead of telling what is there; one
--- that is too old begins with what is there.
---@field initial? boolean false: do not tell what is there.
---@field table? boolean Events have rows of tables instead of whole objects.
---@field timeout? number Ends after so many seconds; never otherwise.

---@class k8s.Event
---@field type "ADDED"|"MODIFIED"|"DELETED"
---@field object table
---@field partial? true Of a DELETED that happened during a gap: `object` has only apiVersion, kind,
--- and of its metadata name, namespace, uid, resourceVersion and labels, as they were seen last.
---@field row? k8s.TableRow With the option `table`, unless it is partial: the object as the server
--- renders it for people. `object` then has only apiVersion, kind and metadata.
---@field columns? k8s.TableColumn[] Those of the row.

--- Iterates over what happens, beginning with an ADDED for each object that is there. Lost
--- connections and expired versions are bridged: no change is lost and none comes twice (of several
--- changes during a gap the last one is told). Only versions are remembered, not objects, so that a
--- watch of many needs little memory. It ends with an error when the right to watch or the kind
--- itself has gone, and when what comes is not what a server sends (`Corrupt`).
---
---     for event in c:watch("jobs", {timeout = 60}) do print(event.type, event.object) end
---@param kind string
---@param opts? k8s.WatchOptions
---@return fun(): k8s.Event?
function client:watch(kind, opts) end

--- Why an object does not get on, as far as the user may see it; at most ten events, five pods and
--- ten lines of each log. Escapes and control characters are made visible.
---@class k8s.Why
---@field line? string What tells most: "pod db-0, container db: CrashLoopBackOff: exit code 1:
--- last line: FATAL: ...", or the last warning.
---@field events k8s.EventEntry[]
---@field pods k8s.WhyPod[] Those that are not ready, the worst first: the pod itself, those of a
--- workload, or those that a custom resource owns through whatever is between.

---@class k8s.WhyPod
---@field name string
---@field reason string
---@field warning? string The last one of a pod that has not begun: "FailedMount: ...".
---@field containers k8s.WhyContainer[] Those that wait, have crashed or are not ready.

---@class k8s.WhyContainer
---@field name string
---@field reason string "CrashLoopBackOff: exit code 1".
---@field exit_code? integer
---@field restarts integer
---@field log string[] Its last lines; of a container that crashed, those before the crash.

---@class k8s.Progress
---@field kind string Its plural.
---@field name string
---@field object? table
---@field state string One line: phase, state, message, conditions.
---@field reason? string What the rule gave beside "not yet".
---@field elapsed number Seconds.
---@field left integer How many are still waited for.
---@field missing fun(): string[] All of them: "pods/db-0", or a kind with its selector.
---@field stalled? number Seconds without a change, when this is the report of a standstill.
---@field why? k8s.Why With `stalled`.
---@field trouble? salvor.Error Why the API server has not answered for some seconds; the wait goes
--- on trying. Told with `tick`.

--- What is wanted of an object.
---@class k8s.WaitItem
---@field namespace? string
---@field ready? string|fun(object: table): (boolean, string?)|table A rule, a condition ("Ready",
--- "Ready=False"; in any case, and not of an older generation), or a list of these that must all
--- hold. Without it the kind's own rule: see `k8s.state`.
---@field failed? string|fun(object: table): boolean, string? Failed for good, and why. The kind's
--- own rule holds only where neither `ready` nor `failed` is given.
---@field wanted? string What `ready` means, for errors and plans: "to begin".
---@field deleted? boolean Wait until it is gone; one that comes after it under its name is another.
---@field create? boolean It may not exist yet.
---@field label_selector? k8s.LabelSelector All these in the place of a name. At least
--- one must exist; those that come meanwhile are waited for too.
---@field field_selector? k8s.FieldSelector
---@field all_namespaces? boolean With a selector, or for all of a kind.

---@class k8s.WaitOptions: k8s.WaitItem
---@field timeout? number Seconds; 30. 0 looks once, below 0 means a week.
---@field stall? number Seconds without a change (of more than times) after which that is reported.
---@field on_progress? fun(report: k8s.Progress) Told each change, and a standstill once; without
--- it a standstill is logged.
---@field tick? number Seconds; `on_progress` is told so often even when nothing happens.

--- Waits for one object, for several of a kind by a list of names, or (name nil) for all that
--- selectors select; several must be as wanted at the same time. Takes the rights to list and to
--- watch. Errors: `Failed` with the reason, `NotFound` when one is absent or deleted meanwhile,
--- `Timeout` with what was waited for, the last state and what kept it; the first failure ends the
--- wait. `details.object` is the object as it was seen last, `details.why` a k8s.Why, for which an
--- error may come up to five seconds late.
---@param kind string
---@param name string|string[]|nil
---@param opts? k8s.WaitOptions
---@return table? object As it is now; with `deleted` as it was last, or true. A list of these
--- unless one name was given.
---@return salvor.Error? err
function client:wait(kind, name, opts) end

---@class k8s.WaitAllItem: k8s.WaitItem
---@field kind string
---@field name? string|string[]

---@class k8s.WaitAllOptions
---@field namespace? string Of items that name none.
---@field timeout? number As for `wait`, of all together; so are the others.
---@field stall? number
---@field on_progress? fun(report: k8s.Progress)
---@field tick? number

--- Waits until all are as wanted at the same time; the first failure ends the wait. Objects of one
--- kind in one namespace share a watch.
---
---     must(c:wait_all({
---         {kind = "mgmt", name = "management"},
---         {kind = "po", label_selector = "app=db"},
---         {kind = "job", name = "old-restore", deleted = true},
---     }, {timeout = 1800, stall = 120}))
---@param items k8s.WaitAllItem[]
---@param opts? k8s.WaitAllOptions
---@return table[]? results For each item what `wait` gives for it.
---@return salvor.Error? err
function client:wait_all(items, opts) end

---@class k8s.EventsOptions
---@field namespace? string
---@field all_namespaces? boolean Without an object.
---@field limit? integer The newest of them.
---@field timeout? number

---@class k8s.EventEntry
---@field time string When it happened last: "2026-01-01T00:00:09Z".
---@field type string "Normal", "Warning".
---@field reason string "FailedScheduling".
---@field message string
---@field count integer How often.
---@field source string "kubelet, node1".
---@field object string "pod/db-0".
---@field namespace? string That of the object.

--- What was noted of an object (of one that is given, not of one before it with its name), or of
--- all in a namespace; the newest last, the same thing happening again as one entry.
---
---     c:events("po", "db-0")
---     c:events(object)
---     c:events({namespace = "apic", limit = 20})
---@param of? string|table A kind, an object, or options.
---@param name? string|k8s.EventsOptions With a kind its name.
---@param opts? k8s.EventsOptions
---@return k8s.EventEntry[]? events
---@return salvor.Error? err
function client:events(of, name, opts) end

---@class k8s.OwnersOptions
---@field timeout? number Seconds for each.

--- The owner of an object, the owner of that and so on: by the reference that is the controller's,
--- or the first. One that cannot be read ends the chain with {apiVersion, kind, metadata, problem},
--- `problem` being why: an error, or that another object bears its name now.
---@param object table
---@param opts? k8s.OwnersOptions
---@return table[] owners The nearest first.
function client:owners(object, opts) end

---@class k8s.TreeOptions
---@field namespace? string
---@field timeout? number Seconds to read the root.

---@class k8s.Tree
---@field kind string
---@field name string
---@field object table
---@field state "ready"|"waiting"|"failed" See `k8s.state`.
---@field reason? string
---@field children k8s.Tree[]
---@field skipped? {kind: string, problem: salvor.Error}[] Of the root: what could not be listed.
---@field is_cut? boolean Of the root: there is more than a tree holds (10,000).

--- An object with everything it owns, directly or not, by the uids of owner references. Every kind
--- that the user may list is looked at, in the object's namespace; for an object of the whole
--- cluster, in all. `tostring` makes a table of it.
---
---     print(must(c:tree("deploy", "web")))
---@param kind string
---@param name string
---@param opts? k8s.TreeOptions
---@return k8s.Tree? tree
---@return salvor.Error? err
function client:tree(kind, name, opts) end
