--- The connections of a store: made when they are needed, shared by all who use it, made anew after
--- one was lost. Encryption keeps one processor busy for each connection, so large transfers get
--- several.
local condition = require("salvor.condition")
local errors = require("salvor.store.errors")
local known_hosts = require("salvor.ssh.known_hosts")
local native = require("salvor.sftp")
local noted = require("salvor.store.sftp.noted")
local task = require("salvor.task")
local trust = require("salvor.store.sftp.trust")

local connections, methods = {}, {}
connections.methods = methods

--- Connections at the same time.
connections.MOST = 3

-- Codes after which a connection is of no use any more.
local DEAD = {Disconnected = true, Timeout = true, Unreachable = true, Corrupt = true,
              Closed = true}

--- Whether an error ends the connection, so that nothing else can be said of a path.
function methods.is_lost(err)
    return DEAD[err.code] or false
end

-- What the connection needs to notice by itself that its time is over.
local GRACE = 1 -- seconds

--- Looking names up and asking agents know no time limit of their own.
local function within(self, work)
    return task.timeout(self._timeout + GRACE, work)
end

local function handshake(self, order)
    local connection, err = native.new()
    if not connection then
        return nil, err
    end
    connection = noted(connection, self.url)
    local key
    key, err = within(self, function()
        return connection:connect({host = self._host, port = self._port, timeout = self._timeout,
                                   host_keys = order})
    end)
    if not key then
        connection:close()
        if self._proxy then
            err.hint = "the SSH configuration names a proxy for this host, which is not used here"
        end
        return nil, err
    end
    return connection, key
end

--- A connection to the server that is meant, or nil and an error.
local function connect(self)
    local entries, err = known_hosts.load(self._known_hosts_files, self._known_hosts_text)
    if not entries then
        return nil, err
    end
    local orders = self._pin and trust.orders_of_pin()
        or {trust.order(known_hosts.kinds(entries, self._host, self._port))}
    local first
    for _, order in ipairs(orders) do
        local connection, key = handshake(self, order)
        if connection then
            local trusted
            trusted, err = trust.check(entries, self._host, self._port, key, self._pin)
            if trusted then
                return connection
            end
            connection:close()
        else
            err = key
        end
        first = first or err
        if err.code ~= "Untrusted" and err.code ~= "Unsupported" then
            return nil, err
        end
    end
    return nil, first
end

local function hints_of(refusals)
    for _, refusal in ipairs(refusals) do
        if refusal.hint then
            return refusal.hint
        end
    end
end

local function refused(self, refusals, offered)
    local reasons = {}
    for index, refusal in ipairs(refusals) do
        reasons[index] = refusal.reason
    end
    for _, problem in ipairs(self._missing) do
        reasons[#reasons + 1] = problem
    end
    return nil, {
        code = "Unauthorized",
        message = string.format("%s (the server takes %s)", table.concat(reasons, "; "), offered),
        hint = hints_of(refusals),
    }
end

local METHODS = {password = {"password", "keyboard-interactive"}, key = {"publickey"},
                 agent = {"publickey"}}

local function is_offered(way, offered)
    for _, name in ipairs(METHODS[way.method]) do
        if ("," .. offered .. ","):find("," .. name .. ",", 1, true) then
            return true
        end
    end
    return false
end

local function try(self, connection, way)
    return within(self, function()
        return connection:login(way.method, self._user, {
            secret = way.secret, passphrase = way.passphrase, agent = way.agent})
    end)
end

--- Tries the ways one after the other; the one that was right is the only one from then on.
local function log_in(self, connection)
    if self._way then
        return try(self, connection, self._way)
    end
    local offered, err = connection:login("none", self._user, {})
    if not offered then
        return nil, err
    elseif offered == "" then
        return true
    end
    local refusals = {}
    for _, way in ipairs(self._ways) do
        if is_offered(way, offered) then
            local ok
            ok, err = try(self, connection, way)
            if ok then
                self._way = way
                return true
            elseif err.code ~= "Unauthorized" and err.code ~= "Invalid" then
                err.hint = err.hint or #refusals > 0
                    and "servers hang up after too many refused keys" or nil
                return nil, err
            end
            local hint = err.hint or err.code == "Unauthorized" and way.hint or nil
            refusals[#refusals + 1] = {reason = string.format("%s: %s", way.label, err.message),
                                       hint = hint}
        else
            refusals[#refusals + 1] = {reason = way.label .. ": the server does not take this"}
        end
    end
    return refused(self, refusals, offered)
end

local function open_connection(self)
    local connection, err = connect(self)
    if not connection then
        return nil, err
    end
    local done <close> = setmetatable({}, {__close = function(guard)
        if not guard.kept then
            connection:close()
        end
    end})
    local ok
    ok, err = log_in(self, connection)
    if not ok then
        return nil, err
    end
    done.kept = true
    return {native = connection, users = 0, heavy = 0}
end

local function least_used(self)
    local best
    for _, connection in ipairs(self._connections) do
        if not best or connection.heavy < best.heavy
            or connection.heavy == best.heavy and connection.users < best.users then
            best = connection
        end
    end
    return best
end

--- Opens one, which counts while it is opened.
local function add_connection(self)
    self._opening = self._opening + 1
    local done <close> = setmetatable({}, {__close = function() -- luacheck: ignore 211
        self._opening = self._opening - 1
        self._opened:wake()
    end})
    local connection, err = open_connection(self)
    if not connection then
        return nil, err
    elseif self._closed then
        connection.native:close()
        error("the store was closed", 0)
    end
    table.insert(self._connections, connection)
    return connection
end

--- Whether another connection would help: the first one is opened once, whoever waits for it.
local function wants_more(self, best, heavy)
    if not best then
        return self._opening == 0
    end
    return heavy and best.heavy > 0 and #self._connections + self._opening < self._most
end

local function pick(self, heavy)
    while true do
        if self._closed then
            error("the store was closed", 0)
        end
        local best = least_used(self)
        if wants_more(self, best, heavy) then
            local connection, err = add_connection(self)
            if connection then
                return connection
            elseif not best then
                return nil, err
            end
            -- A server may limit them: what there is has to do.
            self._most = #self._connections
            best = least_used(self)
        end
        if best then
            return best
        end
        self._opened:wait()
    end
end

local function forget(self, connection)
    if connection.dead then
        return
    end
    connection.dead = true
    for index, each in ipairs(self._connections) do
        if each == connection then
            table.remove(self._connections, index)
            break
        end
    end
end

local function let_go(connection, heavy)
    connection.users = connection.users - 1
    connection.heavy = connection.heavy - (heavy and 1 or 0)
    if connection.dead and connection.users == 0 then
        connection.native:close()
    end
end

-- What a server adds to these says no more than the code.
local SAID_BY_CODE = {AlreadyExists = true, Forbidden = true, NotFound = true}

--- nil and the store's error for one of a connection's.
local function failed(self, call, err, reason)
    return errors.wrap(err, {url = self:_url(call.path), op = call.op, reason = reason or nil})
end

--- Calls work(native connection) and returns what it returns: a value, or nil and an error, which
--- work() gives as salvor.sftp does ({code, message, hint, retryable}); the store's is made here.
--- `call` is what the error tells, and how the work is done: {op =, path =, heavy = it moves many
--- bytes, writes = it needs space}.
function methods:_use(call, work)
    local connection, err = pick(self, call.heavy)
    if not connection then
        return failed(self, call, err)
    end
    connection.users = connection.users + 1
    connection.heavy = connection.heavy + (call.heavy and 1 or 0)
    local used <close> = setmetatable({}, {__close = function() -- luacheck: ignore 211
        let_go(connection, call.heavy)
    end})
    local value, problem = work(connection.native)
    if connection.native:is_broken() then
        forget(self, connection)
    end
    if value or not problem then
        return value
    end
    problem = self:_explained(call, problem, connection.native)
    return failed(self, call, problem, SAID_BY_CODE[problem.code] and "")
end

--- Gives a store what its connections need.
function connections.prepare(store)
    store._connections, store._opening, store._opened = {}, 0, condition.new()
    store._most = connections.MOST
end

function methods:close()
    self._closed = true
    while self._connections[1] do
        local connection = self._connections[1]
        forget(self, connection)
        if connection.users == 0 then
            connection.native:close()
        end
    end
end

return connections
