--- A text from outside as one line that cannot do anything to a terminal: control characters become
--- spaces, and of a text that is not UTF-8 what is not ASCII becomes "?".
return function(text)
    text = tostring(text)
    if not utf8.len(text) then
        text = text:gsub("[\x80-\xFF]", "?")
    end
    return (text:gsub("%c", " "):gsub("\xC2[\x80-\x9F]", " "))
end
