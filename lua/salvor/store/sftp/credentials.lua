--- Who we are for an SFTP server: the ways to log in, in the order in which they are tried.
---
--- What the caller gives (password, key, key_file, agent, a Secret) is all that is tried then;
--- otherwise the configuration's IdentityFile, the agent, and the usual files in ~/.ssh.
local digest = require("salvor.digest")
local errors = require("salvor.store.errors")
local folders = require("salvor.folders")
local fs = require("salvor.fs")
local key = require("salvor.ssh.key")
local native = require("salvor.sftp")
local secret = require("salvor.secret")

local credentials = {}

local KEY_LIMIT = 1 << 20
local USUAL_FILES = {"~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"}

-- Keys of Secrets: those of the types kubernetes.io/ssh-auth and basic-auth, and custom ones.
local SECRET_KEYS = {
    key = {"ssh-privatekey", "identity"},
    password = {"password"},
    passphrase = {"passphrase"},
    user = {"username", "user"},
    known_hosts = {"known_hosts", "ssh-knownhosts"},
}

local function value_of(object, names)
    for _, name in ipairs(names) do
        local encoded = (object.data or {})[name]
        if encoded then
            local value, err = digest.unbase64((tostring(encoded):gsub("%s", "")))
            if not value then
                return nil, string.format("its data.%s is not base64: %s", name, err.message)
            end
            return value
        elseif (object.stringData or {})[name] then
            return tostring(object.stringData[name])
        end
    end
end

--- from_secret(object) -> {key, password, passphrase, user, known_hosts}, or nil and the reason
function credentials.from_secret(object)
    local found = {}
    for name, keys in pairs(SECRET_KEYS) do
        local value, problem = value_of(object, keys)
        if problem then
            return nil, problem
        end
        -- A file that became a Secret often ends in a line break that is not part of it.
        found[name] = value and (name == "key" or name == "known_hosts") and value
            or value and (value:gsub("[\r\n]+$", ""))
    end
    if not found.key and not found.password then
        return nil, "it has neither ssh-privatekey nor password"
    end
    return found
end

local RSA_HINT = "libssh2 %s signs with RSA keys by SHA-1 alone, which OpenSSH 8.8 and newer "
    .. "refuse: use an Ed25519 key (ssh-keygen -t ed25519), an ECDSA key, a password, "
    .. "or a machine with libssh2 1.11"

--- What to say when the server refuses an RSA key; nil when libssh2 can do better.
local function rsa_hint(looked)
    local version, has_sha2 = native.version()
    return looked.rsa and not has_sha2 and RSA_HINT:format(version) or nil
end

local function key_way(text, label, passphrase)
    local looked, problem = key.look(text)
    if not looked then
        return nil, label .. ": " .. problem
    elseif looked.encrypted and not passphrase then
        return nil, label .. " is encrypted: give its passphrase (option 'passphrase')"
    end
    secret.add(text)
    return {method = "key", label = label, secret = text, passphrase = passphrase,
            hint = rsa_hint(looked)}
end

local function file_way(path, passphrase)
    local text, err = fs.read(folders.expand_home(path), {limit = KEY_LIMIT})
    if not text then
        return nil, err.code == "NotFound" and path .. ": there is none" or err.message
    end
    return key_way(text, path, passphrase)
end

local function password_way(text, label)
    secret.add(text)
    return {method = "password", label = label, secret = text}
end

--- The ways that the caller names; a key that cannot be used is an error then.
local function given_ways(options, location)
    local ways = {}
    local function add(way, problem)
        if not way then
            return problem
        end
        ways[#ways + 1] = way
    end
    local problem = options.key and add(key_way(options.key, options.key_label or "the key",
            options.passphrase))
        or options.key_file and add(file_way(options.key_file, options.passphrase))
    if problem then
        return nil, problem
    end
    local password = options.password or location.password
    if password then
        ways[#ways + 1] = password_way(password, "the password")
    end
    if options.agent then
        ways[#ways + 1] = {method = "agent", label = "the agent", agent = options.agent}
    end
    return ways
end

--- The ways that this machine has, and what was not of use.
local function found_ways(settings, options)
    local ways, missing = {}, {}
    local function add(way, problem)
        if way then
            ways[#ways + 1] = way
        else
            missing[#missing + 1] = problem
        end
    end
    for _, path in ipairs(settings.identity_files) do
        add(file_way(path, options.passphrase))
    end
    local agent = os.getenv("SSH_AUTH_SOCK")
    if agent and agent ~= "" then
        add({method = "agent", label = "the agent", agent = agent})
    else
        add(nil, "no agent (SSH_AUTH_SOCK is not set)")
    end
    for _, path in ipairs(USUAL_FILES) do
        add(file_way(path, options.passphrase))
    end
    return ways, missing
end

--- find(location, options, settings) -> the ways, what was looked at in vain, or nil and an error.
--- `settings` are those of the SSH configuration.
function credentials.find(location, options, settings)
    local ways, problem = given_ways(options, location)
    if not ways then
        return errors.fail("Invalid", {url = location.text, op = "store.open", reason = problem})
    elseif #ways > 0 then
        return ways, {}
    end
    local missing
    ways, missing = found_ways(settings, options)
    if #ways == 0 then
        return errors.fail("Unauthorized", {url = location.text, op = "store.open",
            reason = "there are none: no option password, key, key_file, agent or secret; "
                .. table.concat(missing, "; "),
            hint = "give one of these options, or start an agent"})
    end
    return ways, missing
end

return credentials
