--- Backup sets, beside tar, and dd as the limit.
local fs = require("salvor.fs")
local storage = require("storage")

local SET = 3 -- archives, 2 GiB of them
local SET_MEMBERS = 14 -- of 64 MiB in each, which make 49 MiB when compressed
local SET_ID = "1587549284406812631"

--- Archives as API Connect v2018 makes them, of text that compresses to three quarters.
local function make_set(bench)
    local folder = fs.join(bench.scratch, "set")
    must(fs.mkdir(folder))
    storage.shell([[cd "$1"; mkdir data; head -c 50331648 /dev/urandom | base64 -w0 > data/part-1
        for i in $(seq 2 "$3"); do ln data/part-1 "data/part-$i"; done
        for i in $(seq 0 $(($2 - 1))); do
            tar -c --hard-dereference data | gzip -1 > "$4-$i-$2.tar.gz" &
        done
        wait; rm -r data]], folder, tostring(SET), tostring(SET_MEMBERS), SET_ID)
    return folder
end

local function bench_sets(bench, data)
    local folder = make_set(bench)
    local function each(name, command)
        return storage.script(name, 'for f in "$1"/*; do ' .. command .. "; done", folder)
    end
    bench:pair("verify 2 GiB of archives", data("verify", "--full", folder),
        each("tar", 'tar -tzf "$f"'),
        {time = 1.3, runs = storage.RUNS, bare = each("dd", 'dd if="$f" bs=1M status=none')})
    must(fs.remove_tree(folder))
end

return {{"sets", bench_sets}}
