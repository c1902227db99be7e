--- Containers of Azure Blob Storage and of its emulator: az://container/prefix
local common = require("salvor.store.http.open")
local credentials = require("salvor.store.azure.credentials")
local merge = require("salvor.copy").merge
local names = require("salvor.store.azure.names")

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

--- The parts of the URL that mean something.
local function read_location(location)
    local function invalid(...)
        return common.invalid(location, ...)
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
    return {container = container, root = common.root(location)}
end

return {
    kind = "azure",
    settings = {
        account = "string", endpoint = "string", ca = "string", insecure = "boolean",
        anonymous = "boolean", part_size = "number", connect_timeout = "number",
        timeout = "number",
    },
    credentials = {key = "string", sas = "string", connection_string = "string",
                   secret = "table", proxy = "string"},

    open = function(location, options)
        local place, err = read_location(location)
        if not place then
            return nil, err
        elseif options.part_size and math.type(options.part_size) ~= "integer" then
            return common.invalid(location, "'part_size' is a number of bytes")
        end
        local client
        client, err = common.client(options, options.ca)
        if not client then
            return nil, err
        end
        local who, at = credentials.find(options, os.getenv, client)
        if not who then
            return nil, at
        end
        return common.backend({
            kind = "azure",
            url = ("az://" .. place.container .. "/" .. place.root):gsub("/$", ""),
            server = at.origin .. at.base,
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
        }, methods)
    end,
}
