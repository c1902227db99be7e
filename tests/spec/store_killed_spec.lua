-- A copy of a tree that is killed with -9 at any moment, again and again, between any two kinds of
-- store: what has its final name is whole each time, and the next run makes the tree complete.
local digest = require("salvor.digest")
local fs = require("salvor.fs")
local json = require("salvor.json")
local salvor = require("support.salvor")
local store = require("salvor.store")
local store_lab = require("support.store_lab")
local task = require("salvor.task")

local MiB = 1 << 20
local KILLS, FEWEST = 20, 3
local KINDS = {"folder", "s3", "sftp", "azure"}
local ENOUGH = 30 -- seconds of kills for one pair: on a slow machine they are fewer
local DEADLINE = 300 -- seconds for one copy

local COPY = [[
    local options = require("salvor.json").decode(io.read("a"))
    local summary = must(require("salvor.store").copy(%q, %q, options))
    for _, failure in ipairs(summary.failed) do
        io.stderr:write(tostring(failure.err), "\n")
    end
    os.exit(summary.failures == 0 and 0 or 9)]]

--- URL and options of new, empty stores of each kind; nil and why not, where there can be none.
local makers = {}

function makers.folder(folder)
    return must(fs.temporary_folder(folder)) .. "/tree", {}
end

function makers.s3()
    local at = store_lab.s3()
    return "s3://" .. store_lab.bucket(), {endpoint = at.endpoint, region = at.region,
                                           access_key = at.access_key, secret_key = at.secret_key}
end

function makers.sftp()
    local at, path = store_lab.sftp(), store_lab.folder()
    return string.format("sftp://%s@%s:%d%s/tree", at.user, at.host, math.tointeger(at.port), path),
        {key_file = at.ed25519, known_hosts = at.known_hosts, config = "none"}
end

function makers.azure()
    local at = store_lab.azure()
    return "az://" .. store_lab.container(), {endpoint = at.endpoint, key = at.key}
end

local function make_tree(folder)
    local files = {large = ("0123456789abcdef"):rep(20 * MiB // 16) .. "end", empty = ""}
    for number = 1, 12 do
        files[string.format("folder %d/%02d", number % 3, number)] = ("x"):rep(number * 1000)
    end
    salvor.make_tree(folder, files)
    return files
end

describe("a copy that is killed", function()
    local folder, files, sums

    setup(function()
        folder = must(fs.temporary_folder())
        files, sums = make_tree(folder .. "/tree"), {}
        for path, data in pairs(files) do
            sums[path] = digest.md5(data)
        end
    end)

    teardown(function()
        must(fs.remove_tree(folder))
    end)

    --- What is at the destination, as nobody may see it otherwise: each object whole.
    local function look(target)
        local found = 0
        for item in target:each() do
            assert(files[item.path], "nobody has sent " .. item.path)
            assert(item.size == #files[item.path], item.path .. " is not whole")
            assert(not item.md5 or item.md5 == sums[item.path], item.path .. " is damaged")
            found = found + 1
        end
        return found
    end

    --- Starts the copy and kills it after so many seconds; whether it was faster.
    local function copy(from, to, seconds)
        local options = fs.join(must(fs.temporary_folder(folder)), "options")
        must(fs.write(options, must(json.encode({from = from.options, to = to.options}))))
        local result = salvor.run({"-e", string.format(COPY, from.url, to.url)}, {
            home = folder, env = {AWS_CA_BUNDLE = false},
            prefix = {"sh", "-c", 'exec timeout -s KILL "$0" "$@" < "' .. options .. '"',
                      tostring(seconds)}})
        assert(result.code == 0 or result.code == 137, result.stderr)
        return result.code == 0
    end

    local function expect_whole(target)
        local found = {}
        for item in target:each() do
            found[item.path] = digest.md5(must(target:read(item.path)))
        end
        assert.are.same(sums, found)
    end

    local function empty(target)
        local paths = {}
        for item in target:each() do
            paths[#paths + 1] = item.path
        end
        must(target:remove(paths))
    end

    --- What a killed run has begun the next one has finished; only an SFTP server keeps temporary
    --- files of small objects, which `leftovers` shows and removes.
    local function expect_no_leftovers(to, target)
        local found = target:leftovers("", {older_than = 0, remove = true}) or {}
        for _, leftover in ipairs(found) do
            assert(leftover.removed and to.url:find("^sftp:"), leftover.path .. " was left over")
        end
        if to.url:sub(1, 1) == "/" then
            for path in pairs(salvor.tree(to.url)) do
                assert(files[path], path .. " was left over")
            end
        end
    end

    --- Killed, looked at, and when it was done begun anew.
    local function torment(from, to)
        local target <close> = must(store.open(to.url, to.options))
        local began = task.now()
        assert(copy(from, to, DEADLINE), "the first copy takes longer than " .. DEADLINE .. " s")
        local whole, killed = task.now() - began, 0
        expect_whole(target)
        empty(target)
        while killed < FEWEST or killed < KILLS and task.now() - began < ENOUGH do
            if copy(from, to, math.random() * whole) then
                expect_whole(target)
                empty(target)
            else
                killed = killed + 1
                look(target)
            end
        end
        assert(copy(from, to, DEADLINE))
        expect_whole(target)
        expect_no_leftovers(to, target)
    end

    local function filled(kind)
        local url, options = makers[kind](folder)
        must(store.copy(folder .. "/tree", url, {to = options}))
        return {url = url, options = options}
    end

    for _, kind in ipairs(KINDS) do
        it("leaves nothing half-written, whatever comes from, on its way to: " .. kind, function()
            local reasons = {}
            local function can(name)
                local server, why = true, nil
                if name ~= "folder" then
                    server, why = store_lab.server(name)
                end
                reasons[#reasons + 1] = why
                return server
            end
            if not can(kind) then
                return pending(reasons[1])
            end
            task.map(KINDS, function(source)
                if can(source) then
                    local url, options = makers[kind](folder)
                    torment(filled(source), {url = url, options = options})
                end
            end, {workers = 4})
        end)
    end
end)
