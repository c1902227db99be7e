--- One call of the API: deadline, retries, warnings.
---
--- A GET is repeated when the server says when (429 or 5xx with Retry-After) or when the connection
--- was lost, at most ten times and within the deadline. Nothing else is ever repeated: a lost
--- answer to a write says nothing about whether it was carried out.
local log = require("salvor.log")
local task = require("salvor.task")

local MAX_RETRIES = 10
local LOST_PAUSE = 1

local function pause_before_retry(err, tries)
    if err.status then
        if (err.status == 429 or err.status >= 500) and err.retry_after then
            return math.max(err.retry_after, 0.1 * 2 ^ math.min(tries, 6))
        end
    elseif err.code == "Disconnected" then
        return LOST_PAUSE
    end
    return nil
end

--- The texts of a Warning header: 299 - "text", 299 - "another".
local function warning_texts(header)
    local texts = {}
    local plain = header:gsub("\\(.)", function(char)
        return char == '"' and "\1" or char
    end)
    for text in plain:gmatch('%d%d%d %S+ "([^"]*)"') do
        texts[#texts + 1] = text:gsub("\1", '"')
    end
    return texts
end

--- For whoever asks what is going on: one line for each answer.
local function note(request, method, began, answer, err)
    if log.enabled("debug") then
        log.debug(request.op or "k8s", {
            method = method,
            path = request.path,
            status = answer and answer.status or err.status or err.code,
            milliseconds = math.floor((task.now() - began) * 1000),
        })
    end
end

--- One try: the request that is on its way already (`sent`), or a new one.
local function try(client, request, sent, options)
    if not sent and not request.on_arrival then
        options.raw = request.raw
        return client._kube:request(options)
    end
    local exchange, err = sent
    if not exchange then
        exchange, err = client._kube:send(options)
    end
    if not exchange then
        return nil, err
    end
    if request.on_arrival then
        exchange:wait()
        request.on_arrival(exchange)
    end
    return exchange:answer()
end

--- request: op, method, path, query, headers, body, timeout (seconds for all tries), raw.
--- A read may also have `sent`, an exchange of client._kube:send for this very request, and
--- `on_arrival`, which is given the exchange when its answer is there, but not yet read.
--- Returns the answer {status, headers, body}, or nil and an error whose `op` is the request's.
return function(client, request)
    local deadline = task.now() + (request.timeout or client.timeout)
    local method = request.method or "GET"
    local tries, sent = 0, request.sent
    while true do
        local began = task.now()
        local answer, err = try(client, request, sent, {
            method = method,
            path = request.path,
            query = request.query,
            headers = request.headers,
            body = request.body,
            timeout = math.max(deadline - task.now(), 0.001),
        })
        note(request, method, began, answer, err)
        if answer then
            if answer.headers.warning then
                for _, text in ipairs(warning_texts(answer.headers.warning)) do
                    client:_warn(text)
                end
            end
            return answer
        end
        err.op = request.op
        local pause = method == "GET" and tries < MAX_RETRIES and pause_before_retry(err, tries)
        if sent and not err.status then
            pause = 0 -- it may have been on its way for long
        end
        if not pause or task.now() + pause >= deadline then
            return nil, err
        end
        tries, sent = tries + 1, nil
        task.sleep(pause)
    end
end
