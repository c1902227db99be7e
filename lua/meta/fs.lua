---@meta salvor.fs

--- Local files. What is written is on the disk when a call returns. Modes are integers, as in
--- `tonumber("600", 8)`, and exact: the umask does not apply. Names are bytes.
---
--- A call that can fail returns nil and an error object with the path and the cause: `NotFound`,
--- `AlreadyExists`, `Forbidden`, `NoSpace`, `TooLarge`, `Conflict`, `Invalid` or `IO`.
local fs = {}

---@class salvor.FsReadOptions
---@field limit? integer Bytes; `TooLarge` above it; 256 MiB.

--- The whole file.
---@param path string
---@param options? salvor.FsReadOptions
---@return string? data
---@return salvor.Error? err
function fs.read(path, options) end

---@class salvor.FsWriteOptions
---@field mode? integer The file's permission bits, also when it takes an old one's place; 0600.
---@field exclusive? boolean `AlreadyExists` when there is a file.

--- Writes a file in one step: whoever looks sees the old content or the new one, also after a
--- crash. When it fails the old file is as it was. A symbolic link at `path` is replaced, not
--- followed. A writer that was killed leaves at most a file named ".salvor-*.tmp" in the folder.
---@param path string
---@param data string
---@param options? salvor.FsWriteOptions
---@return true?
---@return salvor.Error? err
function fs.write(path, data, options) end

---@class salvor.FsModeOptions
---@field mode? integer Of a file that is made; 0600.

--- Adds to the end of a file, which is made when there is none. When it fails nothing was added.
---@param path string
---@param data string
---@param options? salvor.FsModeOptions
---@return true?
---@return salvor.Error? err
function fs.append(path, data, options) end

--- Cuts a file to that many bytes; `Invalid` when it has fewer.
---@param path string
---@param size integer
---@return true?
---@return salvor.Error? err
function fs.truncate(path, size) end

---@class salvor.FsMkdirOptions
---@field mode? integer 0700.
---@field parents? boolean Make those above too, and do not mind one that is there already.

--- Makes a folder; when this returns, it is on the disk.
---@param path string
---@param options? salvor.FsMkdirOptions
---@return true?
---@return salvor.Error? err
function fs.mkdir(path, options) end

---@alias salvor.FsType "file"|"folder"|"link"|"other"

---@class salvor.FsEntry
---@field name string
---@field type salvor.FsType Of a link itself.

--- What is in a folder, in the order of the bytes of the names.
---@param path string
---@return salvor.FsEntry[]?
---@return salvor.Error? err
function fs.list(path) end

---@class salvor.FsStatus
---@field type salvor.FsType
---@field size integer Bytes.
---@field mode integer Permission bits.
---@field mtime number Seconds since 1970, with fractions.
---@field uid integer
---@field gid integer

---@class salvor.FsStatOptions
---@field follow? boolean Of what a symbolic link points to; true.

--- Whether a file is there: `fs.stat(path)` gives nil and `NotFound` when it is not.
---@param path string
---@param options? salvor.FsStatOptions
---@return salvor.FsStatus?
---@return salvor.Error? err
function fs.stat(path, options) end

--- Whether this process may make files in that folder.
---@param path string
---@return boolean? writable true
---@return salvor.Error? err `Forbidden`, `NotFound`...
function fs.writable(path) end

---@class salvor.FsRenameOptions
---@field exclusive? boolean `AlreadyExists` when there is something; else it is replaced.

--- Renames in one step.
---@param from string
---@param to string
---@param options? salvor.FsRenameOptions
---@return true?
---@return salvor.Error? err
function fs.rename(from, to, options) end

--- Removes a file, a symbolic link or an empty folder.
---@param path string
---@return true?
---@return salvor.Error? err
function fs.remove(path) end

--- Removes a file, or a folder with all that is in it. Follows no symbolic link and leaves what
--- other file systems hold (`Forbidden`).
---@param path string
---@return true?
---@return salvor.Error? err
function fs.remove_tree(path) end

---@class salvor.FsSymlinkOptions
---@field replace? boolean Take the place of what is there, in one step.

--- Makes a symbolic link at `path` that points to `target`.
---@param target string
---@param path string
---@param options? salvor.FsSymlinkOptions
---@return true?
---@return salvor.Error? err
function fs.symlink(target, path, options) end

--- What the symbolic link points to; `Invalid` when it is none.
---@param path string
---@return string? target
---@return salvor.Error? err
function fs.readlink(path) end

--- Makes a folder of mode 0700 with a name of its own.
---@param parent? string $TMPDIR or /tmp.
---@return string? path
---@return salvor.Error? err
function fs.temporary_folder(parent) end

---@class salvor.FsLock
local lock = {}

--- Gives the lock back; a second call does nothing. A `<close>` variable does it too.
function lock:close() end

--- Takes a lock that nobody else holds at the same time, on a file that is made for it and stays.
--- It ends with the process at the latest. `Conflict`, naming the process, when somebody holds it.
---@param path string
---@return salvor.FsLock?
---@return salvor.Error? err
function fs.lock(path) end

--- The path from the root, without "." and doubled slashes; ".." stays, since what it means depends
--- on symbolic links.
---@param path string
---@return string? path
---@return salvor.Error? err
function fs.absolute(path) end

--- One below the other: `fs.join("a", "/b", "c")` is "a/b/c". Empty parts are left out.
---@param ... string
---@return string
function fs.join(...) end

--- "a/b/" -> "a", "a" -> "."
---@param path string
---@return string
function fs.dirname(path) end

--- "a/b/" -> "b"
---@param path string
---@return string
function fs.basename(path) end

return fs
