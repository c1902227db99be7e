--- Messages to standard error: lines for people, or JSON for collectors. Secrets are masked, and
--- what came from elsewhere cannot move the cursor of whoever reads it.
local log_writer = require("salvor.log_writer")
local salvor = require("salvor")
local secret = require("salvor.secret")
local terminal = require("salvor.terminal")

local log = {}

local RANKS = {debug = 1, info = 2, warning = 3, error = 4}

local function text_value(value)
    local text = tostring(value)
    if text == "" or text:find('[%s"=]') then
        text = '"' .. text:gsub('[\\"]', "\\%0") .. '"'
    end
    return terminal.escape(text)
end

local function as_text(time, level, message, fields)
    local parts = {time, level, terminal.escape(message)}
    for _, key in ipairs(salvor.keys(fields)) do
        parts[#parts + 1] = terminal.escape(key) .. "=" .. text_value(fields[key])
    end
    return table.concat(parts, " ")
end

local JSON_ESCAPES = {
    ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t",
}

--- Written here and not by salvor.json: a log takes any value and any bytes, and never fails. What
--- cannot stand in a JSON string is shown by an escape, whose backslash is text.
local function json_string(value)
    local text = terminal.escape(tostring(value), "\n\r\t"):gsub('["\\\n\r\t]', JSON_ESCAPES)
    return '"' .. text .. '"'
end

local function json_value(value)
    if type(value) == "boolean" or math.type(value) == "integer" then
        return tostring(value)
    elseif math.type(value) == "float" and value == value and math.abs(value) < math.huge then
        return string.format("%.17g", value)
    end
    return json_string(value)
end

local function as_json(time, level, message, fields)
    local parts = {
        '"time":' .. json_string(time),
        '"level":' .. json_string(level),
        '"message":' .. json_string(message),
    }
    for _, key in ipairs(salvor.keys(fields)) do
        local name = key
        if name == "time" or name == "level" or name == "message" then
            name = "field_" .. name
        end
        parts[#parts + 1] = json_string(name) .. ":" .. json_value(fields[key])
    end
    return "{" .. table.concat(parts, ",") .. "}"
end

local FORMATS = {text = as_text, json = as_json}

local threshold, format = RANKS.warning, as_text

--- A value whose own __tostring fails is shown as what it is: a log never fails.
local function text_of(value)
    local ok, text = pcall(tostring, value)
    return secret.mask(ok and text or type(value))
end

--- Masked before they are escaped, since a secret may hold what is escaped; the line is masked too.
local function masked_fields(fields)
    local masked = {}
    for key, value in pairs(fields) do
        if type(value) ~= "number" and type(value) ~= "boolean" then
            value = text_of(value)
        end
        masked[text_of(key)] = value
    end
    return masked
end

local function write(level, message, fields)
    if fields ~= nil and type(fields) ~= "table" then
        error("log." .. level .. ": the fields are a table", 3)
    end
    if RANKS[level] < threshold then
        return
    end
    local time = os.date("!%Y-%m-%dT%H:%M:%SZ")
    local line = format(time, level, text_of(message), masked_fields(fields or {}))
    log_writer.write(secret.mask(line))
end

for level in pairs(RANKS) do
    log[level] = function(message, fields)
        write(level, message, fields)
    end
end

local function check(choices, value, what)
    if choices[value] == nil then
        error("unknown log " .. what .. " '" .. tostring(value) .. "'", 3)
    end
    return choices[value]
end

function log.set_level(level)
    threshold = check(RANKS, level, "level")
end

function log.set_format(name)
    format = check(FORMATS, name, "format")
end

--- Whether a message of that level would be written, for what is costly to say.
function log.enabled(level)
    return check(RANKS, level, "level") >= threshold
end

--- A wrong environment must not stop a recovery.
local function from_environment(variable, set)
    local value = os.getenv(variable)
    if value and value ~= "" and not pcall(set, value) then
        log.warning("ignored: unknown value", {[variable] = value})
    end
end

from_environment("SALVOR_LOG_FORMAT", log.set_format)
from_environment("SALVOR_LOG_LEVEL", log.set_level)

return log
