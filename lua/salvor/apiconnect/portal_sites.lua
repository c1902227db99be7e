--- Whether the sites of a portal can be reached over HTTPS.
local errors = require("salvor.error")
local fs = require("salvor.fs")
local http = require("salvor.store_http")
local task = require("salvor.task")

local sites = {}

local ANSWER = 20 -- seconds for one answer
local PAUSE = 2 -- seconds between tries

--- address("portal.example.org/acme/shop") -> "https://portal.example.org", "/acme/shop"; nil for
--- what is no address, such as the id of a site.
function sites.address(text)
    local host, path = text:gsub("^https://", ""):match("^([%w.-]+%.[%w-]+:?%d*)(.*)$")
    if not host or not (path == "" or path:match("^/[%w%%._~/@:-]*$")) then
        return nil
    end
    return "https://" .. host, path ~= "" and path or "/"
end

--- What is wrong with the site, or nil. A redirection is an answer of the site.
local function problem_of(client, site)
    local origin, path = sites.address(site)
    if not origin then
        return "is no address"
    end
    local answer, err = client:request({method = "GET", origin = origin, path = path,
                                        repeatable = true})
    if not answer then
        return err.message, err.code == "Untrusted"
    elseif answer.status < 200 or answer.status >= 400 then
        return "answers with status " .. answer.status
    end
end

local function report(problems, distrusted)
    return nil, errors.new({
        code = distrusted and "Untrusted" or "Failed",
        message = "sites cannot be reached: " .. table.concat(problems, "; "),
        hint = distrusted and "name the authority of the certificates with -p ca=FILE, or mend them"
            or "do the host names lead to the new installation? look at each site in a browser;"
            .. " -p check_sites=false leaves this out",
    })
end

--- reach(list, {ca = path of a file of certificates, timeout = seconds}) -> number of sites | nil,
--- err. Each is tried again until its status is 2xx or 3xx and its certificate is trusted.
function sites.reach(list, options)
    local client = http.client({ca = options.ca and must(fs.read(options.ca)), timeout = ANSWER})
    local deadline = task.now() + options.timeout
    local left = list
    while true do
        local failing, problems, distrusted = {}, {}, false
        local results = task.map(left, function(site)
            return {site, problem_of(client, site)}
        end)
        for _, result in ipairs(results) do
            if result[2] then
                failing[#failing + 1] = result[1]
                problems[#problems + 1] = result[1] .. ": " .. result[2]
                distrusted = distrusted or result[3]
            end
        end
        if not failing[1] then
            return #list
        elseif task.now() + PAUSE > deadline then
            return report(problems, distrusted)
        end
        left = failing
        task.sleep(PAUSE)
    end
end

return sites
