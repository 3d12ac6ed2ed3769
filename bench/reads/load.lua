-- Sends requests that were signed beforehand, one line of a file each: the path, a space, and the
-- Authorization header. Prints what was counted as one line of JSON.
local lines

function init(args)
  lines = io.lines(args[1])
end

function request()
  local line = lines()
  if line == nil then
    print("the file of signed requests is too short")
    os.exit(1)
  end
  local space = line:find(" ", 1, true)
  return "GET " .. line:sub(1, space - 1) .. " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " ..
    line:sub(space + 1) .. "\r\n\r\n"
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format('{"answers":%d,"us":%d,"bad":%d,"lost":%d,"p50":%d,"p99":%d}', summary.requests,
    summary.duration, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
