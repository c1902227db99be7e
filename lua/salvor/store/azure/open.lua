--- Containers of Azure Blob Storage and of its emulator: az://container/prefix
local credentials = require("salvor.store.azure.credentials")
local errors = require("salvor.store.errors")
local fs = require("salvor.fs")
local http = require("salvor.store_http")
local merge = require("salvor.copy").merge
local names = require("salvor.store.azure.names")

local CA_LIMIT = 4 << 20
local PART = 8 << 20

local methods = merge(
    require("salvor.store.azure.request"),
    require("salvor.store.azure.list"),
    require("salvor.store.azure.stat"),
    require("salvor.store.azure.read"),
    require("salvor.store.azure.write"),
    require("salvor.store.azure.upload"),
    require("salvor.store.azure.remove"),
    require("salvor.store.azure.blocks").methods,
    (require("salvor.store.azure.copy")))

function methods:close()
    if not self._closed then
        self._closed = true
        self._credentials:close()
    end
end

--- The parts of the URL that mean something.
local function read_location(location)
    local function invalid(reason, hint)
        return errors.fail("Invalid", {url = location.text, op = "store.open", reason = reason,
                                       hint = hint})
    end
    local container = location.host
    if location.user or location.password then
        return invalid("a URL of Azure is az://container/prefix, without an account in it",
            "give account as an option, or az://container/prefix?account=NAME")
    elseif location.port then
        return invalid("a container has no port", "the server's address is a setting: "
            .. "az://container/prefix?endpoint=http://host:port/account")
    elseif not container:find("^%$?[%l%d][%l%d-]*$") or #container < 3 or #container > 63 then
        return invalid("'" .. container .. "' is not the name of a container",
            "it has 3 to 63 small letters, digits and hyphens")
    end
    local root = location.path:gsub("^/", "")
    if root ~= "" and root:sub(-1) ~= "/" then
        root = root .. "/"
    end
    return {container = container, root = root}
end

local function read_ca(path)
    if not path then
        return true
    end
    local text, err = fs.read(path, {limit = CA_LIMIT})
    if not text then
        return errors.wrap(err, {url = path, op = "store.open"})
    elseif not text:find("-----BEGIN CERTIFICATE-----", 1, true) then
        return errors.fail("Invalid", {url = path, op = "store.open",
                                       reason = "it holds no certificate in PEM form"})
    end
    return text
end

return {
    kind = "azure",
    settings = {
        account = "string", endpoint = "string", ca = "string", insecure = "boolean",
        proxy = "string", anonymous = "boolean", part_size = "number", connect_timeout = "number",
        timeout = "number",
    },
    credentials = {key = "string", sas = "string", connection_string = "string",
                   secret = "table"},

    open = function(location, options)
        local place, err = read_location(location)
        if not place then
            return nil, err
        elseif options.part_size and math.type(options.part_size) ~= "integer" then
            return errors.fail("Invalid", {url = location.text, op = "store.open",
                                           reason = "'part_size' is a number of bytes"})
        end
        local ca
        ca, err = read_ca(options.ca)
        if not ca then
            return nil, err
        end
        local client = http.client({
            ca = ca ~= true and ca or nil,
            insecure = options.insecure,
            proxy = options.proxy,
            connect_timeout = options.connect_timeout,
            silence = options.timeout,
        })
        local who, at = credentials.find(options, os.getenv, client)
        if not who then
            return nil, at
        end
        return setmetatable({
            kind = "azure",
            url = ("az://" .. place.container .. "/" .. place.root):gsub("/$", ""),
            features = {
                checksum = "md5",
                any_key = true,
                refuses = function(path) return names.problem(place.root .. path, true) end,
                copies = true,
                part = {smallest = 64 << 10, largest = 1 << 30, count = 50000, at_once = 4,
                        default = options.part_size or PART},
            },
            _container = place.container,
            _root = place.root,
            _at = at,
            _client = client,
            _credentials = who,
            _skew = 0,
            _page = 1000,
        }, {__index = methods})
    end,
}
