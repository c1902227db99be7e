---@meta salvor.k8s

--- Kubernetes.
---
---     local k8s = require("salvor.k8s")
---     local c = must(k8s.connect{context = "prod", namespace = "apic"})
---     for _, pod in ipairs(must(c:list("po", {label_selector = {app = "db"}}))) do
---         print(pod.metadata.name, pod.status.phase)
---     end
---
--- A call that can fail returns nil and an error object. Its `code` is the server's reason
--- (`NotFound`, `AlreadyExists`, `Conflict`, `Forbidden`, `Invalid`, `Expired`, ...) or one of
--- `Unauthorized`, `Untrusted` (the server's certificate), `Unreachable` (nothing was sent),
--- `Disconnected` (a change may or may not have been made), `Timeout`, `Corrupt`, `TooLarge`,
--- `Failed` (what is waited for). `status` is the HTTP status, `details` the server's details,
--- `retry_after` the seconds it asked to wait. An iterator raises the error object. Wrong arguments
--- raise, and so does an unknown option.
---
--- What is repeated, at most ten times and within the call's deadline: any request that the server
--- refuses before doing anything (429) when Retry-After says when; reads also after a 5xx with
--- Retry-After, when the connection was lost, and when the server is behind the version that is
--- asked for (504). A change that may have been made is never sent again. `details` of an answer
--- that is no Status has the beginning of its text as a cause.
local k8s = {}

---@class k8s.ConnectOptions
---@field kubeconfig? string Only this file. Otherwise $KUBECONFIG, ~/.kube/config, a pod's account.
---@field context? string Instead of the current context.
---@field namespace? string Instead of the context's.
---@field timeout? number Seconds for each call that names none; 30. Finding out what a word for a
--- kind means counts towards it.
---@field on_warning? fun(text: string) Told each of the server's warnings once; logged otherwise.
---@field impersonate? k8s.ImpersonateOptions Act as somebody else; instead of `as`.
---@field cache? boolean|string Where what discovery learns is kept for six hours, so that a word
--- for a kind costs no request: a folder, $XDG_CACHE_HOME/salvor unless named; false: nowhere. The
--- server is asked anew when a word means nothing, or a kind's path is not known to it.

--- As whom to act, as kubectl's --as, --as-uid, --as-group and --as-user-extra.
---@class k8s.ImpersonateOptions
---@field user string
---@field uid? string
---@field groups? string[]
---@field extra? table<string, string[]>

--- Reads the configuration and gives a client. Nothing is sent yet.
---
--- A credential plugin (exec) is run when the first request needs it and again when what it printed
--- has expired or was refused (401); the refused request is not repeated. The run counts towards a
--- call's time limit unless the plugin may ask a person at the terminal.
---
--- Requests go through the cluster's proxy-url (http, https, socks5), otherwise through the
--- environment's HTTPS_PROXY unless NO_PROXY lists the server; names are left to a socks5 proxy.
---@param opts? k8s.ConnectOptions
---@return k8s.Client? client
---@return salvor.Error? err
function k8s.connect(opts) end

---@class k8s.ContextsOptions
---@field kubeconfig? string Only this file. Otherwise $KUBECONFIG, ~/.kube/config.

---@class k8s.Context
---@field name string
---@field cluster? string
---@field user? string
---@field namespace? string
---@field server? string The cluster's address.
---@field current boolean The kubeconfig's current context.

--- The contexts of the kubeconfig, sorted by name, without secrets. Without a kubeconfig there are
--- none.
---
---     for _, context in ipairs(must(k8s.contexts())) do
---         print(context.current and "*" or " ", context.name, context.server)
---     end
---@param opts? k8s.ContextsOptions
---@return k8s.Context[]? contexts
---@return salvor.Error? err
function k8s.contexts(opts) end

--- A copy of an object without what a cluster added to it: status, and all metadata but name,
--- namespace, labels and annotations (without what controllers wrote there); finalizers and owners
--- go too. In the spec of core kinds (v1) what a server fills in by itself is left out, and
--- generated parts of pods, jobs, services, claims, volumes and service accounts where another
--- cluster would refuse or misread them. What is left makes the same object anew: data and
--- everything else stay byte for byte, empty maps and lists included. Takes a List or a plain list
--- of objects as well.
---@param object table
---@return table
function k8s.neat(object) end

--- Prints a table as `client:print_table()` does.
---@param rendered k8s.Table
---@return integer? rows
---@return salvor.Error? err
function k8s.print_table(rendered) end

--- How it stands with an object, by its kind's own rule: "failed" is for good, "waiting" has a
--- reason. There are rules for the kinds of Kubernetes itself, of API Connect and its databases,
--- and of Cassandra with Medusa; any other object is ready when its condition Ready is True. What
--- is being deleted is not ready. Takes whatever comes for an object.
---@param object table
---@return "ready"|"waiting"|"failed" state
---@return string? reason
function k8s.state(object) end

--- What a kind is: the answer of `client:kind()`.
---@class k8s.Kind
---@field group string "" for the core group.
---@field version string
---@field api_version string "apps/v1", "v1".
---@field kind string "Deployment".
---@field plural string
---@field singular string
---@field short_names string[]
---@field namespaced boolean
---@field verbs string[]
---@field categories string[]

--- A client of one cluster. Wherever a method takes a `kind`, it is whatever kubectl takes: "po",
--- "pods", "Pod", "deployments.apps", "deployments.v1.apps", "apps/v1/Deployment".
---@class k8s.Client
---@field server string
---@field context? string
---@field cluster? string
---@field user? string
---@field namespace string Where objects are looked for unless an option says otherwise.
---@field source string The kubeconfig file, or "service account".
---@field act_as? string The user who is acted as.
---@field timeout number
local client = {}

---@class k8s.GetOptions
---@field namespace? string
---@field subresource? string "status", "scale".
---@field resource_version? string
---@field timeout? number

--- One object.
---@param kind string
---@param name string
---@param opts? k8s.GetOptions
---@return table? object
---@return salvor.Error? err
function client:get(kind, name, opts) end

--- A text as kubectl takes it ("app=db,tier!=web"); a list of such terms ({"app in (a,b)",
--- "!canary"}); a map ({app = "db", tier = {"a", "b"}}); or both in one table. A value in a map is
--- only ever a value: what could be read as another term is refused.
---@alias k8s.LabelSelector string|table<string|integer, string|string[]>

--- The same without sets: fields are equal or not equal, and a server knows few of them.
---@alias k8s.FieldSelector string|table<string|integer, string>

---@class k8s.EachOptions
---@field namespace? string
---@field all_namespaces? boolean
---@field label_selector? k8s.LabelSelector
---@field field_selector? k8s.FieldSelector
---@field resource_version? string As the metadata of an answer has it; "0": whatever is at hand.
--- Without it the newest.
---@field resource_version_match? "exact"|"not_older_than" "not_older_than". One that the server
--- has yet to reach is waited for.
---@field timeout? number Seconds for each page; of `list` for all pages together.

---@class k8s.ListOptions: k8s.EachOptions
---@field full? boolean Give the whole List object (with its metadata) instead of its items.
---@field limit? integer Give at most so many; metadata.continue (see `full`) is for the next.
---@field continue? string Go on behind an earlier list with `limit` and otherwise the same options.

--- All objects of a kind as a list; each has its apiVersion and kind. With `full` the List object
--- {apiVersion, kind, metadata, items}.
---@param kind string
---@param opts? k8s.ListOptions
---@return table[]? items
---@return salvor.Error? err
function client:list(kind, opts) end

--- Iterates over the objects of a kind, 500 at a time, so that memory does not grow with their
--- number. While one page is used the next is on its way; leaving the loop ends that too. No object
--- comes twice, even when the list's snapshot expires on the way.
---
---     for pod in c:each("pods", {all_namespaces = true}) do ... end
---@param kind string
---@param opts? k8s.EachOptions
---@return fun(): table?
function client:each(kind, opts) end

---@class k8s.TableOptions
---@field namespace? string
---@field all_namespaces? boolean
---@field name? string One object; not with all_namespaces or a selector.
---@field label_selector? k8s.LabelSelector
---@field field_selector? k8s.FieldSelector
---@field wide? boolean When printed: columns of a priority other than 0 too.
---@field show_labels? boolean When printed: a column of the objects' labels.
---@field no_headers? boolean When printed: no line of titles.
---@field timeout? number Seconds for all pages together.

---@class k8s.TableColumn
---@field name string "Ready"
---@field type string "string", "integer", "number", "boolean", "date".
---@field format string "name" for the object's name, else mostly "".
---@field description string
---@field priority integer 0: always shown; others when there is room.

---@class k8s.TableRow
---@field cells any[] One for each column; ages are text ("87m"), null is `salvor.null`.
---@field object? table Of the object its kind, apiVersion and metadata without managedFields.

--- `tostring()` gives it as it is printed; "" when there are no rows.
---@class k8s.Table
---@field columns k8s.TableColumn[]
---@field rows k8s.TableRow[]

--- The objects of a kind as the server renders them for people (meta/v1 Table), which is what
--- `kubectl get` shows. A server that makes no tables of a kind leaves name and age.
---@param kind string
---@param opts? k8s.TableOptions
---@return k8s.Table? table
---@return salvor.Error? err
function client:table(kind, opts) end

--- Prints them to standard output as `kubectl get` does, a column NAMESPACE first with
--- all_namespaces; that there are none goes to standard error. Only the text is kept meanwhile,
--- since the last row may widen a column: of many objects it takes much less memory than
--- client:table(). Control characters in a cell are shown and not obeyed, secrets masked.
---@param kind string
---@param opts? k8s.TableOptions
---@return integer? rows How many were printed.
---@return salvor.Error? err
function client:print_table(kind, opts) end

---@class k8s.WriteOptions
---@field namespace? string Of an object that names none; a contradiction is an error.
---@field dry_run? boolean The server does everything but keep the result.
---@field field_manager? string Who writes: at most 128 printable bytes; "salvor".
---@field field_validation? "strict"|"warn"|"ignore" What becomes of unknown and repeated fields, on
--- servers from 1.25 on (older ones ignore this); else as the server has it.
---@field timeout? number

--- Creates an object; `AlreadyExists` when there is one. metadata.generateName works.
---@param object table
---@param opts? k8s.WriteOptions
---@return table? created
---@return salvor.Error? err
function client:create(object, opts) end

---@class k8s.ReplaceOptions: k8s.WriteOptions
---@field subresource? string

--- Puts a whole object in the place of the present one; `Conflict` when that has changed since
--- (metadata.resourceVersion).
---@param object table
---@param opts? k8s.ReplaceOptions
---@return table? new
---@return salvor.Error? err
function client:replace(object, opts) end

---@class k8s.ApplyOptions: k8s.WriteOptions
---@field subresource? string
---@field force? boolean Take over fields that another manager owns; otherwise that is a `Conflict`.

--- Server-side apply: creates the object, or makes the fields that are given what they are here. A
--- `Conflict` names each field that another manager owns, and who; details.causes has them one by
--- one. An object with metadata.managedFields is `Invalid`: it was read from a server, and applied
--- like that all its fields would become ours.
---@param object table
---@param opts? k8s.ApplyOptions
---@return table? new
---@return salvor.Error? err
function client:apply(object, opts) end

---@class k8s.PatchOptions: k8s.WriteOptions
---@field subresource? string
---@field type? "merge"|"json"|"strategic" "merge"; "strategic" is not for custom resources.

--- Changes parts of an object. In a merge patch `salvor.null` removes a field.
---@param kind string
---@param name string
---@param patch table
---@param opts? k8s.PatchOptions
---@return table? new
---@return salvor.Error? err
function client:patch(kind, name, patch, opts) end

---@class k8s.UpdateOptions: k8s.WriteOptions
---@field subresource? string

--- Reads an object, has it changed, and puts it back; from the beginning, five times at most, when
--- somebody else has changed it in between (`Conflict`).
---
---     must(c:update("cm", "settings", function(settings)
---         settings.data.size = tostring(tonumber(settings.data.size) + 1)
---     end))
---@param kind string
---@param name string
---@param change fun(object: table): table|false|nil, any? Changes the object, or returns another to
--- put in its place; false: leave it as it is; nil and an error: give up with that.
---@param opts? k8s.UpdateOptions
---@return table? object As it is now.
---@return salvor.Error? err
function client:update(kind, name, change, opts) end

---@class k8s.ScaleOptions: k8s.WriteOptions
---@field current_replicas? integer Only if there are so many now; otherwise `Conflict`.

--- Sets the number of replicas through the scale subresource, which takes the right to patch it
--- (with `current_replicas` to get and update it).
---@param kind string
---@param name string
---@param replicas integer
---@param opts? k8s.ScaleOptions
---@return table? scale
---@return salvor.Error? err
function client:scale(kind, name, replicas, opts) end

---@class k8s.EvictOptions
---@field namespace? string
---@field dry_run? boolean
---@field grace_period? integer Seconds.
---@field preconditions? {uid?: string, resourceVersion?: string}
---@field timeout? number

--- Ends a pod if its disruption budgets allow that; otherwise `TooManyRequests`, which names the
--- budget.
---@param pod string
---@param opts? k8s.EvictOptions
---@return table? answer A Status.
---@return salvor.Error? err
function client:evict(pod, opts) end

---@class k8s.DeleteOptions
---@field namespace? string
---@field dry_run? boolean
---@field timeout? number
---@field propagation? "background"|"foreground"|"orphan" What becomes of dependants; "background".
---@field preconditions? {uid?: string, resourceVersion?: string} `Conflict` unless they hold.
---@field grace_period? integer Seconds.

--- Asks for an object's end. With finalizers it goes later: see `wait` with `deleted`.
---@param kind string
---@param name string
---@param opts? k8s.DeleteOptions
---@return table? answer The object as it was or is, or a Status.
---@return salvor.Error? err
function client:delete(kind, name, opts) end

---@class k8s.DeleteAllOptions
---@field namespace? string
---@field label_selector? k8s.LabelSelector
---@field field_selector? k8s.FieldSelector
---@field all? boolean Instead of a selector: every one of the namespace.
---@field dry_run? boolean
---@field propagation? "background"|"foreground"|"orphan"
---@field grace_period? integer Seconds.
---@field timeout? number

--- Asks for the end of all objects that are selected, in one request. A selector or `all` must say
--- which.
---@param kind string
---@param opts k8s.DeleteAllOptions
---@return table? answer A List of what was there, or a Status.
---@return salvor.Error? err
function client:delete_all(kind, opts) end

---@class k8s.WatchOptions
---@field namespace? string
---@field all_namespaces? boolean
---@field name? string Only this object.
---@field label_selector? k8s.LabelSelector
---@field field_selector? k8s.FieldSelector
---@field resource_version? string Go on behind this version instead of telling what is there; one
--- that is too old begins with what is there.
---@field initial? boolean false: do not tell what is there.
---@field timeout? number Ends after so many seconds; never otherwise.

---@class k8s.Event
---@field type "ADDED"|"MODIFIED"|"DELETED"
---@field object table
---@field partial? true Of a DELETED that happened during a gap: `object` has only apiVersion, kind,
--- and of its metadata name, namespace, uid, resourceVersion and labels, as they were seen last.

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
---@field missing string[] All that is still waited for: "pods/db-0", or a kind with its selector.
---@field stalled? number Seconds without a change, when this is the report of a standstill.
---@field why? k8s.Why With `stalled`.

--- What is wanted of an object.
---@class k8s.WaitItem
---@field namespace? string
---@field ready? string|fun(object: table): (boolean, string?)|table A rule, a condition ("Ready",
--- "Ready=False"; in any case, and not of an older generation), or a list of these that must all
--- hold. Without it the kind's own rule: see `k8s.state`.
---@field failed? string|fun(object: table): boolean, string? Failed for good, and why. The kind's
--- own rule holds only where neither `ready` nor `failed` is given.
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

---@class k8s.LogsOptions
---@field namespace? string
---@field container? string Otherwise the pod's own default (annotation
--- kubectl.kubernetes.io/default-container), else its first, which is then said as a warning.
---@field previous? boolean Of the container as it was before its last restart.
---@field since? number|string The last so many seconds, or from a time on: "2024-05-06T07:08:09Z".
---@field tail? integer The last so many lines.
---@field timestamps? boolean Each line begins with its time.
---@field limit_bytes? integer The server ends the log there.
---@field timeout? number Seconds.
---@field limit? integer Bytes; 64 MiB. A longer log is the error `TooLarge`.

--- The log of a container as it is now, byte for byte. Takes the right to get pods/log, and to get
--- the pod unless the container is given.
---@param pod string
---@param opts? k8s.LogsOptions
---@return string? text
---@return salvor.Error? err
function client:logs(pod, opts) end

---@class k8s.EachLogOptions
---@field namespace? string
---@field container? string As for logs.
---@field containers? string[] Several at once.
---@field all_containers? boolean All of the pod at once, init and ephemeral ones too.
---@field follow? boolean Go on until the container ends.
---@field previous? boolean
---@field since? number|string
---@field tail? integer
---@field timestamps? boolean
---@field limit_bytes? integer
---@field timeout? number Seconds, for all of it; `Timeout` is raised then. Without it a log that
--- is followed may be silent for ever, and another one for the client's timeout.

--- Iterates over the lines of a log; memory does not grow with it. Gives the line without its "\n"
--- (a "\r" before that stays), the container, and true when a line of more than 1 MiB goes on with
--- the next one, or was cut off by what is raised then.
---
--- A log that is followed ends with its container. When the connection to the server or the one
--- between server and node is lost, `Disconnected` is raised; the latter is told from the pod,
--- which takes the right to get it.
---
---     for line, container in c:each_log("db-0", {all_containers = true, follow = true}) do
---         print(container, line)
---     end
---@param pod string
---@param opts? k8s.EachLogOptions
---@return fun(): string?, string?, boolean?
function client:each_log(pod, opts) end

---@class k8s.DownloadOptions
---@field namespace? string
---@field container? string Otherwise the pod's own default, else its first.
---@field replace? boolean A folder may take the place of what is there.
---@field limit? integer Bytes of all files together; 1 TiB.
---@field timeout? number Seconds for all of it; otherwise only a connection that is lost ends it.
---@field on_progress? fun(bytes: integer, entries: integer) Told up to ten times a second.

---@class k8s.Transfer
---@field bytes integer Of all files.
---@field entries integer Files, folders and links.
---@field skipped {name: string, reason: string}[] What was left out: devices, pipes and sockets,
--- and on the way from a container links that lead out of the folder.
---@field path string Where it is now.

--- Copies a file or folder from a container, whose image must have tar. Into a local folder that is
--- there it goes under its own name, otherwise it becomes `local_path`. A file takes the place of a
--- file; a folder is refused where there is one (`AlreadyExists`), unless it is to be replaced.
---
--- All or nothing: it grows under a temporary name beside its place, and takes that in one step
--- when the archive was whole and tar has succeeded. What the container sends is not trusted: an
--- entry that would be anywhere else (`..`, absolute names, through links) is `Corrupt`, naming it,
--- and nothing is kept. Modes are kept but for setuid, setgid and sticky; so are times, not owners.
---@param pod string
---@param remote_path string
---@param local_path string
---@param opts? k8s.DownloadOptions
---@return k8s.Transfer? done
---@return salvor.Error? err
function client:download(pod, remote_path, local_path, opts) end

---@class k8s.UploadOptions
---@field namespace? string
---@field container? string Otherwise the pod's own default, else its first.
---@field replace? boolean It may take the place of a folder, or a folder that of anything.
---@field timeout? number Seconds for all of it; otherwise only a connection that is lost ends it.
---@field on_progress? fun(bytes: integer, entries: integer) Told up to ten times a second.

--- Copies a local file or folder to a container, whose image must have sh, tar, mv, and dd or head.
--- Where it goes, and that it is all or nothing, is as for download. Links are copied as links.
--- Files belong to whom commands in the container run as. What changes while it is read is an error
--- (`Conflict`).
---@param pod string
---@param local_path string
---@param remote_path string
---@param opts? k8s.UploadOptions
---@return k8s.Transfer? done
---@return salvor.Error? err
function client:upload(pod, local_path, remote_path, opts) end

---@class k8s.CanOptions
---@field namespace? string
---@field all_namespaces? boolean
---@field name? string
---@field subresource? string
---@field timeout? number

---@class k8s.CanQuestion
---@field verb string
---@field kind string
---@field namespace? string
---@field all_namespaces? boolean
---@field name? string
---@field subresource? string

--- Asks the server whether this user may do that. `kind` may be a path as well ("/metrics"). What
--- cannot be asked is nil and an error, not false.
---
--- Many questions are asked side by side, those about one namespace in one request where the server
--- says that it knows all the rules there:
---
---     c:can("delete", "pods")                      -> true, or false and the server's reason
---     c:can({"get", "list"}, "pods")               -> {get = true, list = false}
---     c:can{{verb = "get", kind = "pods"}, ...}    -> {true, ...} in the questions' order
---@param verb string|string[]|k8s.CanQuestion[] "get", "list", "watch", "create", "update",
--- "patch", "delete", ...
---@param kind? string|{timeout?: number} With questions: options.
---@param opts? k8s.CanOptions
---@return boolean|table<string, boolean>|boolean[]|nil allowed
---@return string|salvor.Error? reason
function client:can(verb, kind, opts) end

--- What a word for a kind means here; `NotFound` with names that are close, `ServiceUnavailable`
--- when it is one of a group whose API service does not answer.
---@param kind string
---@return k8s.Kind? record
---@return salvor.Error? err
function client:kind(kind) end

--- All kinds that the cluster has now, in the server's order; without those of groups that do not
--- answer.
---@return k8s.Kind[]? records
---@return salvor.Error? err
function client:kinds() end

---@class k8s.RequestOptions
---@field path string "/version"
---@field method? string "GET".
---@field query? table<string, string|number|boolean|string[]>
---@field headers? table<string, string>
---@field body? table|string A table is sent as JSON.
---@field raw? boolean Give the body as a string instead of what its JSON says.
---@field timeout? number

--- Any request. `headers` of the answer have names in lower case.
---@param opts k8s.RequestOptions
---@return {status: integer, headers: table<string, string>, body: any}? answer
---@return salvor.Error? err
function client:request(opts) end

---@class k8s.OpenExecOptions
---@field namespace? string
---@field container? string Otherwise the pod's default (annotation
--- kubectl.kubernetes.io/default-container), else its first.
---@field stdin? boolean There will be standard input.
---@field tty? boolean A terminal; standard error then comes with standard output.
---@field size? {width: integer, height: integer} Of the terminal, in characters.
---@field timeout? number Seconds until the streams are there.

---@class k8s.ExecOptions
---@field namespace? string
---@field container? string As for `open_exec`.
---@field stdin? string|fun(): string? Standard input, or a function that gives it in pieces, then
--- nil; it may wait.
---@field tty? boolean
---@field size? {width: integer, height: integer}
---@field timeout? number Seconds for the whole call.
---@field limit? integer Bytes of each output that are collected; 64 MiB. Error `TooLarge` beyond.
---@field on_stdout? fun(chunk: string) Given the output as it comes, instead of collecting it. May
--- wait, which holds the command up.
---@field on_stderr? fun(chunk: string)
---@field read_only? boolean The command changes nothing: the plan of a procedure runs it too.

---@class k8s.ExecResult
---@field code integer The exit code; 128 + n after signal n.
---@field stdout string "" when on_stdout was given it.
---@field stderr string

--- Runs a command in a container, by the WebSocket protocol of KEP 4006. An exit code other than 0
--- is no error of the call; without one nobody knows how the command ended, which is `Disconnected`
--- and never success. Ending the call early (timeout, cancellation, Ctrl-C) closes the streams; the
--- command itself ends only when it notices.
---
---     local result = must(c:exec("db-0", {"cat", "/etc/hostname"}))
---     print(result.code, result.stdout)
---
--- API servers older than 1.30 speak v4.channel.k8s.io, which cannot end standard input: there a
--- command that reads to the end of it runs into the timeout. Let it read a size it knows
--- ("head -c N"). Takes the right to `get` and (from 1.35 on) to `create` pods/exec, and to `get`
--- the pod unless the container is given.
---@param pod string
---@param argv string[] The program and its arguments; no shell is between.
---@param opts? k8s.ExecOptions
---@return k8s.ExecResult? result
---@return salvor.Error? err
function client:exec(pod, argv, opts) end

--- Starts a command and gives its streams.
---
---     local streams <close> = must(c:open_exec("db-0", {"tar", "cf", "-", "/data"}))
---     local chunk, channel = streams:read()
---     while chunk do
---         if channel == "stdout" then archive:write(chunk) end
---         chunk, channel = streams:read()
---     end
---     must(not channel, channel)
---     print(must(streams:wait()).code)
---@param pod string
---@param argv string[]
---@param opts? k8s.OpenExecOptions
---@return k8s.Session? streams
---@return salvor.Error? err
function client:open_exec(pod, argv, opts) end

--- The same for what runs in the container already: takes part in its streams until it ends. Takes
--- the rights to pods/attach that `exec` takes to pods/exec.
---@param pod string
---@param opts? k8s.ExecOptions
---@return k8s.ExecResult? result
---@return salvor.Error? err
function client:attach(pod, opts) end

--- The same as streams, as `open_exec` gives them.
---@param pod string
---@param opts? k8s.OpenExecOptions
---@return k8s.Session? streams
---@return salvor.Error? err
function client:open_attach(pod, opts) end

---@class k8s.PortForwardOptions
---@field namespace? string
---@field timeout? number Seconds to find the pod, and for each connection to the server.
---@field on_error? fun(err: salvor.Error) Told of each connection that fails, by a task that lasts
--- until the forward is closed. Without it they are logged when it is closed.

--- Makes ports of a pod reachable on 127.0.0.1, over one WebSocket for each connection. A client
--- whose connection fails sees it reset. The protocol cannot end one direction alone: the pod does
--- not learn that a client has ended its side, and 30 s later without a byte the connection goes.
--- Takes the rights to pods/portforward that `exec` takes to pods/exec, and to get the pod.
---
---     local forward <close> = must(c:port_forward("db-0", 5432))
---     print(forward.address, forward.port)
---@param pod string
---@param ports integer|string|(integer|string)[] 5432 or ":5432" for any local port,
--- "15432:5432" for that one.
---@param opts? k8s.PortForwardOptions
---@return k8s.Forward? forward
---@return salvor.Error? err
function client:port_forward(pod, ports, opts) end

--- The streams of a command. One task may read while another writes.
---@class k8s.Session
---@field container string
---@field protocol "v5.channel.k8s.io"|"v4.channel.k8s.io" The latter cannot end standard input.
local session = {}

--- What the command wrote next, and where; nil alone at the end. What is not read is not sent.
---@return string? chunk
---@return "stdout"|"stderr"|salvor.Error|nil channel
function session:read() end

--- Sends to standard input, waiting for room; `Closed` when the command has ended.
---@param data string
---@return boolean? ok
---@return salvor.Error? err
function session:write(data) end

--- Ends standard input; `Invalid` with v4.channel.k8s.io.
---@return boolean? ok
---@return salvor.Error? err
function session:close_stdin() end

--- Tells the terminal's size in characters.
---@param width integer
---@param height integer
function session:resize(width, height) end

--- Waits for the end, dropping what nobody has read, and tells how it was.
---@return {code: integer}? result
---@return salvor.Error? err
function session:wait() end

--- Ends the streams at once.
function session:close() end

--- A forwarded port.
---@class k8s.Forward
---@field address string "127.0.0.1"
---@field port integer The local port; of several the first.
---@field ports table<integer, integer> Local ports by those of the pod.
local forward = {}

--- Ends all connections and frees the ports.
function forward:close() end

return k8s
