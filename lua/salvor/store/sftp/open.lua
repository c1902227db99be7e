--- SFTP servers as stores: sftp://user@host:port/path, where /path is from the server's root, and
--- /~/path from the folder where the user begins.
local config = require("salvor.ssh.config")
local connections = require("salvor.store.sftp.connection")
local credentials = require("salvor.store.sftp.credentials")
local errors = require("salvor.store.errors")
local folders = require("salvor.folders")
local merge = require("salvor.copy").merge
local temporary = require("salvor.store.temporary")
local url = require("salvor.store.url")

local PART, SMALLEST, LARGEST = 8 << 20, 1 << 16, 64 << 20 -- bytes
local TIMEOUT = 30 -- seconds

local methods = merge(
    connections.methods,
    require("salvor.store.sftp.paths"),
    require("salvor.store.sftp.list"),
    require("salvor.store.sftp.stat"),
    require("salvor.store.sftp.read"),
    require("salvor.store.sftp.write"),
    require("salvor.store.sftp.upload"),
    (require("salvor.store.sftp.remove")))

local function invalid(location, reason, hint)
    return errors.fail("Invalid", {url = location.text, op = "store.open", reason = reason,
                                   hint = hint})
end

--- The root as the server is told: from its own root, or from where the user begins.
local function root_of(path)
    local relative = path == "/~" and "" or path:match("^/~/+(.*)$")
    return ((relative or path):gsub("/+", "/"):gsub("(.)/$", "%1"))
end

local function read_config(options)
    local path = options.config or "~/.ssh/config"
    return path ~= "none" and folders.expand_home(path) or nil
end

--- What the SSH configuration has, {} where it has nothing.
local function settings_of(location, options)
    local path = read_config(options)
    if not path then
        return {hostname = location.host, identity_files = {}}
    end
    local settings, err = config.lookup(location.host, path, {
        user = options.user or location.user, port = location.port,
    })
    if not settings then
        return errors.wrap(err, {url = location.text, op = "store.open"})
    end
    return settings
end

--- A Secret's values are options that the caller's own go before.
local function with_secret(location, options)
    if not options.secret then
        return options
    end
    local found, problem = credentials.from_secret(options.secret)
    if not found then
        return invalid(location, "the Secret is of no use: " .. problem)
    end
    local merged = {key_label = options.key == nil and "the Secret's key" or nil,
                    user = location.user == nil and found.user or nil,
                    key = not options.key_file and found.key or nil,
                    password = found.password, passphrase = found.passphrase,
                    known_hosts_text = not options.known_hosts and found.known_hosts or nil}
    for name, value in pairs(options) do
        merged[name] = value
    end
    return merged
end

local function known_hosts_files(options, settings)
    if options.known_hosts then
        return {folders.expand_home(options.known_hosts)}
    elseif settings.known_hosts_files then
        return settings.known_hosts_files
    end
    return {folders.expand_home("~/.ssh/known_hosts"), folders.expand_home("~/.ssh/known_hosts2"),
            "/etc/ssh/ssh_known_hosts"}
end

local function url_of(location, root)
    local host = location.host:find(":", 1, true) and "[" .. location.host .. "]" or location.host
    local user = location.user and url.escape(location.user) .. "@" or ""
    local port = location.port and ":" .. location.port or ""
    local path = root:sub(1, 1) == "/" and root or "/~/" .. root
    return (("sftp://" .. user .. host .. port .. url.escape(path)):gsub("/+$", ""))
end

local function check(location, options)
    if location.host == "" then
        return invalid(location, "it has no host", "sftp://user@host/path")
    elseif options.host_key and not options.host_key:find("^SHA256:[%w+/]+=*$") then
        return invalid(location, "host_key is not a fingerprint",
            'it is like "SHA256:..." as ssh-keygen -l shows it')
    elseif options.timeout and not (options.timeout > 0 and options.timeout <= 86400) then
        return invalid(location, "timeout is a number of seconds above 0")
    end
    local size = options.part_size
    if size and (math.type(size) ~= "integer" or size < SMALLEST or size > LARGEST) then
        return invalid(location, string.format("part_size is from %d to %d bytes", SMALLEST,
            LARGEST))
    end
    return true
end

local function open(location, options)
    local valid, err = check(location, options)
    if not valid then
        return nil, err
    end
    options, err = with_secret(location, options)
    if not options then
        return nil, err
    end
    local settings
    settings, err = settings_of(location, options)
    if not settings then
        return nil, err
    end
    local user = options.user or location.user or settings.user or os.getenv("USER")
        or os.getenv("LOGNAME")
    if not user or user == "" then
        return invalid(location, "it has no user", "sftp://USER@host/path")
    end
    local root = root_of(location.path)
    local store = setmetatable({
        kind = "sftp",
        url = url_of(location, root),
        features = {
            folders = true,
            modes = true,
            refuses = temporary.refuses,
            part = {smallest = SMALLEST, largest = LARGEST, count = 1000000, at_once = 6,
                    default = options.part_size or PART},
        },
        _root = root,
        _host = settings.hostname,
        _port = location.port or settings.port or 22,
        _user = user,
        _timeout = options.timeout or TIMEOUT,
        _pin = options.host_key and options.host_key:gsub("=+$", "") or nil,
        _known_hosts_files = known_hosts_files(options, settings),
        _known_hosts_text = options.known_hosts_text,
        _proxy = settings.proxy,
        _litter = {}, -- write.lua
        _lost_uploads = {}, -- upload.lua
    }, {__index = methods})
    connections.prepare(store)
    store._ways, store._missing = credentials.find(location, options, settings)
    if not store._ways then
        return nil, store._missing
    end
    return store
end

return {
    kind = "sftp",
    settings = {user = "string", timeout = "number", host_key = "string", known_hosts = "string",
                config = "string", key_file = "string", agent = "string", part_size = "number"},
    credentials = {password = "string", key = "string", passphrase = "string", secret = "table"},
    open = open,
}
