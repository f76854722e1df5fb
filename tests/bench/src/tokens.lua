-- The tokens of a file in turn. Arguments: the file, how many of it, the number of the first.
-- The requests are made before the clock starts, so that the generator keeps up.
local requests, at = {}, 0

function init(args)
  local most = tonumber(args[2])
  for token in io.lines(args[1]) do
    if #requests == most then break end
    wrk.headers["authorization"] = "Bearer " .. token
    requests[#requests + 1] = wrk.format()
  end
  at = tonumber(args[3])
end

function request()
  at = at % #requests + 1
  return requests[at]
end
