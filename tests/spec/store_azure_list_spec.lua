-- Lists of a container that the emulator does not give, and what is no list.
local conformance = require("support.store_conformance")
local open = require("salvor.store.azure.open").open
local scripted = require("support.scripted")
local url = require("salvor.store.url")

local ROOT = "az://container/root"
local expect_error = conformance.expect_error

local function list_body(blobs, marker)
    return '<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs>' .. blobs
        .. "</Blobs><NextMarker>" .. (marker or "") .. "</NextMarker></EnumerationResults>"
end

local function entry(name, size, more, attributes)
    return string.format("<Blob><Name%s>%s</Name><Properties><Last-Modified>Fri, 31 May 2024 "
        .. "12:30:00 GMT</Last-Modified><Etag>0x8D1</Etag><Content-Length>%s</Content-Length>"
        .. "<Content-MD5>XrY7u+Ae7tCTyyK7j1rNww==</Content-MD5></Properties>%s</Blob>",
        attributes or "", name, size or 1, more or "<Metadata />")
end

describe("a list of Azure", function()
    local server, azure

    setup(function()
        server = scripted.start("plain")
        azure = must(open(must(url.parse(ROOT)), {endpoint = server.url .. "/acc",
                                                  anonymous = true}))
    end)

    teardown(function()
        server:stop()
    end)

    local function list_is(...)
        local rules = {}
        for index, body in ipairs({...}) do
            rules[index] = {path = "/acc/container", body = body, times = 1}
        end
        server:rules(rules)
    end

    it("has items of all that it tells", function()
        list_is(list_body(entry("root/x", 7)))
        local item = must(azure:list("", {})).items[1]
        assert.are.same({path = "x", size = 7, modified = 1717158600, kind = "file",
                         etag = "0x8D1", md5 = "5eb63bbbe01eeed093cb22bb8f5acdc3"}, item)
        local query = server:requests()[1].query
        for _, part in ipairs({"restype=container", "comp=list", "prefix=root%2F",
                               "include=metadata"}) do
            assert.is_truthy(query:find(part, 1, true), query)
        end
    end)

    it("has nothing where there is nothing that could be", function()
        for _, value in ipairs({"<b>x</b>", "a&#10;X-Evil: 1"}) do
            list_is(list_body("<Blob><Name>root/x</Name><VersionId>" .. value .. "</VersionId>"
                .. "<Properties><Content-Length>1</Content-Length><Etag>" .. value .. "</Etag>"
                .. "<Last-Modified>" .. value .. "</Last-Modified><Content-MD5>" .. value
                .. "</Content-MD5></Properties></Blob>"))
            assert.are.same({{path = "x", size = 1, kind = "file"}}, must(azure:list("", {})).items)
        end
    end)

    it("has metadata as headers have it", function()
        list_is(list_body(entry("root/x", 1,
            "<Metadata><Owner>me</Owner><x><y>1</y></x></Metadata>")))
        assert.are.same({owner = "me"}, must(azure:list("", {})).items[1].metadata)
    end)

    it("has names that XML cannot hold escaped, and no others", function()
        list_is(list_body(entry("root/a%EF%BF%BE+%", 1, nil, ' Encoded="true"')
            .. entry("root/b%41+")
            .. '<BlobPrefix><Name Encoded="true">root/%01/</Name></BlobPrefix>'))
        local page = must(azure:list("", {delimiter = "/"}))
        assert.are.same({"a\239\191\190+%", "b%41+"}, conformance.paths_of(page.items))
        assert.are.same({"\1/"}, page.folders)
    end)

    it("may be empty", function()
        for _, body in ipairs({list_body(""), "<EnumerationResults/>",
                               "<EnumerationResults><Blobs /><NextMarker />"
                               .. "</EnumerationResults>"}) do
            list_is(body)
            assert.are.same({items = {}, folders = {}}, must(azure:list("", {})))
        end
    end)

    it("is not believed when it cannot be one", function()
        for _, body in ipairs({
            list_body(entry("elsewhere/x")),
            list_body(entry("root/x", -1)),
            list_body(entry("root/x", "many")),
            list_body("<Blob>text</Blob>"),
            list_body("<Blob><Name><b/></Name></Blob>"),
            list_body("<BlobPrefix><Name>elsewhere/</Name></BlobPrefix>"),
            list_body("<BlobPrefix><Name>root/</Name></BlobPrefix>"),
            list_body("<BlobPrefix><Name>root/a</Name></BlobPrefix>"),
            list_body("", "<x>1</x>"),
            '<!DOCTYPE a [<!ENTITY b "c">]>' .. list_body("&b;"),
            list_body(entry("root/x")):sub(1, -10),
            "",
        }) do
            list_is(body)
            expect_error("Corrupt", ROOT, azure:list("", {}))
        end
        list_is(list_body("<BlobPrefix><Name>root/d/</Name></BlobPrefix>"))
        expect_error("Corrupt", ROOT, azure:list("d/", {delimiter = "/"}))
        list_is(list_body("", "again"), list_body("", "again"))
        local first = must(azure:list("", {}))
        expect_error("Corrupt", ROOT, azure:list("", {after = first.next}))
    end)

    it("does not have what stands for the root or the prefix itself", function()
        list_is(list_body(entry("root/", 0) .. entry("root/x")))
        assert.are.same({"x"}, conformance.paths_of(must(azure:list("", {})).items))
        list_is(list_body(entry("root/d/", 0) .. entry("root/d/x")))
        assert.are.same({"d/x"}, conformance.paths_of(must(azure:list("d/", {})).items))
    end)

    it("is in order over all pages, whatever is between", function()
        local function folder(name)
            return "<BlobPrefix><Name>root/" .. name .. "/</Name></BlobPrefix>"
        end
        local function third(...)
            list_is(...)
            local page, err
            for _ = 1, 3 do
                page, err = azure:list("", {delimiter = "/", after = page and page.next})
            end
            return page, err
        end
        expect_error("Unsupported", ROOT, third(list_body(entry("root/b"), "1"),
            list_body(folder("x"), "2"), list_body(entry("root/a"))))
        expect_error("Unsupported", ROOT, third(list_body(folder("b"), "1"),
            list_body(entry("root/x"), "2"), list_body(folder("a"))))
        must(third(list_body(folder("b"), "1"), list_body(entry("root/b"), "2"),
            list_body(folder("c") .. entry("root/c"))))
        list_is(list_body(folder("\u{1F600}") .. folder("\u{FF01}")))
        assert.are.same({"\u{FF01}/", "\u{1F600}/"},
            must(azure:list("", {delimiter = "/"})).folders)
    end)

    it("is in the order of bytes, though Azure's is that of UTF-16", function()
        local emoji, wide = "root/\u{1F600}", "root/\u{FF01}"
        list_is(list_body(entry(emoji) .. entry(wide)))
        assert.are.same({"\u{FF01}", "\u{1F600}"},
            conformance.paths_of(must(azure:list("", {})).items))
        list_is(list_body(entry(emoji), "m"), list_body(entry(wide)))
        local first = must(azure:list("", {}))
        local err = expect_error("Unsupported", ROOT, azure:list("", {after = first.next}))
        assert.is_truthy(err.message:find("not the order of bytes", 1, true))
    end)
end)
