--- Two writers of one object in parts, at the same time: whatever one does while the other is at
--- it, what has the final name in the end is the whole content of one of them.
local block = require("salvor.block")

local store_writers = {}

local PATH, PARTS = "folder/large", 3

--- What a writer of `content` does, as a function for each step; each gives true, or nil and an
--- error. `ending`: "finish", "abort", or "close", as if it was killed.
local function steps_of(backend, content, ending)
    local size = backend.features.part.smallest
    local steps, upload = {}, nil
    local function with_part(index, work)
        local piece <close> = must(block.new(size))
        piece:set(content.text:sub((index - 1) * size + 1, index * size))
        return work(piece)
    end
    steps[1] = function()
        local err
        upload, err = backend:begin(PATH, #content.text, {part_size = size,
                                                          fingerprint = content.fingerprint})
        return upload and true, err
    end
    for index = 1, PARTS do
        steps[#steps + 1] = function()
            return with_part(index, function(piece)
                local has, err = upload:has(index, piece)
                if has == false then
                    has, err = upload:part(index, piece)
                end
                return has and true, err
            end)
        end
    end
    steps[#steps + 1] = function()
        if ending == "finish" then
            local item, err = upload:finish()
            return item and true, err
        end
        upload[ending](upload)
        return true
    end
    return steps, function()
        if upload then
            upload:abort()
        end
    end
end

local function content_of(backend, fingerprint)
    local size = backend.features.part.smallest
    local parts = {}
    for index = 1, PARTS do
        parts[index] = (fingerprint .. index):rep(size // 2)
    end
    parts[PARTS] = parts[PARTS]:sub(1, -1001)
    return {text = table.concat(parts), fingerprint = fingerprint}
end

local function read_all(backend)
    local piece <close> = must(block.new(PARTS * backend.features.part.smallest + 4096))
    local item, err = backend:read(PATH, piece, {})
    return item and piece:text(), err
end

--- Raises unless the object is whole, and one of those.
local function check_whole(backend, contents, story)
    local text = must(read_all(backend))
    for _, content in ipairs(contents) do
        if text == content.text then
            return
        end
    end
    error("a mix of " .. #text .. " bytes after: " .. table.concat(story, ", "))
end

--- One story of two writers, whose steps come in an order that `random` chooses. Gives the codes of
--- the errors that were met.
local function tell(backends, random)
    local contents, writers, codes, story = {}, {}, {}, {}
    local same = random(2) == 1
    for number = 1, 2 do
        contents[number] = content_of(backends[number], (same or number == 1) and "a" or "b")
        local ending = ({"finish", "finish", "abort", "close"})[random(4)]
        local steps, tidy = steps_of(backends[number], contents[number], ending)
        writers[number] = {steps = steps, tidy = tidy, name = number .. " of "
            .. contents[number].fingerprint .. " (" .. ending .. ")", ending = ending, at = 1}
    end
    local finished = false
    while #writers > 0 do
        local index = random(#writers)
        local writer = writers[index]
        local done, err = writer.steps[writer.at]()
        story[#story + 1] = writer.name .. " step " .. writer.at .. (done and "" or " " .. err.code)
        if not done then
            codes[err.code] = (codes[err.code] or 0) + 1
            writer.tidy()
        end
        if done and writer.at == #writer.steps and writer.ending == "finish" then
            finished = true
        end
        if finished then
            check_whole(backends[1], contents, story)
        end
        writer.at = writer.at + 1
        if not done or writer.at > #writer.steps then
            table.remove(writers, index)
        end
    end
    -- Whatever was left: the next one ends well.
    for number, step in ipairs((steps_of(backends[2], contents[1], "finish"))) do
        story[#story + 1] = "the last, step " .. number
        local done, err = step()
        assert(done, tostring(err) .. " after: " .. table.concat(story, ", "))
    end
    check_whole(backends[1], {contents[1]}, story)
    must(backends[1]:remove({PATH}))
    return codes
end

--- Some stories; open() opens the back end anew, each time at the same, empty place. Gives how
--- often each code was met.
function store_writers.check(open, count)
    local backends, codes = {must(open()), must(open())}, {}
    -- The same ones in each run, so that a failure can be met again.
    local state = 42
    local function random(most)
        state = (state * 1103515245 + 12345) % 2147483648
        return state // 65536 % most + 1
    end
    for _ = 1, count do
        for code, times in pairs(tell(backends, random)) do
            codes[code] = (codes[code] or 0) + times
        end
    end
    for _, backend in ipairs(backends) do
        backend:close()
    end
    return codes
end

return store_writers
