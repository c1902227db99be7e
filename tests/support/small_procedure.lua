--- Procedures of a few steps that note in a file what they do, in a home and a namespace of their
--- own.
local eventually = require("support.eventually")
local fs = require("salvor.fs")
local journal = require("salvor.procedure.journal")
local lab = require("support.lab")
local operation = require("support.operation")
local proc = require("salvor.proc")
local salvor = require("support.salvor")
local site = require("support.site")

local small_procedure = {}

local ID = "site/script"

-- What the steps may use: they note, wait for a file "go", and fail as long as a file "fail" is
-- there.
local PRELUDE = [[
local fs = require("salvor.fs")
local task = require("salvor.task")
local home = os.getenv("HOME")
local function note(text)
    must(fs.append(home .. "/notes", text .. "\n"))
end
local function wait_for_go()
    while not fs.stat(home .. "/go") do task.sleep(0.02) end
end
local function fail_at_will()
    must(not fs.stat(home .. "/fail"), require("salvor.error").new{
        code = "Timeout", message = "not yet", hint = "be patient", retryable = true})
end
local function config_map(name, data)
    return {apiVersion = "v1", kind = "ConfigMap", metadata = {name = name}, data = data}
end
]]

local Small = operation.new_class()

--- new(namespace) -> operation with `client`; close it. A namespace of its own when none is given.
function small_procedure.new(namespace)
    namespace = namespace or lab.namespace()
    local small = operation.start({id = ID, namespace = namespace, kubeconfig = lab.kubeconfig(),
                                   client = lab.client({namespace = namespace})})
    return setmetatable(small, Small)
end

--- Others may be at work in the namespace.
function Small:close()
    must(fs.remove_tree(self.home))
    getmetatable(self.client).__close(self.client)
end

--- Installs the procedure with these steps, each the fields of a table without title and why.
function Small:steps(list, fields)
    local texts = {}
    for index, step in ipairs(list) do
        texts[index] = '{title = "A step", why = "Because.", ' .. step .. "}"
    end
    local all = {
        steps = "{" .. table.concat(texts, ",\n") .. "}",
        params = '{{name = "word", type = "string", help = "a word", default = "none"},'
            .. ' {name = "folder", type = "path", help = "a folder", default = "here"},'
            .. ' {name = "password", type = "secret", help = "a secret"}}',
    }
    for name, text in pairs(fields or {}) do
        all[name] = text
    end
    site.install(self.home, ID, PRELUDE .. site.script(all))
end

--- salvor run with these words; with none of them a new run.
function Small:run(words, options)
    words = words or {ID}
    return self:salvor(table.move(words, 1, #words, 2, {"run"}), options)
end

function Small:resume(words)
    return self:run(table.move(words or {}, 1, #(words or {}), 3, {"--resume", self:only_run()}))
end

function Small:undo()
    return self:run({"--undo", self:only_run()})
end

function Small:notes()
    return fs.read(self.home .. "/notes") or ""
end

--- Waits until the notes hold that line.
function Small:await_note(line)
    eventually("a note '" .. line .. "'", function()
        return ("\n" .. self:notes()):find("\n" .. line .. "\n", 1, true)
    end)
end

--- Makes or removes the file of that name, "go" or "fail".
function Small:set(name, yes)
    if yes then
        must(fs.write(fs.join(self.home, name), ""))
    else
        must(fs.remove(fs.join(self.home, name)))
    end
end

--- The records of that type.
function Small:records_of(type, run)
    local found = {}
    for _, record in ipairs(self:journal(run)) do
        if record.type == type then
            found[#found + 1] = record
        end
    end
    return found
end

--- Waits until the journal of the only run has a record of that type.
function Small:await_record(type)
    eventually("a record " .. type, function()
        local run = self:runs()[1]
        local records = run and journal.read(self:journal_path(run))
        return records and #self:records_of(type) > 0
    end)
end

--- Sends a signal to whoever is at work on that run.
function Small:signal(name, run)
    local folder = fs.dirname(self:journal_path(run or self:only_run()))
    local pid = must(fs.read(fs.join(folder, "lock"))):match("%d+")
    must(proc.run({"kill", "-" .. name, pid}))
end

--- All that was written to the state folder, for searching in.
function Small:state()
    return salvor.tree(fs.join(self.home, "state"))
end

return small_procedure
