local evaluate = require("salvor.prompt.evaluate")

local all = {summary = "show it whole, however deep and long it is", usage = "EXPRESSION",
             complete = "lua"}

function all.run(prompt, text)
    local results = evaluate.results(evaluate.must_compile(text)())
    local problem = evaluate.error_of(results)
    if problem then
        error(problem, 0)
    end
    for index = 1, results.n do
        prompt:show(results[index], {whole = true})
    end
end

return all
