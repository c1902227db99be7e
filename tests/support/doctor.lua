--- `salvor doctor` with a home of its own, in which there is a procedure site/script.
---
---     local doctor = require("support.doctor")
---     before_each(doctor.open)
---     after_each(doctor.close)
local fs = require("salvor.fs")
local json = require("salvor.json")
local salvor = require("support.salvor")
local site = require("support.site")

local doctor = {}

local closing

--- A new home, doctor.home, with a procedure that needs no rights.
function doctor.open()
    doctor.home, closing = site.new_home()
    doctor.install("{}")
end

function doctor.close()
    getmetatable(closing).__close()
end

--- Makes site/script a procedure that asks for these permissions, and for no lock.
function doctor.install(permissions, fields)
    local all = {categories = '{"check"}', permissions = permissions}
    for name, value in pairs(fields or {}) do
        all[name] = value
    end
    site.install(doctor.home, "site/script", site.script(all))
end

--- Writes a file of the home; its path.
function doctor.write(name, text, mode)
    local path = fs.join(doctor.home, name)
    must(fs.write(path, text, {mode = mode}))
    return path
end

--- run_all(words, {env =, prefix =}): what was found, by "group/name" or "context:group/name", the
--- result, and the whole JSON.
function doctor.run_all(words, options)
    options = options or {}
    local all = table.move(words, 1, #words, 2, {"doctor"})
    table.move({"--output", "json"}, 1, 2, #all + 1, all)
    local result = salvor.run(all, {home = doctor.home, env = options.env, prefix = options.prefix})
    local told, found = must(json.decode(result.stdout)), {}
    for _, check in ipairs(told.checks) do
        local context = check.context and check.context .. ":" or ""
        found[context .. check.group .. "/" .. check.name] = check
        assert(check.advice or check.status == "ok" or check.status == "skipped",
            check.name .. " says not what to do about this: " .. check.seen)
    end
    assert(told.ok == (result.code == 0), result.stdout .. result.stderr)
    return found, result, told
end

--- The same about that one procedure.
function doctor.run(words, options)
    return doctor.run_all(table.move(words, 1, #words, 3, {"--procedure", "site/script"}), options)
end

--- Raises unless that check has this status, and says the parts in what was seen or advised.
function doctor.expect(found, name, status, ...)
    local check = found[name] or error("there is no check " .. name, 2)
    if check.status ~= status then
        error(string.format("%s: %s expected, got %s: %s", name, status, check.status, check.seen),
            2)
    end
    salvor.expect(check.seen .. "\n" .. (check.advice or ""), ...)
end

return doctor
