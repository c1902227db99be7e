---@meta salvor.archive

--- Archives and compressed files, checked to their end without being unpacked: sums, lengths, and
--- that nothing is cut off. gzip, zstd, lz4 and bzip2; tar in its V7, ustar, pax and GNU forms. A
--- file of any size, and one that was made to harm too, takes the same few MiB of memory.
local archive = {}

---@class salvor.ArchiveOptions
---@field store? salvor.Store Where the path is; without it the path is a file's, or a URL.
---@field compression? "auto"|"none"|"gzip"|"zstd"|"lz4"|"bzip2" auto: by how the file begins.
---@field tar? boolean Whether it is a tar archive; by its name when nothing is said.
---@field digest? salvor.DigestAlgorithm Of what came out of the decompression.

---@class salvor.ArchiveSummary
---@field compression string
---@field packed integer Bytes of the file.
---@field size integer Bytes that came out of it.
---@field entries? integer Of a tar archive.
---@field digest? string Hexadecimal digits.

--- Reads a file to its end.
---
---     local found = must(archive.check("backup.tar.gz"))
---     print(found.entries, found.size)
---@param path string
---@param options? salvor.ArchiveOptions
---@return salvor.ArchiveSummary?
---@return salvor.Error? err `Corrupt`, with where the damage is; what reading the store gives
function archive.check(path, options) end

---@class salvor.ArchiveEntry
---@field name string Bytes, as they stand there: not to be trusted.
---@field type "file"|"folder"|"link"|"hard link"|"other"
---@field size integer Of a file, with its holes.
---@field mode integer
---@field modified integer Seconds since 1970.

--- The entries of a tar archive; error objects are raised, also when damage is found at the end.
---
---     for entry in archive.each("backup.tar.gz") do print(entry.name, entry.size) end
---@param path string
---@param options? salvor.ArchiveOptions
---@return fun(): salvor.ArchiveEntry?
function archive.each(path, options) end

return archive
