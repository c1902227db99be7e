--- Lists in pages, so that neither side holds more than a page of text at a time.
local task = require("salvor.task")

local PAGE = 500

local pages = {}

local function copy(query)
    local result = {}
    for name, value in pairs(query or {}) do
        result[name] = value
    end
    return result
end

--- The server leaves apiVersion and kind out of the items of its own kinds.
local function complete(list, resource)
    for _, item in ipairs(list.items) do
        item.apiVersion = item.apiVersion or resource.api_version
        item.kind = item.kind or resource.kind
    end
    return list
end

local function expired(err)
    return err.status == 410 or err.code == "Expired" or err.code == "Gone"
end

--- A function that gives the next page, nil at the end, or nil and an error. `read` is what
--- client:_read takes. When a continue token has expired the rest comes as one whole new list, of
--- which the items given before (by uid) are left out: a new token would go on in another snapshot.
function pages.reader(client, read)
    local token, given, done = nil, {}, false

    local function ask(extra)
        local request = copy(read)
        request.query = copy(read.query)
        for name, value in pairs(extra) do
            request.query[name] = value
        end
        if token then
            request.query.resourceVersion = nil
            request.query.resourceVersionMatch = nil
        end
        return client:_read(request)
    end

    local function relist()
        token = nil
        local list, err = ask({})
        if not list then
            return nil, err
        end
        local new = {}
        for _, item in ipairs(list.items) do
            if not given[item.metadata.uid] then
                new[#new + 1] = item
            end
        end
        list.items = setmetatable(new, getmetatable(list.items))
        return list
    end

    return function()
        if done then
            return nil
        end
        local list, err = ask({limit = PAGE, continue = token})
        if not list and token and expired(err) then
            list, err = relist()
        end
        if not list then
            done = true
            return nil, err
        end
        token = list.metadata.continue
        done = token == nil or token == ""
        if not done then
            for _, item in ipairs(list.items) do
                given[item.metadata.uid or ""] = true
            end
        end
        return complete(list, read.resource)
    end
end

--- The whole list as one List object, its metadata that of the first page.
function pages.all(client, read)
    local deadline = task.now() + (read.timeout or client.timeout)
    local next_page = pages.reader(client, read)
    local whole, err = next_page()
    if not whole then
        return nil, err
    end
    while true do
        read.timeout = math.max(deadline - task.now(), 0.001)
        local page, problem = next_page()
        if not page then
            if problem then
                return nil, problem
            end
            whole.metadata.continue = nil
            whole.metadata.remainingItemCount = nil
            return whole
        end
        table.move(page.items, 1, #page.items, #whole.items + 1, whole.items)
        whole.metadata.resourceVersion = page.metadata.resourceVersion
    end
end

return pages
