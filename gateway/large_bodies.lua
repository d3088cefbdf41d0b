-- Bounds the bytes of long bodies that are on their way here, of one address and of all. Whoever sends one and does not end
-- it would hold that much memory for as long as a request may take to arrive. Each thread of Envoy counts for itself.
local MOST, EACH, LONGEST, SECONDS = @most@, @each@, @longest@, @seconds@

local total, held = 0, {}
-- In the order in which they began, which is that in which they end at the latest: a stream that breaks off tells nobody.
local begun, first, last = {}, 1, 0

local function give_back(body)
  if body.over then return end
  body.over = true
  total = total - body.bytes
  held[body.address] = held[body.address] - body.bytes
  if held[body.address] <= 0 then held[body.address] = nil end
end

local function forget_what_ended(now)
  while first <= last and (begun[first].over or begun[first].ends < now) do
    give_back(begun[first])
    begun[first] = nil
    first = first + 1
  end
end

function envoy_on_request(request)
  local now = os.time()
  forget_what_ended(now)
  -- What does not say how long it is may become as long as any.
  local bytes = math.min(tonumber(request:headers():get("content-length")) or LONGEST, LONGEST)
  local address = request:streamInfo():downstreamRemoteAddress():gsub(":%d+$", "")
  if total + bytes > MOST or (held[address] or 0) + bytes > EACH then
    request:respond({[":status"] = "429"}, "large bodies")
    return
  end
  local body = {address = address, bytes = bytes, ends = now + SECONDS + 1}
  total = total + bytes
  held[address] = (held[address] or 0) + bytes
  last = last + 1
  begun[last] = body
  for _ in request:bodyChunks() do end
  give_back(body)
end
