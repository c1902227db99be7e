--- One call of every function that reaches a cluster or a store, for specs about what a session may
--- do: by the function's name as the reference has it, what it does being read or written. A
--- function that does both, by its options, has calls of both kinds.
local store = require("salvor.store")

local every_call = {}

local function config_map(name, data)
    return {apiVersion = "v1", kind = "ConfigMap", metadata = {name = name}, data = data}
end

local function deployment(name)
    return {apiVersion = "apps/v1", kind = "Deployment", metadata = {name = name}, spec = {
        replicas = 0, selector = {matchLabels = {app = name}},
        template = {metadata = {labels = {app = name}},
                    spec = {containers = {{name = "c", image = "none"}}}}}}
end

local function path(c, name)
    return "/api/v1/namespaces/" .. c.namespace .. "/configmaps" .. (name and "/" .. name or "")
end

local function change(object)
    object.data = {changed = "yes"}
end

--- What a client's calls want to find: ConfigMaps "there" and "gone", and a Deployment.
function every_call.prepare_cluster(c)
    must(c:create(config_map("there", {word = "text"})))
    must(c:create(config_map("gone")))
    must(c:create(deployment("idle")))
end

--- Lists of {name, function(client)}.
every_call.cluster = {
    reads = {
        {"client:get", function(c) return c:get("configmaps", "there") end},
        {"client:list", function(c) return c:list("configmaps") end},
        {"client:each", function(c) return c:each("configmaps")() end},
        {"client:watch", function(c)
            local next_event, _, _, ended <close> = c:watch("configmaps") -- luacheck: ignore
            return next_event()
        end},
        {"client:table", function(c) return c:table("configmaps") end},
        {"client:print_table", function(c) return c:print_table("configmaps") end},
        {"client:wait", function(c) return c:wait("configmaps", "there", {create = true}) end},
        {"client:wait_all", function(c)
            return c:wait_all({{kind = "configmaps", name = "there", create = true}})
        end},
        {"client:events", function(c) return c:events("configmaps", "there") end},
        {"client:owners", function(c) return c:owners(must(c:get("configmaps", "there"))) end},
        {"client:tree", function(c) return c:tree("configmaps", "there") end},
        {"client:can", function(c) return c:can("get", "configmaps") end},
        {"client:can", function(c)
            return c:can({"get", "list", "create", "delete", "update"}, "configmaps")
        end},
        {"client:kind", function(c) return c:kind("configmaps") end},
        {"client:kinds", function(c) return c:kinds() end},
        {"client:request", function(c) return c:request({path = path(c)}) end},
        {"client:request", function(c)
            return c:request({method = "POST", path = path(c), query = {dryRun = "All"},
                              body = config_map("new")})
        end},
        {"client:request", function(c)
            return c:request({method = "DELETE", path = path(c, "gone"),
                              body = {dryRun = {"All"}}})
        end},
        {"client:create", function(c) return c:create(config_map("new"), {dry_run = true}) end},
        {"client:replace", function(c) return c:replace(config_map("there"), {dry_run = true}) end},
        {"client:apply", function(c)
            return c:apply(config_map("there", {word = "other"}), {dry_run = true, force = true})
        end},
        {"client:patch", function(c)
            return c:patch("configmaps", "there", {data = {a = "b"}}, {dry_run = true})
        end},
        {"client:update", function(c)
            return c:update("configmaps", "there", change, {dry_run = true})
        end},
        {"client:scale", function(c)
            return c:scale("deployments", "idle", 1, {dry_run = true})
        end},
        {"client:delete", function(c) return c:delete("configmaps", "gone", {dry_run = true}) end},
        {"client:delete_all", function(c)
            return c:delete_all("configmaps", {all = true, dry_run = true})
        end},
        -- Of what follows there is no pod: what is not allowed would not even look for it.
        {"client:logs", function(c) return c:logs("none") end},
        {"client:each_log", function(c) return c:each_log("none")() end},
        {"client:exec", function(c) return c:exec("none", {"ls"}, {read_only = true}) end},
        {"client:open_exec", function(c)
            return c:open_exec("none", {"ls"}, {read_only = true})
        end},
        {"client:attach", function(c) return c:attach("none") end},
        {"client:attach", function(c)
            return c:attach("none", {stdin = "status\n", read_only = true})
        end},
        {"client:open_attach", function(c) return c:open_attach("none") end},
        {"client:download", function(c) return c:download("none", "/etc/hosts", "hosts") end},
        {"client:port_forward", function(c)
            return c:port_forward("none", 5432, {read_only = true})
        end},
    },
    writes = {
        {"client:create", function(c) return c:create(config_map("new")) end},
        {"client:replace", function(c) return c:replace(config_map("there")) end},
        {"client:apply", function(c)
            return c:apply(config_map("there", {word = "other"}), {force = true})
        end},
        {"client:patch", function(c)
            return c:patch("configmaps", "there", {data = {a = "b"}})
        end},
        {"client:update", function(c) return c:update("configmaps", "there", change) end},
        {"client:scale", function(c)
            return c:scale("deployments", "idle", 1, {current_replicas = 0})
        end},
        {"client:scale", function(c) return c:scale("deployments", "idle", 0) end},
        {"client:delete", function(c) return c:delete("configmaps", "gone") end},
        {"client:delete_all", function(c)
            return c:delete_all("configmaps", {field_selector = "metadata.name=new"})
        end},
        {"client:request", function(c)
            return c:request({method = "POST", path = path(c), body = config_map("raw")})
        end},
        {"client:request", function(c)
            return c:request({path = "/api/v1/namespaces/" .. c.namespace .. "/pods/none/exec",
                              query = {command = "ls"}})
        end},
        -- A server that is given DeleteOptions does not look at the query.
        {"client:request", function(c)
            return c:request({method = "DELETE", path = path(c, "raw"),
                              query = {dryRun = "All"}, body = {gracePeriodSeconds = 0}})
        end},
        {"client:evict", function(c) return c:evict("none") end},
        {"client:exec", function(c) return c:exec("none", {"ls"}) end},
        {"client:open_exec", function(c) return c:open_exec("none", {"ls"}) end},
        {"client:attach", function(c) return c:attach("none", {stdin = "stop\n"}) end},
        {"client:open_attach", function(c) return c:open_attach("none", {stdin = true}) end},
        {"client:upload", function(c) return c:upload("none", "local", "/tmp/there") end},
        {"client:port_forward", function(c) return c:port_forward("none", 5432) end},
    },
}

-- What a store's calls want to find in it; in the folder they are made in it is "local", "large"
-- (it goes in parts) and the folder "links", which holds nothing that could be copied.
local FILES = {["a/there"] = "text", ["a/gone"] = "text", ["b/other"] = "text"}

function every_call.prepare_store(s)
    for name, text in pairs(FILES) do
        must(s:write(name, text))
    end
end

--- Lists of {name, function(store, its URL)}.
every_call.storage = {
    reads = {
        {"store.open", function(s) return store.open(s.url) end},
        {"store.mask", function(s) return store.mask(s.url) end},
        {"store.verify", function(s) return store.verify(s) end},
        {"store.is_empty", function(s) return store.is_empty(s) end},
        {"store:list", function(s) return s:list("a") end},
        {"store:each", function(s) return s:each("a")() end},
        {"store:stat", function(s) return s:stat("a/there") end},
        {"store:read", function(s) return s:read("a/there") end},
        {"store:download", function(s) return s:download("a/there", "brought") end},
        {"store:leftovers", function(s) return s:leftovers() end},
        {"store:retention", function(s) return s:retention() end},
        {"store:close", function() return true end},
    },
    writes = {
        {"store:write", function(s) return s:write("a/new", "text") end},
        {"store:upload", function(s) return s:upload("local", "a/new") end},
        {"store:upload", function(s) return s:upload("large", "a/large") end},
        {"store:remove", function(s) return s:remove("a/gone") end},
        {"store:remove", function(s) return s:remove({"a/gone", "a/there"}) end},
        {"store:leftovers", function(s)
            return s:leftovers("", {remove = true, older_than = 0})
        end},
        {"store.copy", function(s) return store.copy("local", s) end},
        {"store.copy", function(_, url) return store.copy(url .. "/b", url .. "/c") end},
        {"store.copy", function(_, url) return store.copy(url .. "/b/other", url .. "/c") end},
        {"store.copy", function(_, url)
            return store.copy("links", url .. "/a", {delete = true})
        end},
    },
}

return every_call
