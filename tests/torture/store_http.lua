local block = require("salvor.block")
local http = require("salvor.store_http")

local ARGUMENTS = ...

local client = http.client({silence = 30})
local piece <close> = must(block.new(4096))
local request = {method = "GET", origin = ARGUMENTS.server, path = "/object", query = {a = "b c"},
                 headers = {["X-One"] = "1"},
                 s3 = {access_key = "a", secret_key = "b", region = "r", token = "t"}}
local answer = must(client:request(request))
assert(answer.status == 200 and #answer.body > 0)
assert(answer.headers["content-type"] == "application/json")
request.into = piece
assert(must(client:request(request)).received == #piece)
request.into, request.body, request.method = nil, piece, "PUT"
assert(must(client:request(request)).body:find("ConfigMap"))

local xml = must(http.xml("<r><a b='c'>1</a><l>2</l><l><m>&amp;</m></l></r>", {"l"}))
assert(xml.a == "1" and xml["a@b"] == "c" and xml.l[1] == "2" and xml.l[2].m == "&")
assert(http.unescape(http.escape("a /%")) == "a /%")

request.s3, request.azure = nil, {account = "a", key = "b"}
assert(must(client:request(request)).status == 200)
