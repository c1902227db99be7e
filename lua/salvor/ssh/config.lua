--- What ~/.ssh/config says of a host: HostName, Port, User, IdentityFile, UserKnownHostsFile
--- (ssh_config(5)). Of Match only "all", "host" and "originalhost" are understood; a block with
--- another condition is passed over, as are other keywords.
local errors = require("salvor.error")
local folders = require("salvor.folders")
local fs = require("salvor.fs")
local glob = require("salvor.ssh.glob")
local match = require("salvor.ssh.match")

local config = {}

local FILE_LIMIT = 1 << 20
local FILES, DEPTH = 64, 8 -- of Include
local DEFAULT_PORT = 22

local SINGLE = {hostname = "hostname", port = "port", user = "user", proxyjump = "proxy",
                proxycommand = "proxy"}

--- The words of a line, with quotes taken off; a "#" that begins a word begins a comment.
local function split(line)
    local words, at = {}, 1
    while true do
        at = line:find("[^%s]", at)
        if not at or line:sub(at, at) == "#" then
            return words
        end
        local quoted, behind = line:match('^"([^"]*)"()', at)
        if not quoted then
            quoted, behind = line:match("^([^%s]+)()", at)
        end
        words[#words + 1], at = quoted, behind
    end
end

--- "Keyword arguments" or "Keyword=arguments"
local function parse_line(line)
    local keyword, rest = line:match("^%s*([%a]+)%s*=?%s*(.-)%s*$")
    if not keyword then
        return nil
    end
    return keyword:lower(), split(rest)
end

local function home()
    return os.getenv("HOME") or ""
end

--- The tokens of ssh_config(5), those that have a value here.
local function expand(text, values)
    return (text:gsub("%%(.)", function(token)
        return values[token]
    end))
end

local read_file

--- The files that a pattern of Include names.
local function included(pattern, folder)
    local path = folders.expand_home(pattern)
    return glob(path:sub(1, 1) == "/" and path or fs.join(folder, path))
end

local function match_condition(words, state)
    if words[1] == "all" and #words == 1 then
        return true
    end
    for index = 1, #words, 2 do
        local kind, patterns = words[index]:lower(), {}
        for pattern in (words[index + 1] or ""):gmatch("[^,]+") do
            patterns[#patterns + 1] = pattern
        end
        local name = kind == "host" and (state.found.hostname or state.host)
            or kind == "originalhost" and state.host
        if not name or not match.any(name, patterns) then
            return false
        end
    end
    return #words > 0
end

-- What a keyword does; the first value counts, but files add up.
local KEYWORDS = {}

function KEYWORDS.host(words, state)
    state.applies = match.any(state.host, words)
end

function KEYWORDS.match(words, state)
    state.applies = match_condition(words, state)
end

function KEYWORDS.identityfile(words, state)
    if state.applies and words[1] then
        table.insert(state.found.identity_files, words[1])
    end
end

function KEYWORDS.userknownhostsfile(words, state)
    if state.applies and not state.found.known_hosts_files then
        state.found.known_hosts_files = words
    end
end

function KEYWORDS.include(words, state)
    if not state.applies then
        return
    end
    for _, word in ipairs(words) do
        for _, path in ipairs(included(word, state.folder)) do
            local ok, err = read_file(path, state)
            if not ok and err.code ~= "NotFound" then
                return nil, err
            end
            state.applies = true
        end
    end
end

local function apply(keyword, words, state)
    local name = SINGLE[keyword]
    if name then
        if state.applies and not state.found[name] then
            state.found[name] = words[1]
        end
        return true
    end
    if KEYWORDS[keyword] then
        local _, err = KEYWORDS[keyword](words, state)
        if err then
            return nil, err
        end
    end
    return true
end

function read_file(path, state)
    local text, err = fs.read(path, {limit = FILE_LIMIT})
    if not text then
        return nil, err
    end
    state.depth, state.files = state.depth + 1, state.files + 1
    if state.depth > DEPTH or state.files > FILES then
        return nil, errors.new({code = "TooLarge",
                                message = path .. ": too many files are included"})
    end
    for line in text:gmatch("[^\r\n]+") do
        local keyword, words = parse_line(line)
        if keyword then
            local ok, problem = apply(keyword, words, state)
            if not ok then
                return nil, problem
            end
        end
    end
    state.depth = state.depth - 1
    return true
end

local function finish(found, host, given)
    local hostname = found.hostname and expand(found.hostname, {h = host, ["%"] = "%"}) or host
    local values = {["%"] = "%", d = home(), h = hostname, n = host, r = given.user or found.user,
                    u = os.getenv("USER"), p = tostring(given.port or found.port or DEFAULT_PORT)}
    local function path_of(text)
        return folders.expand_home(expand(text, values))
    end
    local port = found.port and math.tointeger(tonumber(found.port))
    if found.port and not (port and port >= 1 and port <= 65535) then
        return nil, errors.new({code = "Invalid", message = string.format(
            "the SSH configuration's Port '%s' for %s is no port", found.port, host)})
    end
    local identity_files, known_hosts_files = {}, nil
    for index, text in ipairs(found.identity_files) do
        identity_files[index] = path_of(text)
    end
    if found.known_hosts_files then
        known_hosts_files = {}
        for _, text in ipairs(found.known_hosts_files) do
            if text:lower() ~= "none" then
                table.insert(known_hosts_files, path_of(text))
            end
        end
    end
    return {hostname = hostname, port = port, user = found.user, identity_files = identity_files,
            known_hosts_files = known_hosts_files,
            proxy = found.proxy and found.proxy:lower() ~= "none"}
end

--- lookup(host, path, given) -> {hostname, port, user, identity_files, known_hosts_files (nil: not
--- named), proxy = whether it is reached through another host}, or nil and an error. A file that is
--- not there says nothing. `given`: {user, port} that go before the file's, or nil.
function config.lookup(host, path, given)
    local state = {host = host, folder = fs.dirname(path), applies = true, depth = 0, files = 0,
                   found = {identity_files = {}}}
    local ok, err = read_file(path, state)
    if not ok and err.code ~= "NotFound" then
        return nil, err
    end
    return finish(state.found, host, given or {})
end

return config
