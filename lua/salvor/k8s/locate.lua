--- What client:_write takes to change an object that is named, but for the change itself; nil and
--- an error when the kind is unknown.
return function(client, op, verb, kind, name, opts)
    local at, err = client:_selection(op, kind,
        {namespace = opts.namespace, timeout = opts.timeout})
    if not at then
        return nil, err
    end
    return {
        op = op,
        verb = verb,
        resource = at.resource,
        namespace = at.namespace,
        name = name,
        subresource = opts.subresource,
        dry_run = opts.dry_run,
        timeout = opts.timeout,
    }
end
