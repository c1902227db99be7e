---@meta salvor

--- What every other module shares. JSON and YAML null is `salvor.null`, since nil cannot be in a
--- table; lists carry a marker, so that an empty list stays a list.
local salvor = {}

--- The version of Salvor, as "0.1.0".
---@type string
salvor.version = ""

--- JSON's and YAML's null. It is a value of its own: compare with `== salvor.null`. It counts as
--- true in a condition.
---@type lightuserdata
salvor.null = nil

--- Marks a table as a list and returns it; without one, a new empty list.
---@generic T: table
---@param table? T
---@return T
function salvor.list(table) end

--- Whether the value is a table with the marker of lists.
---@param value any
---@return boolean
function salvor.is_list(value) end

--- The keys of a table, sorted, so that whoever goes over them does it in one order.
---@param map table
---@return any[]
function salvor.keys(map) end

--- What lies deep in a value: `salvor.dig(pod, "status", "conditions", 1, "type")`. Nil as soon as
--- a part of the way is missing or null.
---@param v any
---@param ... string|integer
---@return any
function salvor.dig(v, ...) end

--- Returns its arguments when the first is neither nil nor false. Otherwise raises the second one
--- unchanged, so that `must(fs.read(path))` stops a script with the error object of the call.
---@generic T
---@param value? T
---@param err? any
---@param ... any
---@return T
function must(value, err, ...) end

return salvor
