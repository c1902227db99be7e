--- What salvor(1) says beside the declarations of the commands.
local prose = {}

prose.description = [[
Salvor runs Lua 5.4 scripts with modules for Kubernetes, storage, YAML, JSON, files and processes,
and the documented recovery procedures that it brings along. A word that contains a slash and is a
file, or that ends in `.lua`, is a script, `-` is standard input; any other word is a command.
Without one there is a prompt on a terminal; elsewhere standard input is run. A recovery begins
with `salvor list` and `salvor show ID`; `salvor plan ID` says what would be done and changes
nothing, and `salvor run ID` does it, with a journal from which a run that was interrupted goes
on.]]

--- By the names of cli.exit.
prose.exit = {
    done = "Done.",
    failed = "Failed: the server cannot be reached, a backup cannot be restored, ...",
    usage = "A wrong option, an unknown parameter.",
    invalid_script = "The script is invalid.",
    preflight = "A check failed; nothing was changed.",
    stopped = "Stopped part-way; `salvor run --resume` goes on.",
    refused = "The operator said no, there was nobody to ask, or the session is read-only.",
    unknown = "Nothing wrong was found, but too little could be looked at to tell.",
    internal = "A fault of Salvor's own.",
}

prose.signals = [[
After SIGINT, SIGTERM or SIGHUP it gives locks back and ends by that signal; a second SIGINT or
SIGTERM ends it at once.]]

prose.environment = {
    {"KUBECONFIG", "Kubeconfig files, separated by colons; `~/.kube/config` without it, and "
        .. "without that the service account of the pod."},
    {"HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "The proxy to the API server (https or http) unless the "
        .. "kubeconfig names one, and the servers that are reached without; in lower case, too."},
    {"AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_PROFILE, AWS_ENDPOINT_URL, ...",
     "As for the AWS command line."},
    {"AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_ACCOUNT, AZURE_STORAGE_KEY, ...",
     "As for the Azure command line."},
    {"SSH_AUTH_SOCK", "The agent that has keys for SFTP."},
    {"APICOPS_K8SCLIENT", "What procedures of API Connect v2018 run instead of `kubectl`."},
    {"XDG_CONFIG_HOME, XDG_STATE_HOME, XDG_CACHE_HOME", "Folders, absolute; without them "
        .. "`~/.config`, `~/.local/state` and `~/.cache`."},
    {"SALVOR_SITE, SALVOR_CONTEXT, SALVOR_KUBECONFIG, SALVOR_NAMESPACE", "As the options."},
    {"SALVOR_READ_ONLY", "As the option, unless it is empty or 0."},
    {"SALVOR_PARAM_NAME", "The parameter `name` of procedures."},
    {"SALVOR_LOG_LEVEL, SALVOR_LOG_FORMAT", "As the options."},
    {"NO_COLOR", "No colour when it is set."},
    {"VISUAL, EDITOR", "The editor that the prompt opens."},
    {"LUA_PATH, LUA_CPATH", "As for `lua`(1), but relative entries are left out. LUA_INIT is not "
        .. "read."},
}

prose.files = {
    {"$XDG_CONFIG_HOME/salvor/site.yaml, /etc/salvor/site.yaml",
     "What the site file does not say: parameters, stores, hooks."},
    {"$XDG_CONFIG_HOME/salvor/scripts, /etc/salvor/scripts",
     "Procedures of the user and of the machine; they take the place of bundled ones."},
    {"$XDG_STATE_HOME/salvor/runs/RUN/journal.jsonl", "The journal of a run."},
    {"$XDG_STATE_HOME/salvor/prompt.history", "What was entered at the prompt."},
    {"$XDG_CACHE_HOME/salvor/discovery",
     "The kinds that each cluster has, for six hours. May be removed at any time."},
}

prose.see_also = "`salvor-api`(7), `lua`(1), `kubectl`(1)"

return prose
