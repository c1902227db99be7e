-- Lists of a hierarchical namespace come in the order of bytes, whatever the server's is.
local conformance = require("support.store_conformance")
local hierarchy = require("salvor.store.azure.hierarchy")
local list = require("salvor.store.azure.list").list

--- Part by part, as a hierarchical namespace sorts: "/" comes before everything.
local function server_order(left, right)
    return left:gsub("/", "\0") < right:gsub("/", "\0")
end

--- A server with these files and the folders above them, `page` entries an answer, sorted as a
--- hierarchical namespace is or by `order`.
local function new_store(files, page, order)
    local names, seen = {}, {}
    local kinds = {}
    local function add(name, kind)
        if not seen[name] then
            seen[name], kinds[name] = true, kind
            names[#names + 1] = name
        end
    end
    for _, file in ipairs(files) do
        for at in file:gmatch("()/") do
            add(file:sub(1, at - 1), "folder")
        end
        add(file, file:sub(-1) ~= "/" and "file" or nil)
    end
    table.sort(names, order or server_order)
    local store = {requests = 0, list = list, _url = function() return "az://c" end}
    function store:_list(prefix, delimiter, marker)
        self.requests = self.requests + 1
        if self.fails == self.requests then
            return nil, {code = "SlowDown", retryable = true}
        end
        local answer = {items = {}, folders = {}}
        local first = tonumber(marker or 1)
        local count, last_folder = 0, nil
        local function is_full(index)
            answer.next = count == page and tostring(index) or nil
            count = count + 1
            return answer.next
        end
        for index = first, #names do
            local name = names[index]
            local rest = name:sub(1, #prefix) == prefix and name:sub(#prefix + 1) or ""
            local inner = delimiter and rest:match("^([^/]+)/")
            if rest ~= "" and kinds[name] and not inner then
                if is_full(index) then
                    break
                end
                table.insert(answer.items, {path = name, kind = kinds[name],
                    metadata = kinds[name] == "folder" and {hdi_isfolder = "true"} or nil})
            elseif inner and inner ~= last_folder then
                if is_full(index) then
                    break
                end
                last_folder = inner
                table.insert(answer.folders, prefix .. inner .. "/")
            end
        end
        return answer
    end
    return store
end

local function all(store, prefix, delimiter)
    local items, folders, token = {}, {}, nil
    repeat
        local page, err = store:list(prefix, {delimiter = delimiter, after = token})
        if page then
            table.move(conformance.paths_of(page.items), 1, #page.items, #items + 1, items)
            table.move(page.folders, 1, #page.folders, #folders + 1, folders)
            token = page.next
        else
            assert.are.equal("SlowDown", err.code) -- and asked for again with the same token
        end
    until page and not token
    return items, folders
end

local function sorted(files)
    local copy = table.move(files, 1, #files, 1, {})
    table.sort(copy)
    return copy
end

--- The folders of the first level.
local function folders_of(files)
    local found, seen = {}, {}
    for _, file in ipairs(files) do
        local folder = file:match("^[^/]+/")
        if folder and not seen[folder] then
            seen[folder] = true
            found[#found + 1] = folder
        end
    end
    return sorted(found)
end

describe("a list of a hierarchical namespace", function()
    local FILES = {"A/dat1", "A-B/dat2", "A-B-C", "A-C", "A.C/dat3", "AB/AB", "AB/dat4", "AB.txt",
                   "ABC", "A/x/y/z", "A/x-1", "0"}

    it("is in the order of bytes, through pages of any size", function()
        for page = 1, 6 do
            assert.are.same(sorted(FILES), (all(new_store(FILES, page), "")))
            assert.are.same({"A/dat1", "A/x-1", "A/x/y/z"}, (all(new_store(FILES, page), "A/")))
        end
    end)

    it("has the files and folders of one level likewise", function()
        for page = 1, 6 do
            local items, folders = all(new_store(FILES, page), "", "/")
            assert.are.same({"0", "A-B-C", "A-C", "AB.txt", "ABC"}, items)
            assert.are.same({"A-B/", "A.C/", "A/", "AB/"}, folders)
        end
    end)

    it("is the same for any tree", function()
        local letters = {"a", "b", "-", ".", "0", "/", "/"}
        for round = 1, 1000 do
            local files, seen = {}, {}
            for _ = 1, math.random(12) do
                local name = {}
                for index = 1, math.random(6) do
                    name[index] = letters[math.random(#letters)]
                end
                local text = table.concat(name):gsub("//+", "/"):gsub("^/", ""):gsub("/$", "")
                seen[#seen + 1] = text ~= "" and text or "a"
            end
            table.sort(seen)
            for index, name in ipairs(seen) do
                local is_folder = false
                for other = index + 1, #seen do
                    is_folder = is_folder or seen[other] == name
                        or seen[other]:sub(1, #name + 1) == name .. "/"
                end
                if not is_folder then
                    files[#files + 1] = name
                end
            end
            -- Without a hierarchy there may be objects that say that they are folders.
            local order = round % 2 == 0 and function(a, b) return a < b end or nil
            local page = math.random(4)
            local store = new_store(files, page, order)
            store.fails = math.random(8)
            local told = table.concat(files, " ") .. ", pages of " .. page
            assert.are.same(sorted(files), (all(store, "")), told)
            local _, folders = all(new_store(files, page, order), "", "/")
            assert.are.same(folders_of(files), folders, told)
        end
    end)

    it("does not hold back more than names", function()
        local files = {}
        for number = 1, 3000 do
            files[number] = string.format("folder/%04d", number)
        end
        local store = new_store(files, 500)
        local page = assert(store:list("", {}))
        assert.are.equal(1000, #page.items)
        assert.is_true(hierarchy.is_walk(page.next))
        assert.is_true(store.requests <= 4, "asked for what nobody wanted yet")
    end)
end)
