local text = require("salvor.k8s.fields").text

--- What a write (see client:_write) is done to, for people: "ConfigMap apic/settings"; of a whole
--- collection "Pod apic/* app=db".
return function(write)
    local query = write.query or {}
    local prefix = text(write.body, "metadata", "generateName")
    local name = write.name or text(write.body, "metadata", "name") or prefix and prefix .. "*"
        or "* " .. (query.labelSelector or query.fieldSelector or "")
    return write.resource.kind .. " " .. (write.namespace and write.namespace .. "/" or "") .. name
end
