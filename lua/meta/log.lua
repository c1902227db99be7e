---@meta salvor.log

--- Messages to standard error.
---
---     log.warning("the backup is old", {age = "40d", path = path})
---     2026-11-20T23:50:01Z warning the backup is old age=40d path=/backup
---
--- Secrets are masked; control characters, escapes and broken UTF-8 are shown escaped. Fields come
--- sorted. --log-level and --log-format, or SALVOR_LOG_LEVEL and SALVOR_LOG_FORMAT, set what is
--- written.
local log = {}

---@alias salvor.LogLevel "debug"|"info"|"warning"|"error"

---@param message string
---@param fields? table<string, any>
function log.debug(message, fields) end

---@param message string
---@param fields? table<string, any>
function log.info(message, fields) end

---@param message string
---@param fields? table<string, any>
function log.warning(message, fields) end

---@param message string
---@param fields? table<string, any>
function log.error(message, fields) end

--- Messages below it are not written; "warning" until it is called. Raises on another word.
---@param level salvor.LogLevel
function log.set_level(level) end

--- "text" until it is called; "json" writes one object a line with `time`, `level`, `message` and
--- the fields. Raises on another word.
---@param name "text"|"json"
function log.set_format(name) end

--- Whether a message of that level would be written.
---@param level salvor.LogLevel
---@return boolean
function log.enabled(level) end

return log
