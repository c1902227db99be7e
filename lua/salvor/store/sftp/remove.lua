local task = require("salvor.task")

local methods = {}

local WORKERS = 16

--- "a/" is a folder, which has to be empty. What is not there is no failure.
local function remove(self, path)
    local is_folder = path:sub(-1) == "/"
    local name = is_folder and path:sub(1, -2) or path
    return self:_use({op = "store.remove", path = name}, function(connection)
        local where = self:_path(name)
        local done, err = connection[is_folder and "rmdir" or "remove"](connection, where)
        if done or err.code == "NotFound" then
            return true
        elseif is_folder and err.code == "IO" then
            return nil, {code = "Invalid", message = "the folder is not empty"}
        end
        return nil, err
    end)
end

function methods:remove(paths)
    local failed, lost = {}, nil
    task.map(paths, function(path)
        if lost then
            return
        end
        local done, err = remove(self, path)
        if not done and self.is_lost(err) then
            lost = err
        elseif not done then
            table.insert(failed, {path = path, err = err})
        end
    end, {workers = WORKERS})
    if lost then
        return nil, lost
    end
    return {n = #paths - #failed, failed = failed}
end

return methods
