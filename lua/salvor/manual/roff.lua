--- Manual pages as man and mandoc read them, in the macros of man(7).
local roff = {}

local DATE = "2026-11-21" -- of the last change to what the pages say beside the declarations

local WIDTH = 78 -- of a row in the source

local SPECIAL = {["\\"] = "\\e", ["-"] = "\\-", ["'"] = "\\(aq", ["`"] = "\\(ga", ["^"] = "\\(ha",
                 ["~"] = "\\(ti", ['"'] = "\\(dq",
                 ["|"] = "|\\:"} -- where a long type may go on in the next row

--- Text as it stands: nothing in it is a request or an escape.
function roff.escape(text)
    return (text:gsub("[\\%-'`^~\"|]", SPECIAL):gsub("^%.", "\\&."))
end

--- Prose: `code` is bold.
local function prose(text)
    local parts, at = {}, 1
    for from, code, to in text:gmatch("()`([^`]+)`()") do
        parts[#parts + 1] = roff.escape(text:sub(at, from - 1))
        parts[#parts + 1] = "\\fB" .. roff.escape(code) .. "\\fR"
        at = to
    end
    parts[#parts + 1] = roff.escape(text:sub(at))
    return table.concat(parts)
end

local Page = {}
Page.__index = Page

function Page:add(row)
    table.insert(self.rows, row)
end

--- Room in front of what is set apart; a heading has it.
local function add_room(page)
    if not page.rows[#page.rows]:find("^%.S[HS] ") then
        page:add(".sp")
    end
end

function Page:section(title)
    self:add(".SH " .. roff.escape(title))
end

function Page:subsection(title)
    self:add('.SS "' .. roff.escape(title) .. '"')
end

--- Rows that are a paragraph.
local function add_prose(page, rows)
    local row
    for word in prose(table.concat(rows, " ")):gmatch("%S+") do
        if row and #row + #word < WIDTH then
            row = row .. " " .. word
        else
            if row then
                page:add(row)
            end
            row = word:gsub("^%.", "\\&.")
        end
    end
    page:add(row)
end

local function add_code(page, rows)
    add_room(page)
    page:add(".RS 4")
    page:add(".nf")
    for _, row in ipairs(rows) do
        page:add(roff.escape(row))
    end
    page:add(".fi")
    page:add(".RE")
end

--- The blocks of a text: {is_code, rows}. Blank rows divide them; rows that are indented are code.
local function blocks_of(text)
    local blocks, block = {}, nil
    for row in (text .. "\n"):gmatch("([^\n]*)\n") do
        local code = row:match("^    (.*)$")
        if row == "" then
            block = nil
        elseif not block or block.is_code ~= (code ~= nil) then
            block = {is_code = code ~= nil, rows = {code or row}}
            blocks[#blocks + 1] = block
        else
            table.insert(block.rows, code or row)
        end
    end
    return blocks
end

--- A text of paragraphs and code; `divider` is the request between them, a paragraph unless told.
function Page:text(text, divider)
    for number, block in ipairs(blocks_of(text)) do
        if block.is_code then
            add_code(self, block.rows)
        else
            if number > 1 then
                self:add(divider or ".PP")
            end
            add_prose(self, block.rows)
        end
    end
end

function Page:paragraph(text)
    self:add(".PP")
    self:text(text)
end

--- An entry of a list: the term in bold, what more is said of it, the text.
function Page:term(term, more, text)
    self:add(".TP")
    self:add("\\fB" .. roff.escape(term) .. "\\fR" .. (more and more ~= "" and " "
        .. roff.escape(more) or ""))
    self:text(text, ".IP")
end

--- A paragraph that is set apart.
function Page:indented(text)
    add_room(self)
    self:add(".RS 4")
    self:text(text)
    self:add(".RE")
end

function Page:source()
    return table.concat(self.rows, "\n") .. "\n"
end

--- page(name, section, summary) -> a page that begins.
function roff.page(name, section, summary)
    local self = setmetatable({rows = {}}, Page)
    self:add(string.format('.TH %s %s %s "Salvor %s"', roff.escape(name:upper()), section,
        DATE, require("salvor").version))
    self:section("NAME")
    self:add(roff.escape(name) .. " \\- " .. roff.escape(summary))
    return self
end

return roff
