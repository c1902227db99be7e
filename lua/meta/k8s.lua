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
--- kind means counts towards it. A kubeconfig that is a pipe has to be written within that time.
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
---@field insecure boolean The kubeconfig says not to verify the server.
---@field timeout number
local client = {}

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

return k8s
