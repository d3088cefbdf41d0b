-- Refuses at the door what a service says it cannot do (servicekit/shedding.py): a part of the calls, at what that costs here.
-- Each thread of Envoy knows by itself what it was told; after a second or two without word all are let in again, and the
-- service refuses itself what is too much, and says so.
local services = @services@
-- What waits for people or goes on for ever costs nothing: paths of HTTP/JSON, each with its method, as Lua's patterns.
local waiting = @waiting@

-- local_replies.py makes 429 of it, and of the rest what gRPC's callers read.
local REFUSED = {[":status"] = "529", ["content-type"] = "application/json", ["retry-after"] = "1", ["x-qmcp-shed"] = "1"}
local MESSAGE = '"More is asked of the service than it can do. Retry in a second."'
local BODY = '{"code":8,"message":' .. MESSAGE .. ',"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo",' ..
  '"reason":"OVERLOADED","domain":"edge.qmcp","metadata":{"request_id":'
local REST = '}},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retry_delay":"1s"}]'
local WHOLE, STALE_SECONDS, NEARLY = 1000, 1, 950
-- By service: the part that is let in, per mille, and when that was said.
local known = {}

local function is_waiting(asked)
  for _, pattern in ipairs(waiting) do
    if asked:match(pattern) then return true end
  end
  return false
end

function envoy_on_request(request)
  if next(known) == nil then return end
  local route = request:streamInfo():routeName()
  local service = services[route]
  local told = known[service]
  if told == nil then return end
  if os.time() - told.at > STALE_SECONDS then
    known[service] = nil
    return
  end
  local headers = request:headers()
  local asked = headers:get(":method") .. " " .. headers:get(":path"):gsub("%?.*$", "")
  if route:sub(1, 5) == "json-" and is_waiting(asked) then return end
  if math.random() * WHOLE >= told.part then
    local id = quoted(headers:get("x-request-id"))
    local detail = coded_by(asked) and ',"error_code":"TOO_MANY_REQUESTS","detail":{"request_id":' .. id .. "}"
      or is_original(asked) and ',"detail":' .. MESSAGE or ""
    request:respond(REFUSED, BODY .. id .. REST .. detail .. "}")
    return
  end
  headers:add("x-qmcp-admitted", tostring(math.floor(told.part)))
end

-- What an answer says of it, which the script before this one comes to see.
function hear(response, headers)
  local part = tonumber(headers:get("x-qmcp-admitted"))
  headers:remove("x-qmcp-admitted")
  local service = services[response:streamInfo():routeName()]
  if part == nil or service == nil then return end
  local told = known[service] or {part = WHOLE}
  -- Replicas of a service do not all say the same.
  told.part, told.at = told.part + (part - told.part) / 4, os.time()
  known[service] = told.part < NEARLY and told or nil
end
