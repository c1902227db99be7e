--- Which cluster a connection leads to, however that is reached.
local cluster = {}

--- identify(connection) -> {server, context, uid}. The uid is that of kube-system, which never
--- changes; nil for who may not read that namespace. Raises when the cluster does not answer.
function cluster.identify(connection)
    must(connection:request({path = "/version"}))
    local namespace = connection:get("namespaces", "kube-system")
    return {
        server = connection.server,
        context = connection.context,
        uid = namespace and namespace.metadata.uid or nil,
    }
end

--- is_same(one, other) -> boolean: by the uid where both tell it, else by the server's address.
function cluster.is_same(one, other)
    if one.uid and other.uid then
        return one.uid == other.uid
    end
    return one.server == other.server
end

return cluster
