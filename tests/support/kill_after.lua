-- Runs a salvor command and kills the process, as kill -9 or a power cut would, at a given moment:
-- salvor tests/support/kill_after.lua MODULE.FUNCTION NUMBER before|after COMMAND...
--
-- The moment is the NUMBER-th call of that function: "journal.append", a function of salvor.fs such
-- as "fs.lock", or a method of stores such as "store.write".
local cli = require("salvor.cli")
local fs = require("salvor.fs")
local journal = require("salvor.procedure.journal")
local store = require("salvor.store")

local area, method = arg[1]:match("^(%w+)%.([%w_]+)$")
local number, moment = math.tointeger(tonumber(arg[2])), arg[3]
local calls = 0

local function kill()
    os.execute("kill -9 $PPID")
end

local function killing(fn)
    return function(...)
        calls = calls + 1
        local is_due = calls == number
        if is_due and moment == "before" then
            kill()
        end
        local results = table.pack(fn(...))
        if is_due and moment == "after" then
            kill()
        end
        return table.unpack(results, 1, results.n)
    end
end

--- A journal of a new or resumed run, whose every append counts.
local function killing_journal(make)
    return function(...)
        local opened, rest = make(...)
        if opened then
            opened.append = killing(opened.append)
        end
        return opened, rest
    end
end

if area == "journal" then
    journal.create = killing_journal(journal.create)
    journal.open = killing_journal(journal.open)
elseif area == "fs" then
    fs[method] = killing(fs[method])
else
    local open = store.open
    store.open = function(...)
        local opened, err = open(...)
        if opened then
            opened[method] = killing(opened[method])
        end
        return opened, err
    end
end
os.exit(cli.main(table.move(arg, 4, #arg, 1, {[0] = arg[-1]})))
