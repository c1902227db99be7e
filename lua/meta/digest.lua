---@meta salvor.digest

--- Checksums, signatures of messages, base64.
local digest = {}

---@alias salvor.DigestAlgorithm "md5"|"sha1"|"sha256"|"sha512"

---@param data string
---@return string hex
function digest.md5(data) end

---@param data string
---@return string hex
function digest.sha1(data) end

---@param data string
---@return string hex
function digest.sha256(data) end

---@param data string
---@return string hex
function digest.sha512(data) end

--- The HMAC of RFC 2104 with SHA-256.
---@param key string
---@param data string
---@return string hex
function digest.hmac_sha256(key, data) end

--- The digest of a file's content, read as a stream.
---@param algorithm salvor.DigestAlgorithm
---@param path string
---@return string? hex
---@return salvor.Error? err `NotFound`, `Forbidden`, `IO`; `Invalid` for another algorithm
function digest.file(algorithm, path) end

--- The text of RFC 4648, padded, on one line.
---@param data string
---@return string text
function digest.base64(data) end

--- Strict: no white space, no missing padding.
---@param text string
---@return string? data
---@return salvor.Error? err `Invalid`
function digest.unbase64(text) end

--- A digest that data is added to piece by piece. Raises for an unknown algorithm.
---@param algorithm salvor.DigestAlgorithm
---@return salvor.Digest object
function digest.new(algorithm) end

---@class salvor.Digest
local object = {}

--- Raises after `hex`.
---@param data string
---@return salvor.Digest self
function object:update(data) end

--- The digest of all that was added.
---@return string hex
function object:hex() end

return digest
