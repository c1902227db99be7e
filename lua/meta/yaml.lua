---@meta salvor.yaml

--- YAML as Kubernetes reads it, and texts that are changed in place.
---
--- `yes` and `on` are true, `0777` is 511, `1e3` is 1000, dates are strings, keys are strings: what
--- kubectl makes of a text is what these functions make of it, so a merge (`<<`) takes precedence
--- over the keys before it. Two things that kubectl passes over are errors here: a key that comes
--- twice, and `!!binary` data that is not text.
local yaml = {}

--- Reads a text of one document. A text without any is `salvor.null`.
---@param text string
---@return any value nil on failure
---@return salvor.Error? err `Invalid`, with line and column; or there is a second document
function yaml.load(text) end

--- Reads all documents of a text. An empty document is `salvor.null`.
---@param text string
---@return any[]? documents
---@return salvor.Error? err `Invalid`, with line and column
function yaml.load_all(text) end

--- Writes a value in block style, keys sorted, the way kubectl prints it. A string is quoted when
--- any reader could take it for something else.
---@param value any
---@return string? text ends with a line break
---@return salvor.Error? err `Invalid`: what `json.encode` refuses
function yaml.dump(value) end

--- Writes a list of documents with `---` between them.
---@param documents any[]
---@return string? text
---@return salvor.Error? err
function yaml.dump_all(documents) end

---@class salvor.YamlEditOptions
---@field document? integer which document of the text, from 1; needed when there are several

--- Opens a text to change its values. Every byte that a change does not concern stays as it was:
--- comments, order, quotes, indentation, line ends.
---
---     local doc = must(yaml.edit(must(fs.read("site.yaml"))))
---     must(doc:set("spec.databaseBackup.host", "backup.example.com"))
---     must(fs.write("site.yaml", tostring(doc)))
---@param text string
---@param options? salvor.YamlEditOptions
---@return salvor.YamlDocument? document
---@return salvor.Error? err `Invalid`
function yaml.edit(text, options) end

--- A path is a list of keys and indices, `{"spec", "list", 1, "name"}`, or a string,
--- `spec.list[1].name`. In a string a key with other characters than letters, digits, `_`, `-` and
--- `/` stands in brackets and quotes: `metadata.annotations["a.b/c"]`.
---
--- `tostring(document)` is the text.
---@class salvor.YamlDocument
local document = {}

---@param path string|(string|integer)[]
---@return any value nil when there is none
---@return salvor.Error? err `NotFound`
function document:get(path) end

--- Sets a value: replaces it, adds a key behind the last one of its mapping, appends to a list (at
--- the index behind its last), makes the mappings and lists that are missing on the way. An equal
--- value changes nothing.
---
--- Errors leave the text as it was. `Conflict`: the path leads through a scalar, or to a value that
--- an alias or a merge shares. `NotFound`: beyond the end of a list. `Internal`: not safely done.
---@param path string|(string|integer)[]
---@param value any
---@return salvor.YamlDocument? self
---@return salvor.Error? err
function document:set(path, value) end

--- Removes a key or an element with its lines. A collection that loses its last one stays, empty.
---@param path string|(string|integer)[]
---@return salvor.YamlDocument? self
---@return salvor.Error? err as for `set`; `NotFound`
function document:remove(path) end

--- Where the entry at a path begins, for messages about it: its key in a mapping, the element in a
--- list. Of a value that the text has not in that place (a merge, a key that is missing) the last
--- place on the way to it.
---@param path string|(string|integer)[]
---@return integer? line from 1
---@return integer|salvor.Error column from 1, in characters
function document:position(path) end

return yaml
