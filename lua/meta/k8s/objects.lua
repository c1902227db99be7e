---@meta _

--- Of a Kubernetes client (lua/meta/k8s.lua): reading and writing objects.

---@class k8s.Client
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

--- All objects of a kind as a list, as they were at one time; each has its apiVersion and kind.
--- With `full` the List object {apiVersion, kind, metadata, items}.
---@param kind string
---@param opts? k8s.ListOptions
---@return table[]? items
---@return salvor.Error? err
function client:list(kind, opts) end

--- Iterates over the objects of a kind, 500 at a time, so that no more than their uids is kept of
--- those before. While one page is used the next is on its way; leaving the loop ends that too. No
--- object comes twice, even when the list's snapshot expires on the way.
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

---@class k8s.PrintTableOptions: k8s.TableOptions
---@field watch? boolean Go on: a line for each event, also of what is deleted. `timeout` is then
--- when it ends; never otherwise.

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
---
--- With `watch` as `kubectl get -w` does, but gaps are bridged as `client:watch()` does it: of what
--- went away meanwhile the line has the name and "<unknown>". A column grows with its cells. When
--- there is nothing at first, nothing is said.
---@param kind string
---@param opts? k8s.PrintTableOptions
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
