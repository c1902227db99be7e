--- What is the same in opening any store over HTTP.
local client = require("salvor.store.http.client")
local errors = require("salvor.store.errors")
local fs = require("salvor.fs")
local merge = require("salvor.copy").merge
local request = require("salvor.store.http.request")
local stat = require("salvor.store.http.stat")
local write = require("salvor.store.http.write")

local open = {}

local PAGE = 1000 -- names in an answer with a list, which is the most that servers give

local CA_LIMIT = 4 << 20

--- The error of a URL that cannot be opened.
function open.invalid(location, reason, hint)
    return errors.fail("Invalid", {url = location.text, op = "store.open", reason = reason,
                                   hint = hint})
end

--- What the keys below a URL begin with: "" or a prefix that ends in "/".
function open.root(location)
    local root = location.path:gsub("^/", "")
    if root ~= "" and root:sub(-1) ~= "/" then
        root = root .. "/"
    end
    return root
end

local function read_ca(path)
    local text, err = fs.read(path, {limit = CA_LIMIT})
    if not text then
        return errors.wrap(err, {url = path, op = "store.open"})
    elseif not text:find("-----BEGIN CERTIFICATE-----", 1, true) then
        return errors.fail("Invalid", {url = path, op = "store.open",
                                       reason = "it holds no certificate in PEM form"})
    end
    return text
end

--- The client for the options of a store; `ca`: the path of the CA's certificates, or nil.
function open.client(options, ca)
    local text, err
    if ca then
        text, err = read_ca(ca)
        if not text then
            return nil, err
        end
    end
    return client.new({
        ca = text,
        insecure = options.insecure,
        proxy = options.proxy,
        connect_timeout = options.connect_timeout,
        silence = options.timeout,
    })
end

--- A back end of these fields; `methods`: its own, beside those that all have.
function open.backend(fields, ...)
    local methods = merge(request, stat, write.methods, ...)
    fields._skew, fields._page = 0, PAGE
    return setmetatable(fields, {__index = methods, __gc = methods.close})
end

return open
