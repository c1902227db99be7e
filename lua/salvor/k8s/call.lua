--- One call of the API: deadline, warnings, and what salvor.k8s.retry lets be repeated.
local log = require("salvor.log")
local pause_before_retry = require("salvor.k8s.retry")
local task = require("salvor.task")

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

--- Whether it may be sent. Without a method it is a read, and most scripts do nothing else. This
--- comes before the deadline, since who is asked may take his time.
local function allow(client, request)
    if not request.method then
        return true
    end
    return require("salvor.k8s.allow")(client, request)
end

--- request: op, method, path, query, headers, body, timeout (seconds for all tries), raw, write (as
--- client:_write has it, for salvor.k8s.allow).
--- A read may also have `sent`, an exchange of client._kube:send for this very request, and
--- `on_arrival`, which is given the exchange when its answer is there, but not yet read.
--- Returns the answer {status, headers, body}, or nil and an error whose `op` is the request's.
return function(client, request)
    local allowed, refusal = allow(client, request)
    if not allowed then
        return nil, refusal
    end
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
            client:_heed(answer.headers.warning)
            return answer
        end
        client:_heed(err.warning)
        err.op, err.warning = request.op, nil
        local pause = pause_before_retry(err, tries, method)
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
