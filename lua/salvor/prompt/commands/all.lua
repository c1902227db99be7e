local evaluate = require("salvor.prompt.evaluate")

local all = {summary = "show it whole, however deep and long it is", usage = "EXPRESSION",
             complete = "lua"}

function all.run(prompt, text)
    local results = table.pack(evaluate.must_compile(text)())
    for index = 1, results.n do
        prompt:show(results[index], {whole = true})
    end
end

return all
