--- What the commands of `salvor store` share.
local digest = require("salvor.digest")
local json = require("salvor.json")
local open = require("salvor.store.open")
local place = require("salvor.store.place")
local store_errors = require("salvor.store.errors")
local terminal = require("salvor.terminal")
local usage = require("salvor.usage")

local command = {}

command.OUTPUT = {name = "output", argument = "text|json",
                  help = "json for other programs"}
command.CONTEXT = {name = "context", argument = "CONTEXT", help = "of the kubeconfig, for Secrets"}

command.SITE = {name = "site", argument = "FILE", help = "the site file, for stores by name: @NAME"}

--- An option that names a Secret with a store's credentials.
function command.secret_option(name, what)
    return {name = name, argument = "[NAMESPACE/]NAME",
            help = "the Kubernetes Secret with the credentials of " .. what}
end

function command.output(given)
    return given.output or "text"
end

--- A number that an option gives; nil without it.
function command.integer(given, name, smallest)
    local text = given[name]
    local number = text and math.tointeger(tonumber(text))
    if text and (not number or number < smallest) then
        usage(string.format("--%s is a number from %d, not '%s'", name, smallest, text))
    end
    return number
end

--- The options that open `url`, with the Secret that was named.
function command.credentials(url, secret_name, context)
    if not secret_name then
        return nil
    elseif not open.takes(url, "secret") then
        usage(require("salvor.store.url").mask(url) .. " takes no Secret")
    end
    local namespace, name = secret_name:match("^([^/]+)/([^/]+)$")
    local client = must(require("salvor.k8s").connect({context = context, namespace = namespace}))
    return {secret = must(client:get("secrets", name or secret_name))}
end

--- The site of the options; its cluster is the one that its file and the options name.
local function open_site(given)
    local site = require("salvor.procedure.site")
    local opened = site.open(given.site)
    opened.connect = function()
        local target = require("salvor.procedure.settings").target("", opened,
            {context = given.context})
        return must(require("salvor.k8s").connect(target))
    end
    return opened
end

--- What `url` means, and the options that open it: a store of the site's by its name, or a URL, for
--- which `secret_name` may name a Secret; raises.
function command.locate(url, given, secret_name)
    if url:sub(1, 1) ~= "@" then
        return url, command.credentials(url, secret_name, given.context)
    elseif secret_name then
        usage(url .. " takes no Secret", "the site file says where its credentials are kept")
    end
    return must(require("salvor.procedure.site").store(open_site(given), url))
end

--- The tree or object of a URL (store/place.lua); raises.
function command.source(url, given)
    local target, options = command.locate(url, given, given.secret)
    return must(place.source(target, options, "store.open"))
end

--- The error of a source that is no object: what the server has said, when it was asked.
local function no_object(source, url)
    local err = source.missing
    if not err then
        local location = must(require("salvor.store.url").parse(url))
        err = store_errors.new("NotFound", {url = location.text, reason = "it is no object"})
    end
    err.op = "store.stat"
    err.hint = err.hint or "`salvor store ls` shows what is there"
    return err
end

--- One object; raises when the URL names something else.
function command.object(url, given)
    local source = command.source(url, given)
    if not source.item then
        source.backend:close()
        error(no_object(source, url), 0)
    end
    return source
end

--- A text from elsewhere on one line of a terminal.
command.escape = terminal.escape

--- A text as JSON can have it: what is no UTF-8 is shown escaped.
function command.text(text)
    return utf8.len(text) and text or terminal.escape(text)
end

--- An item as scripts get it. A name that is no UTF-8 is escaped, and exact as path_base64.
function command.row(item)
    return {path = command.text(item.path),
            path_base64 = not utf8.len(item.path) and digest.base64(item.path) or nil,
            kind = item.kind, size = item.size, modified = item.modified,
            etag = item.etag, md5 = item.md5, md5_guessed = item.md5_guessed,
            version = item.version, mode = item.mode}
end

function command.print_json(value)
    io.stdout:write(must(json.encode(value, {indent = 2})), "\n")
end

--- A list that is written as it comes: write(value) for each, finish() at the end.
function command.json_list()
    local opened = false
    return {
        write = function(value)
            io.stdout:write(opened and ",\n" or "[\n", must(json.encode(value)))
            opened = true
        end,
        finish = function()
            io.stdout:write(opened and "\n]\n" or "[]\n")
        end,
    }
end

function command.time(seconds)
    return seconds and os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(seconds)) or "-"
end

return command
