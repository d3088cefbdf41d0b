-- What the edge does to answers on their way back (the filter lua in envoy.yaml, which reads this with its names filled in).
-- A service names an HTTP status that gRPC's codes have no word for in x-http-status.
-- Answers in JSON do not carry the headers of gRPC. A status that gRPC itself made, not the
-- service, has no details: it gets the reason that it had if the edge had made it.
-- google.rpc.RetryInfo becomes Retry-After; 401 says how to come back.
-- Who sent protobuf is told of errors in protobuf, as OTLP wants it: google.rpc.Status with code and message.
local reasons = {
  ["400"] = "BAD_REQUEST", ["413"] = "BODY_TOO_LARGE", ["429"] = "OVERLOADED",
  ["499"] = "CANCELLED", ["500"] = "INTERNAL", ["501"] = "UNIMPLEMENTED",
  ["503"] = "UPSTREAM_UNAVAILABLE", ["504"] = "DEADLINE_EXCEEDED",
}
local bare = '"details":[]'
-- Paths of the routes that the originals had, each with its method, as Lua's patterns.
local originals = ${original_routes}

local function is_original(asked)
  for pattern in originals:gmatch("[^\n]+") do
    if asked:match(pattern) then return true end
  end
  return false
end

-- The sentence once more under the name by which the originals' clients know it.
local function with_detail(text)
  local _, from = text:find('"message":"', 1, true)
  local inside, open = text:match("^(.*)}%s*$"), from
  if not from or not inside then return text end
  local to = from + 1
  while text:sub(to, to) ~= '"' do
    to = to + (text:sub(to, to) == "\\" and 2 or 1)
    if to > #text then return text end
  end
  return inside .. ',"detail":' .. text:sub(open, to) .. "}"
end

-- Those of an original whose errors had a code and an object, and after a tab the header that has the request's id there.
local coded = ${original_errors}
-- Reasons by the words that it had for them; the others are its own.
local words = {
  BAD_REQUEST = "INVALID_ARGUMENT", BODY_TOO_LARGE = "UPLOAD_TOO_LARGE", CONCURRENCY_LIMITED = "TOO_MANY_REQUESTS",
  CONTENT_ENCODING_UNSUPPORTED = "INVALID_MEDIA_TYPE", CONTENT_TYPE_UNSUPPORTED = "INVALID_MEDIA_TYPE",
  DEADLINE_EXCEEDED = "REQUEST_TIMEOUT", HEADER_INVALID = "INVALID_ARGUMENT", ID_INVALID = "INVALID_ARGUMENT",
  INTERNAL = "INTERNAL_ERROR", INVALID_REQUEST = "INVALID_ARGUMENT", OVERLOADED = "TOO_MANY_REQUESTS",
  RATE_LIMITED = "TOO_MANY_REQUESTS", ROUTE_NOT_FOUND = "NOT_FOUND", UNAUTHENTICATED = "UNAUTHORIZED",
}

local function coded_by(asked)
  for line in coded:gmatch("[^\n]+") do
    local pattern, header = line:match("^(.*)\t(.*)$")
    if asked:match(pattern) then return header end
  end
  return nil
end

local function quoted(id)
  return '"' .. (id or ""):gsub('[\\"]', "\\%0") .. '"'
end

local PROTOBUF = "application/x-protobuf"
local escapes = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

local function utf8(hex)
  local point = tonumber(hex, 16)
  if point < 0x80 then return string.char(point) end
  if point < 0x800 then return string.char(0xC0 + math.floor(point / 64), 0x80 + point % 64) end
  return string.char(0xE0 + math.floor(point / 4096), 0x80 + math.floor(point / 64) % 64, 0x80 + point % 64)
end

local function varint(number)
  local found = ""
  while number > 127 do
    found = found .. string.char(number % 128 + 128)
    number = math.floor(number / 128)
  end
  return found .. string.char(number)
end

-- What a JSON string says that begins there.
local function said(text, from)
  local to = from
  while text:sub(to, to) ~= '"' do
    to = to + (text:sub(to, to) == "\\" and 2 or 1)
    if to > #text then return "" end
  end
  -- In one go, for what an escape stands for may look like the beginning of another.
  return (text:sub(from, to - 1):gsub("\\(.)(%x?%x?%x?%x?)", function(mark, hex)
    if mark == "u" and #hex == 4 then return utf8(hex) end
    return (escapes[mark] or mark) .. hex
  end))
end

-- The same error with its code, and with what its metadata have as `detail`.
local function with_code(text, id)
  local inside = text:match("^(.*)}%s*$")
  if not inside then return text end
  local reason = text:match('"reason":"([A-Z_]+)"') or ""
  local _, before = text:find('"detail":"', 1, true)
  local detail = before and said(text, before + 1):match("^{(.+)}$")
  return inside .. ',"error_code":"' .. (words[reason] or reason) .. '","detail":{' ..
    (detail and detail .. "," or "") .. '"request_id":' .. quoted(id) .. "}}"
end

local function as_protobuf(response)
  local body = response:body()
  if not body then return end
  local text = body:getBytes(0, body:length())
  local code = tonumber(text:match('"code":(%d+)'))
  local _, before = text:find('"message":"', 1, true)
  if not code or not before then return end
  local message = said(text, before + 1)
  local headers = response:headers()
  headers:replace("content-type", PROTOBUF)
  headers:replace("content-length", body:setBytes("\8" .. varint(code) .. "\18" .. varint(#message) .. message))
end

local function explain(response, asked)
  local body = response:body()
  if not body then return end
  -- Waiting for the body ended the life of whatever was taken from the response before.
  local headers = response:headers()
  local text = body:getBytes(0, body:length())
  local delay = tonumber(text:match('"retry_delay":"([%d.]+)s"'))
  if delay then headers:replace("retry-after", tostring(math.max(1, math.ceil(delay)))) end
  local told = text
  local from, to = text:find(bare, 1, true)
  if from then
    -- gRPC's only word for a message past the limit is the one for too many calls.
    if text:find("larger than max", 1, true) then headers:replace(":status", "413") end
    local reason = reasons[headers:get(":status")]
    if reason then
      local info = '"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"' ..
        reason .. '","domain":"edge.qmcp","metadata":{"request_id":' .. quoted(headers:get("x-request-id")) .. '}}]'
      told = text:sub(1, from - 1) .. info .. text:sub(to + 1)
    end
  end
  if coded_by(asked) then
    told = with_code(told, headers:get("x-request-id"))
  elseif is_original(asked) then
    told = with_detail(told)
  end
  if told ~= text then headers:replace("content-length", body:setBytes(told)) end
end

function envoy_on_response(response)
  local headers = response:headers()
  -- What shedding.lua refused is said already.
  local sent = headers:get("x-qmcp-sent") or ""
  headers:remove("x-qmcp-sent")
  if headers:get("x-qmcp-shed") then
    local known_by = coded_by(headers:get("x-qmcp-asked") or "")
    if known_by then headers:replace(known_by, headers:get("x-request-id") or "") end
    headers:remove("x-qmcp-shed")
    headers:remove("x-qmcp-asked")
    return
  end
  local content_type = headers:get("content-type")
  local asked = headers:get("x-qmcp-asked") or ""
  headers:remove("x-qmcp-asked")
  if headers:get("x-qmcp-admitted") then hear(response, headers) end
  if content_type and content_type:sub(1, 16) == "application/grpc" then return end
  local status = headers:get("x-http-status")
  if status then
    if status:match("^[2-5]%d%d$") then headers:replace(":status", status) end
    headers:remove("x-http-status")
  end
  -- The MCP endpoint says where its tokens come from.
  if headers:get(":status") == "401" and not headers:get("www-authenticate") then
    headers:replace("www-authenticate", 'Bearer realm="qmcp"')
  end
  local id_header = coded_by(asked)
  if id_header then headers:replace(id_header, headers:get("x-request-id") or "") end
  headers:remove("grpc-status")
  headers:remove("grpc-message")
  headers:remove("grpc-status-details-bin")
  headers:remove("grpc-accept-encoding")
  if asked:sub(1, 5) == "HEAD " then
    -- HTTP/1.1 leaves the body away by itself, HTTP/2 does not.
    for chunk in response:bodyChunks() do chunk:setBytes("") end
    return
  end
  if content_type == "application/json" and headers:get(":status") >= "400" then
    explain(response, asked)
    if sent:lower():match("^%s*application/x%-protobuf%s*;?") then as_protobuf(response) end
  end
end
