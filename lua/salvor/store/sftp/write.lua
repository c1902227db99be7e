--- Objects that are written at once: under a temporary name, made durable, renamed.
local task = require("salvor.task")

local methods = {}

-- A transfer of so many bytes keeps a connection busy.
local HEAVY = 1 << 20

-- How long tidying up is waited for, since whoever was cancelled wants to end. The server does what
-- it was asked anyway.
local PATIENCE = 0.1 -- seconds

function methods._tidy(work)
    task.timeout(PATIENCE, work)
end

--- For servers without posix-rename@openssh.com, whose renaming replaces nothing: the old file
--- steps aside. For a moment there is nothing under the name, but never half of something; and what
--- was there comes back when the new one cannot take its place.
local function step_aside(connection, temporary, target)
    local aside = temporary:gsub("%.tmp$", ".old") -- which lists show, should we be killed
    local moved, err = connection:rename(target, aside)
    if not moved then
        return nil, err
    end
    local done
    done, err = connection:rename(temporary, target)
    if done then
        connection:remove(aside)
        return true
    end
    connection:rename(aside, target)
    return nil, err
end

--- Gives a file that is whole its name.
function methods:_put_under_name(connection, temporary, path, if_absent)
    local target = self:_path(path)
    if not if_absent and connection:extensions().posix_rename then
        return connection:replace(temporary, target)
    end
    -- SSH_FXP_RENAME does not replace (draft-ietf-secsh-filexfer-02, 6.5).
    local done, err = connection:rename(temporary, target)
    local there = not done and (err.code == "IO" or err.code == "Invalid")
        and connection:stat(target, true)
    if not there then
        return done, err
    elseif if_absent then
        return nil, {code = "AlreadyExists", message = ""}
    elseif there.kind == "folder" then
        return nil, {code = "Invalid", message = "it is a folder"}
    end
    return step_aside(connection, temporary, target)
end

function methods._random_id()
    return string.format("%016x", math.random(0))
end

--- Removes what a lost connection left behind, now that there is another one.
local function sweep(self, connection)
    local litter = self._litter
    self._litter = {}
    for _, temporary in ipairs(litter) do
        connection:remove(temporary)
    end
end

local function write_temporary(self, connection, temporary, block, options)
    return self._with_folders(connection, temporary, function()
        return connection:write(temporary, block, {
            create = true, exclusive = true, mode = 384, -- 0600
            set_mode = options.mode, modified = options.modified, sync = true, look = true})
    end)
end

local function write(self, connection, call, block, options)
    local path = call.path
    local temporary = self:_temporary(path, self._random_id())
    local kept = false
    local tidy <close> = setmetatable({}, {__close = function() -- luacheck: ignore 211
        if not kept then
            self._tidy(function() connection:remove(temporary) end)
        end
    end})
    local attrs, err = write_temporary(self, connection, temporary, block, options)
    local done
    if attrs then
        done, err = self:_put_under_name(connection, temporary, path, options.if_absent)
    end
    if done then
        kept = true
        return self._item(path, attrs)
    elseif self.is_lost(err) then
        kept = true
        table.insert(self._litter, temporary)
    end
    return nil, self:_explained(call, err, connection) -- before there is space again
end

function methods:write(path, block, options)
    local call = {op = "store.write", path = path, writes = true, heavy = #block >= HEAVY}
    return self:_use(call, function(connection)
        sweep(self, connection)
        return write(self, connection, call, block, options)
    end)
end

return methods
