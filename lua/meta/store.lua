---@meta salvor.store

--- Storage: S3, Azure Blob, SFTP and folders behind one interface.
---
---     s3://bucket/prefix     az://container/prefix     sftp://user@host:port/path
---     file:///path           or a bare path
---
--- Percent escapes in a URL are decoded. A query gives settings, under the names that they have as
--- options (`?region=eu-de&endpoint=https://...`); options win. Credentials are options, never a
--- query. Paths are relative to the store's root and separated by "/". docs/storage.md has the
--- settings and where credentials are looked for.
---
--- What can fail gives nil and an error object: `NotFound`, `AlreadyExists`, `Changed` (the object
--- is another one by now), `Corrupt` (not the bytes that were meant), `Conflict` (somebody else
--- writes it), `Forbidden`, `Unauthorized`, `Unreachable`, `Untrusted`, `Timeout`, `Disconnected`,
--- `SlowDown`, `NoSpace`, `TooLarge`, `Invalid`, `Unsupported` and `IO`; with `url`, `status` and
--- `request_id` where there are any. What may be repeated has been, before an error is given.
local store = {}

---@class salvor.StoreItem
---@field path string Of a folder with "/" at the end.
---@field kind "file"|"folder"|"link"|"other"
---@field size? integer Bytes.
---@field modified? number Seconds since 1970.
---@field etag? string
---@field md5? string In hexadecimal digits, where the server knows it.
---@field md5_guessed? boolean In a list of S3's: it is none when a key of KMS's encrypts the
--- object, which only `stat` tells.
---@field version? string
---@field mode? integer Permission bits.

---@class salvor.Store
---@field url string Without secrets.
local methods = {}

--- Ends connections; a second call does nothing. A `<close>` variable does it too.
function methods:close() end

--- What is in a folder: files and folders, by name. What is not there has nothing in it.
---@param folder? string The root without it.
---@return salvor.StoreItem[]?
---@return salvor.Error? err
function methods:list(folder) end

--- Every file below a folder, in the order of the bytes of the paths, in memory that does not
--- depend on how many there are. Raises errors.
---
---     for item in s:each("backup") do print(item.path, item.size) end
---@param folder? string
---@return fun(): salvor.StoreItem?
function methods:each(folder) end

---@param path string
---@return salvor.StoreItem?
---@return salvor.Error? err
function methods:stat(path) end

---@class salvor.StoreReadOptions
---@field offset? integer 0.
---@field length? integer To the end.
---@field limit? integer `TooLarge` above so many bytes; 256 MiB.

--- The bytes of an object, or a part of them.
---@param path string
---@param opts? salvor.StoreReadOptions
---@return string? data
---@return salvor.Error? err
function methods:read(path, opts) end

---@class salvor.StoreWriteOptions
---@field if_absent? boolean `AlreadyExists` when there is one.
---@field mode? integer Permission bits, for folders and SFTP; 0600.

--- Writes an object in one step: whoever looks sees the old one or the new one.
---@param path string
---@param data string
---@param opts? salvor.StoreWriteOptions
---@return salvor.StoreItem?
---@return salvor.Error? err
function methods:write(path, data, opts) end

--- Removes objects; what is not there is no failure.
---@param paths string|string[]
---@return integer? count Of those that are gone.
---@return salvor.Error? err
function methods:remove(paths) end

---@class salvor.StoreLeftoversOptions
---@field older_than? number Seconds since they were begun; a day.
---@field remove? boolean End them, so that they take no room any more.

---@class salvor.StoreLeftover
---@field path string
---@field begun number Seconds since 1970.
---@field removed boolean

--- Uploads below a folder that Salvor began and never finished, which no list shows: multipart
--- uploads of S3, temporary files of SFTP. Those of other programs are left alone. `Unsupported`
--- where nothing is left.
---@param folder? string
---@param opts? salvor.StoreLeftoversOptions
---@return salvor.StoreLeftover[]?
---@return salvor.Error? err
function methods:leftovers(folder, opts) end

---@class salvor.StoreRetention
---@field rules {id: string, prefix: string, does: string}[] Of its lifecycle.
---@field lock? string How long every new object is locked: "30 Days, COMPLIANCE".

--- What the service does to objects of this store by itself: rules of the bucket's lifecycle that
--- are enabled and concern what lies here (`does`: "removes objects"), and its lock. Only S3 can be
--- asked; `Unsupported` elsewhere, `Forbidden` for who may write objects and not see how the bucket
--- is set up.
---@return salvor.StoreRetention?
---@return salvor.Error? err
function methods:retention() end

--- `skip` is what is left alone: with "checksum" an object of the same size and checksum, or of
--- the same size and time where neither side knows a checksum; with "size" one of the same size.
--- `verify` is how what arrived is verified: by the checksums that the sides know, or also by
--- reading it back. `progress` shows a live line, or one line per second where there is no
--- terminal; a function is told a few times a second.
---@class salvor.StoreTransferOptions
---@field workers? integer How many parts or objects at the same time, 1 to 256; 8.
---@field skip? "checksum"|"size"|"never"|boolean "checksum".
---@field verify? "checksum"|"content" "checksum".
---@field if_absent? boolean `AlreadyExists` for an object that is there and not skipped.
---@field progress? boolean|fun(state: salvor.StoreProgress)

---@class salvor.StoreProgress
---@field bytes integer That have arrived, or were there.
---@field objects integer
---@field rate? number Bytes per second that arrive, lately; nil before the first.
---@field total? integer Bytes, once they are counted.
---@field total_objects? integer
---@field seconds_left? number

--- An object becomes a local file, or a file in the folder that is there. The file is whole or not
--- there; what an earlier run that was killed has brought is used.
---@param path string
---@param file string
---@param opts? salvor.StoreTransferOptions
---@return salvor.StoreSummary?
---@return salvor.Error? err
function methods:download(path, file, opts) end

--- A local file becomes an object.
---@param file string
---@param path string
---@param opts? salvor.StoreTransferOptions
---@return salvor.StoreSummary?
---@return salvor.Error? err
function methods:upload(file, path, opts) end

--- Opens a store. That it can be reached shows when it is first used. The options depend on the
--- kind of store; an unknown one raises.
---@param url string
---@param opts? table<string, any> And `retries`: how often what may be repeated is; 5.
---@return salvor.Store?
---@return salvor.Error? err
function store.open(url, opts) end

--- `delete` removes at the destination what is not at the source, once everything has arrived;
--- nothing when something has failed, and none of it, with an error, when the source holds nothing.
--- Only what is in the way of an object, a folder of a file or a file of a folder, goes when that
--- object is about to take its place.
---@class salvor.StoreCopyOptions: salvor.StoreTransferOptions
---@field delete? boolean
---@field from? table<string, any> The options that open the source, when it is a URL.
---@field to? table<string, any> The same of the destination.

--- Links and special files are left out, but for a link in a folder to a file below the same root,
--- which is that file. The lists name the first thousand.
---@class salvor.StoreSummary
---@field copied integer Objects.
---@field skipped integer Objects that were there already.
---@field bytes integer Of the objects that were copied.
---@field resumed integer Bytes of them that an earlier run had brought.
---@field removed integer Objects.
---@field failures integer Objects that could not be copied or removed.
---@field failed {path: string, err: salvor.Error}[]
---@field left_out string[]
---@field verified {checksum: integer, size: integer} How many by which; content is one, too.
---@field seconds number

--- Copies a tree, or the one object that `from` names, between any two stores, in memory that does
--- not depend on how much it is. An object goes into `to` when that is a folder or ends in "/",
--- else it becomes `to`.
---
---     local summary = must(store.copy("s3://backups/db", "/srv/db", {workers = 16}))
---     assert(summary.failures == 0)
---
--- A failure of one object is in the summary and the others go on; where none can succeed (no
--- space, no connection, refused credentials) the copy ends with that error. Whatever ends it,
--- nothing half-written has its final name, and the next run goes on where this one was.
---@param from string|salvor.Store
---@param to string|salvor.Store
---@param opts? salvor.StoreCopyOptions
---@return salvor.StoreSummary?
---@return salvor.Error? err
function store.copy(from, to, opts) end

--- Every kind: `full` reads every object, `sample` so many of them, neither only names, sizes and
--- manifests. v2018: `pods` is how many Cassandra pods there are to restore to, `space` what each
--- has, in KiB, as `df /var/db` and `du -s /var/db/data` say. portal: `time` is the time to restore
--- to, `management_time` when the management database was backed up (YYYYMMDD-HHMMSS, or seconds
--- since 1970), `tolerance` how many seconds the two may be apart (3600).
---@class salvor.VerifyOptions
---@field kind? "pgbackrest"|"medusa"|"portal"|"v2018"|"management_sftp" By what is there.
---@field full? boolean
---@field sample? integer
---@field backup? string This backup alone.
---@field workers? integer Objects read at a time; 4, and 8 from a server.
---@field pods? integer
---@field space? table<integer, {available: integer, database: integer}> By the index of the pod.
---@field time? string "now", or YYYYMMDD.HHMMSS.
---@field management_time? string
---@field tolerance? number
---@field progress? fun(checked: {objects: integer, contents: integer, bytes: integer})
---@field open? table<string, any> The options that open the store, when it is a URL.

---@class salvor.SetFinding
---@field level "error"|"warning"|"note" An error keeps a backup from being restored.
---@field rule string A word for what is wrong.
---@field object string The path of what it is about; "" for the set.
---@field backup? string
---@field message string
---@field hint? string
---@field more? integer So many more of this rule were found.

---@class salvor.SetBackup
---@field name string
---@field restorable? boolean nil when nobody can tell: it is encrypted, and nothing is wrong.
---@field type? string
---@field stanza? string Of pgBackRest.
---@field status? "finished"|"incomplete"
---@field started? integer Seconds since 1970.
---@field finished? integer
---@field files? integer
---@field bytes? integer
---@field nodes? integer
---@field objects? string[] Of the portal: the files that are taken.
---@field references? string[] The backups that it needs.
---@field encrypted? boolean Only names could be looked at.

---@class salvor.SetReport
---@field kind string
---@field title string
---@field url string
---@field mode "quick"|"sample"|"full"
---@field verdict "restorable"|"not restorable"|"unknown" unknown: what is encrypted seems whole.
---@field restorable? boolean All backups that were looked at can be restored, and there is one; nil
--- when that is unknown.
---@field looked_at string[] What was really looked at: "names", "sizes", "manifests"...
---@field unseen? integer With `full`: files whose content could not be compared with anything.
---@field encrypted? boolean
---@field summary string
---@field backups salvor.SetBackup[]
---@field findings salvor.SetFinding[] Errors first.
---@field counts {errors: integer, warnings: integer}
---@field checked {objects: integer, contents: integer, bytes: integer} Listed, read, their bytes.

--- Which kind of backup set lies at a URL or in an open store, and whether it can be restored. The
--- rules of each kind are in docs/backup-sets.md. A set that cannot be restored is an answer and no
--- error; `Invalid` is what is no set that is known, or several.
---
---     local report = must(store.verify("s3://backups/production", {full = true}))
---     if not report.restorable then print(report.summary) end
---@param where string|salvor.Store
---@param options? salvor.VerifyOptions
---@return salvor.SetReport?
---@return salvor.Error? err
function store.verify(where, options) end

---@class salvor.IsEmptyOptions
---@field open? table<string, any> The options that open the store, when it is a URL.

--- Whether there is nothing at all, as pgBackRest wants it of the place of a new repository.
---@param where string|salvor.Store
---@param options? salvor.IsEmptyOptions
---@return boolean? empty
---@return string[]|salvor.Error|nil names The first ones that were found; or the error.
function store.is_empty(where, options) end

--- A URL without its password and other secrets, for messages.
---@param url string
---@return string
function store.mask(url) end

return store
