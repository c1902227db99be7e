---@meta salvor.json

--- JSON by RFC 8259.
---
--- null is `salvor.null`, a list is a table with the list marker (an empty one stays a list),
--- integers stay integers up to 64 bits.
local json = {}

--- Reads one JSON text.
---
--- Of two equal keys the later counts. Errors beside those of the grammar: an integer beyond 64
--- bits, a real beyond a double, U+0000 in a key, nesting above 512.
---@param text string
---@return any value nil on failure
---@return salvor.Error? err `Invalid`, with line and column
function json.decode(text) end

---@class salvor.JsonEncodeOptions
---@field indent? integer spaces a level, 0 to 8; 0, the default, writes one line

--- Writes a value as JSON, keys sorted, reals with the fewest digits that read back as they were.
---
--- A table is a list when it carries the list marker or its keys are exactly 1 to n; an empty table
--- is an object, `salvor.list({})` an empty list. Refused are functions, cycles, mixed tables, NaN
--- and strings that are not UTF-8.
---@param value any
---@param options? salvor.JsonEncodeOptions
---@return string? text
---@return salvor.Error? err `Invalid`, with the path
function json.encode(value, options) end

--- Writes a value as JSON to an open file, in pieces, so that a large text is never whole in
--- memory.
---
---     json.write(io.stdout, c:list("configmaps", {full = true}), {indent = 4})
---
--- What was written before an error stays written.
---@param file file* as io.open gives it, or io.stdout
---@param value any
---@param options? salvor.JsonEncodeOptions
---@return true? done
---@return salvor.Error? err `Invalid`, with the path; of the system: `NoSpace` and the like
function json.write(file, value, options) end

return json
