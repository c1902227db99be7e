--- Looking for what may not be there. Whatever else prevents the look is raised.
local find = {}

--- object(client, kind, name, options) -> the object, or nil when there is none of that name.
--- options: of client:get.
function find.object(client, kind, name, options)
    local object, err = client:get(kind, name, options)
    if not object and err.code ~= "NotFound" then
        error(err, 0)
    end
    return object
end

--- has_kind(client, kind) -> whether the cluster knows such a kind.
function find.has_kind(client, kind)
    local found, err = client:kind(kind)
    if not found and err.code ~= "NotFound" then
        error(err, 0)
    end
    return found ~= nil
end

--- names(client, kind) -> the names of all objects of the kind, as the server lists them.
function find.names(client, kind)
    local names = {}
    for object in client:each(kind) do
        names[#names + 1] = object.metadata.name
    end
    return names
end

return find
