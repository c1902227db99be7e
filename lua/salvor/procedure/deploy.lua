--- The objects that run a procedure inside the cluster: an account with what `salvor rbac` allows,
--- a Job or CronJob, and a ConfigMap for what the site brings along.
local deploy_site = require("salvor.procedure.deploy_site")
local fs = require("salvor.fs")
local keys = require("salvor").keys
local list = require("salvor").list
local params = require("salvor.procedure.params")
local permissions = require("salvor.procedure.permissions")
local rbac = require("salvor.procedure.rbac")
local references = require("salvor.procedure.references")
local settings = require("salvor.procedure.settings")
local usage = require("salvor.usage")

local deploy = {}

--- The folder of runs in the container ($XDG_STATE_HOME/salvor), and whatever else is to be kept.
deploy.STATE = "/var/lib/salvor"

-- Bytes; the API server takes no larger ConfigMap.
local LARGEST = 1024 * 1024

-- Characters: a CronJob's name with the 11 that are added to it for each Job fits into a label.
local LONGEST_NAME = 52

-- Parameters

--- What is a folder or file of the container; nil for other parameters and for URLs.
local function place(declaration, text)
    local is_place = declaration.type == "path"
        or declaration.type == "url" and not text:find("^%a[%w+.-]*:") and text:sub(1, 1) ~= "@"
    return is_place and text or nil
end

--- A value as the command line has it; nil for one that nobody gives.
local function text_of(opened, name)
    local text = opened.texts[name]
    return type(text) == "table" and params.list_text(text) or text
end

--- The key of a Secret that has the parameter's value: that of the option, else that of the site.
local function secret_of(opened, name, options)
    local kept = opened.references[name]
    if options.secrets[name] or not kept then
        return options.secrets[name]
    end
    local reference = kept.reference
    if not reference.key or (reference.namespace or opened.namespace) ~= opened.namespace then
        usage("parameter '" .. name .. "' is in " .. references.describe(reference) .. " ("
            .. opened.sources[name] .. "), which is no key of a Secret of namespace "
            .. opened.namespace, "add --secret " .. name .. "=SECRET/KEY")
    end
    return {name = reference.secret, key = reference.key}
end

local function check_param(declaration, text, reference)
    local name = declaration.name
    if declaration.type == "secret" and text then
        usage("parameter '" .. name .. "' is a secret, which must not stand in a manifest",
            "put it into a Secret and name that: --secret " .. name .. "=SECRET/KEY")
    elseif declaration.type ~= "secret" and reference then
        usage("parameter '" .. name .. "' is no secret", "add -p " .. name .. "=…")
    elseif declaration.required and not text and not reference then
        usage("parameter '" .. name .. "' is missing: " .. declaration.help,
            declaration.type == "secret" and "add --secret " .. name .. "=SECRET/KEY"
            or "add -p " .. name .. "=…")
    elseif text and place(declaration, text) and text:sub(1, 1) ~= "/" then
        usage("parameter '" .. name .. "' is a place in the container: '" .. text
            .. "' does not begin with /", "what is below " .. deploy.STATE .. " can be written to")
    end
end

local function is_below_state(path)
    return path == deploy.STATE or path:sub(1, #deploy.STATE + 1) == deploy.STATE .. "/"
end

--- What whoever deploys should know about places in the container: lines of text.
local function notes_on(declaration, text, options)
    local path = text and place(declaration, text)
    if path and not is_below_state(path) then
        return declaration.name .. "=" .. path .. " cannot be written to: only what is below "
            .. deploy.STATE .. " can"
    elseif path and not options.state_claim then
        return declaration.name .. "=" .. path .. " is lost with the pod; --state-claim keeps it"
    end
end

local function check(opened, options)
    local declared, notes = {}, {}
    for _, declaration in ipairs(opened.procedure.params) do
        local name = declaration.name
        declared[name] = true
        local text = text_of(opened, name)
        check_param(declaration, text, secret_of(opened, name, options))
        notes[#notes + 1] = notes_on(declaration, text, options)
    end
    for name in pairs(options.secrets) do
        if not declared[name] then
            usage("--secret: there is no parameter '" .. name .. "'",
                "salvor show " .. opened.procedure.id .. " lists them")
        end
    end
    for _, step in ipairs(opened.procedure.steps) do
        if step.destructive and not options.yes then
            notes[#notes + 1] = "step " .. step.id .. " destroys something and waits for a yes that"
                .. " nobody gives in a pod; --yes gives it beforehand"
        end
    end
    return notes
end

-- The container

--- Kubernetes puts variables in the place of $(NAME), and $ in the place of $$.
local function verbatim(text)
    return (text:gsub("%$", "$$"))
end

local function arguments(opened, options)
    local words = {"run", opened.procedure.id, "--namespace", opened.namespace, "--journal"}
    if options.yes then
        words[#words + 1] = "--yes"
    end
    for _, declaration in ipairs(opened.procedure.params) do
        local text = text_of(opened, declaration.name)
        if text then
            table.move({"-p", verbatim(declaration.name .. "=" .. text)}, 1, 2, #words + 1, words)
        end
    end
    return words
end

local function environment(opened, options)
    local user = "system:serviceaccount:" .. opened.namespace .. ":" .. options.name
    local variables = {
        {name = "HOME", value = deploy.STATE},
        {name = "USER", value = user},
        {name = "XDG_STATE_HOME", value = fs.dirname(deploy.STATE)},
        {name = "XDG_CACHE_HOME", value = "/tmp"},
    }
    for _, declaration in ipairs(opened.procedure.params) do
        local reference = secret_of(opened, declaration.name, options)
        variables[#variables + 1] = reference and {
            name = settings.variable(declaration.name),
            valueFrom = {secretKeyRef = reference},
        } or nil
    end
    return variables
end

local function environment_from(names)
    local sources = {}
    for index, name in ipairs(names) do
        sources[index] = {secretRef = {name = name}}
    end
    return sources[1] and sources or nil
end

--- "scripts/site/script.lua" as a key of a ConfigMap
local function key_of(path)
    return (path:gsub("/", "_"))
end

local function items_of(files)
    local items = {}
    for index, path in ipairs(keys(files)) do
        items[index] = {key = key_of(path), path = path}
    end
    return items
end

--- Volumes and where they are mounted.
local function volumes(options, files)
    local state = options.state_claim
        and {name = "state", persistentVolumeClaim = {claimName = options.state_claim}}
        or {name = "state", emptyDir = {}}
    local all = {state, {name = "tmp", emptyDir = {}}}
    local mounts = {{name = "state", mountPath = deploy.STATE}, {name = "tmp", mountPath = "/tmp"}}
    if next(files) then
        all[3] = {name = "site", configMap = {name = options.name, items = items_of(files)}}
        mounts[3] = {name = "site", mountPath = deploy_site.FOLDER, readOnly = true}
    end
    return all, mounts
end

local function pod_template(opened, options, labels, files)
    local all, mounts = volumes(options, files)
    return {
        metadata = {labels = labels},
        spec = {
            serviceAccountName = options.name,
            automountServiceAccountToken = true,
            -- Variables of Services could be taken for ours.
            enableServiceLinks = false,
            restartPolicy = "Never",
            imagePullSecrets = options.pull_secret and {{name = options.pull_secret}} or nil,
            securityContext = {
                runAsNonRoot = true,
                seccompProfile = {type = "RuntimeDefault"},
                -- Who may write to a claim; the cluster may choose another one.
                fsGroup = options.state_claim and 65532 or nil,
            },
            containers = {{
                name = "salvor",
                image = options.image,
                args = arguments(opened, options),
                env = environment(opened, options),
                envFrom = environment_from(options.env_from),
                resources = {requests = {cpu = "50m", memory = "64Mi"},
                             limits = {cpu = "1", memory = "512Mi"}},
                securityContext = {
                    allowPrivilegeEscalation = false,
                    readOnlyRootFilesystem = true,
                    capabilities = {drop = {"ALL"}},
                },
                terminationMessagePolicy = "FallbackToLogsOnError",
                volumeMounts = mounts,
            }},
            volumes = all,
        },
    }
end

-- Objects

local function job(metadata, template, options)
    -- A run that has stopped is looked at and resumed, not repeated from its beginning.
    local spec = {backoffLimit = 0, template = template}
    if not options.schedule then
        return {apiVersion = "batch/v1", kind = "Job", metadata = metadata, spec = spec}
    end
    return {
        apiVersion = options.cron_version,
        kind = "CronJob",
        metadata = metadata,
        spec = {
            schedule = options.schedule,
            concurrencyPolicy = "Forbid",
            startingDeadlineSeconds = 3600,
            successfulJobsHistoryLimit = 3,
            failedJobsHistoryLimit = 3,
            jobTemplate = {metadata = {labels = template.metadata.labels}, spec = spec},
        },
    }
end

local function config_map(files, metadata)
    local data, size = {}, 0
    for path, text in pairs(files) do
        data[key_of(path)], size = text, size + #text
    end
    if size > LARGEST then
        usage("the scripts and files of the site do not fit into a ConfigMap",
            "put them into the image, below " .. deploy_site.FOLDER)
    end
    return size > 0 and {apiVersion = "v1", kind = "ConfigMap", metadata = metadata, data = data}
        or nil
end

--- objects(opened, options) -> list of them, notes (lines for whoever deploys). opened: as from
--- offline.open. options: name, image, secrets ({name, key} of a Secret by parameter), env_from
--- (names of Secrets), schedule (a Job without) and cron_version (apiVersion of a CronJob),
--- state_claim, pull_secret, yes. Raises Usage.
function deploy.objects(opened, options)
    if #options.name > LONGEST_NAME then
        usage("the name '" .. options.name .. "' is longer than " .. LONGEST_NAME .. " characters",
            "give a shorter one with --name")
    end
    local notes = check(opened, options)
    local labels = {["app.kubernetes.io/name"] = "salvor",
                    ["app.kubernetes.io/instance"] = options.name,
                    ["app.kubernetes.io/managed-by"] = "salvor"}
    local function metadata()
        return {name = options.name, namespace = opened.namespace, labels = labels}
    end
    local objects = list({{apiVersion = "v1", kind = "ServiceAccount", metadata = metadata(),
                           automountServiceAccountToken = false}})
    local rules = permissions.rules(opened.procedure, opened.params, opened.namespace)
    local last = rules[#rules]
    if last and last.context then
        usage("the procedure works on the cluster of context " .. last.context
            .. " as well, and a pod's account is of its own cluster alone",
            "run it from outside of both clusters")
    end
    for _, object in ipairs(rbac.objects(rules, options.name, opened.namespace, {
        rbac.subject("ServiceAccount", options.name, opened.namespace),
    })) do
        objects[#objects + 1] = object
    end
    local files = deploy_site.files(opened, options, notes)
    objects[#objects + 1] = config_map(files, metadata())
    objects[#objects + 1] = job(metadata(), pod_template(opened, options, labels, files),
        options)
    return objects, notes
end

return deploy
