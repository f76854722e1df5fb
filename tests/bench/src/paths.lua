-- Many paths in turn, all with the same headers. Arguments: their format, how many.
-- The requests are made before the clock starts, so that the generator keeps up.
local requests, at = {}, 0

function init(args)
  for number = 0, tonumber(args[2]) - 1 do
    requests[#requests + 1] = wrk.format("GET", string.format(args[1], number))
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end
