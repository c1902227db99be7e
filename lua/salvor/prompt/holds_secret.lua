--- Whether a text that was entered holds a secret, or seems to: a literal that gets such a name or
--- stands behind such a word, in Lua, in a text of it, or in a command. What only names one does
--- not: `secret = c:get("secret", "login")`.
local secret = require("salvor.secret")

local NAMES = {"password", "passwd", "passphrase", "secret", "token", "credential", "api_?key",
               "access_?key", "private_?key", "authorization", "stringdata"}

-- What makes a secret of what is behind a name: a literal, and a line of YAML; behind the name of a
-- flag its value; and where that does not take too long, a literal anywhere in what is assigned.
local LITERAL, YAML = "[%w_]*[\"'%]]*%s*[=:,]%s*[\"'%[]", "[%w_-]*:[ \t]+[^%s\"'%]%%]"
local FLAG, VALUE = "%-%-[%w-]*", "%s+[^%s-]"
local LONG = 8000 -- bytes
local ASSIGNED = "[%w_]*[\"'%]]*[%s%w_,]*=[^=][^;\n]*[\"']"

-- Something without blanks, which may be a shell's, where each word is a text.
local UNSPACED = "[%w_-]*=([^%s=]%S*)"

-- Whatever they are used for.
local PLAIN = {"%-%-%-%-%-begin [%l ]*private key", "%a[%w+.-]*://[^/%s:@]*:[^/%s@]+@",
               "authorization%s*:%s*%a+%s+[^%s\"'%]]", "%f[%w]secret%.add%s*%(?%s*[\"'%[]",
               "[\"']secrets?[\"'].*data[\"'%]]*%s*=%s*{.*[\"']"}

-- Methods, and functions of modules, whose texts say what is to be read or removed.
local BY_NAME = {get = true, list = true, each = true, table = true, watch = true, wait = true,
                 delete = true, events = true, tree = true, can = true, logs = true, read = true,
                 open = true, getenv = true}

local function without_quotes(text)
    return (text:gsub("[\"']", ""))
end

--- The text without the quotes of what is a name there: arguments of such a function, but for its
--- options, and keys behind a value.
local function with_bare_names(text)
    text = text:gsub("([:.](%l+)%s*)(%b())", function(call, name, arguments)
        local names, options = arguments:match("^([^{]*)(.*)$")
        return BY_NAME[name] and call .. without_quotes(names) .. options or nil
    end)
    return (text:gsub("[%w_)]%[[\"'][^\"'%]]*[\"']%]", without_quotes))
end

local function reads_by_name(value)
    local name = value:match("^[%w_.:(]*[:.](%l+)%(")
    return name and BY_NAME[name] or false
end

local function is_in(text, name, is_long)
    if text:find(name .. LITERAL) or text:find(name .. YAML) or text:find(FLAG .. name .. VALUE)
        or not is_long and text:find(name .. ASSIGNED) then
        return true
    end
    for value in text:gmatch(name .. UNSPACED) do
        if not reads_by_name(value) then
            return true
        end
    end
    return false
end

--- holds_secret(text) -> boolean
return function(text)
    local lower = text:lower()
    if secret.mask(text) ~= text then
        return true
    end
    for _, pattern in ipairs(PLAIN) do
        if lower:find(pattern) then
            return true
        end
    end
    local is_long = #text > LONG
    local bare = is_long and lower or with_bare_names(lower)
    for _, name in ipairs(NAMES) do
        if is_in(bare, name, is_long) then
            return true
        end
    end
    return false
end
