--- kit_check(ctx, url, system): the check of a procedure that makes a generation of a kit: whether
--- its place can take one of that system (nil: of any), and what runs before have left there.
return function(ctx, url, system)
    local kit = ctx:kit(url)
    local ok, err = kit:check_place(system)
    if not ok then
        return ctx:problem(err.message, err.hint)
    end
    for _, run in ipairs(must(kit:unfinished())) do
        ctx:warn("run " .. run .. " has not finished its generation in " .. kit.url,
            "when it is not at work any more: salvor run --resume " .. run
            .. ", or remove generations/" .. run .. ", which may hold secrets")
    end
end
