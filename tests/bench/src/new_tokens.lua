-- A token that no cache holds with every request. Arguments: the file of tokens, the number of the first.
-- The requests are made before the clock starts, so that the generator keeps up.
local requests, at = {}, 0

function init(args)
  for token in io.lines(args[1]) do
    wrk.headers["authorization"] = "Bearer " .. token
    requests[#requests + 1] = wrk.format()
  end
  at = tonumber(args[2])
end

function request()
  at = at % #requests + 1
  return requests[at]
end
