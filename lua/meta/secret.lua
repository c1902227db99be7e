---@meta salvor.secret

--- What must never be seen. Values that are registered here do not appear in what `salvor.log`,
--- `salvor.ui`, the journal and reports write.
local secret = {}

--- Registers a value, without the line ends behind it. One of fewer than 6 bytes is not: masking it
--- would make every text unreadable.
---@param value string
---@return boolean? registered
---@return salvor.Error? err `TooLarge` above 1 MiB
function secret.add(value) end

--- Forgets a value that was added; one that was not is fine.
---@param value string
function secret.remove(value) end

--- The text with "***" in the place of each registered value: as it is, in base64 (also somewhere
--- in a longer base64 text), in a URL, in JSON, and line by line when it is a key of several lines.
---@param text string
---@return string
function secret.mask(text) end

return secret
