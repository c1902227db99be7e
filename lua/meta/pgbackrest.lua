---@meta salvor.pgbackrest

--- Repositories of pgBackRest: copied to a place of their own. store.verify() tells whether one can
--- be restored, store.is_empty() whether a place is free for a new one.
local pgbackrest = {}

---@class salvor.PgbackrestCopyOptions
---@field workers? integer Objects at a time; 8.
---@field progress? boolean|fun(state: salvor.StoreProgress) As of store.copy.
---@field full? boolean Read every object of the copy back, to verify it.
---@field from? table<string, any> The options that open the source.
---@field to? table<string, any> The same of the destination.

---@class salvor.PgbackrestCopySummary: salvor.StoreSummary
---@field report salvor.SetReport Of the copy, as store.verify() tells of it.

--- Copies a repository to a new path, as a recovery from another installation's backups needs it:
--- two databases must not share one. The info files, without which pgBackRest sees nothing, are
--- those of the beginning and come last, so that the copy is consistent and a copy that was
--- interrupted is seen for what it is; the same call goes on with it. Anything else at the
--- destination is `AlreadyExists`. The copy is verified afterwards, an encrypted one by its names.
---
---     local summary = must(pgbackrest.copy("s3://backups/production", "s3://backups/recovery"))
---     assert(summary.report.verdict ~= "not restorable", summary.report.summary)
---@param from string A URL or a path.
---@param to string
---@param options? salvor.PgbackrestCopyOptions
---@return salvor.PgbackrestCopySummary?
---@return salvor.Error? err
function pgbackrest.copy(from, to, options) end

--- Whether copy() could begin: there is a repository, and the destination is free or has what an
--- interrupted copy of it left. Changes nothing.
---@param from string
---@param to string
---@param options? salvor.PgbackrestCopyOptions
---@return true?
---@return salvor.Error? err
function pgbackrest.can_copy(from, to, options) end

return pgbackrest
