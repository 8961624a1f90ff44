-- Sends the requests of a file one after the other, from the first on again after the last.
-- A line: method, path, body, separated by tabs. Prints what came back as JSON.
local requests, next = {}, 0

function init(arguments)
  local headers = { ["Host"] = "127.0.0.1", ["Content-Type"] = "application/json" }
  for line in io.lines(arguments[1]) do
    local method, path, body = line:match("([^\t]*)\t([^\t]*)\t(.*)")
    requests[#requests + 1] = wrk.format(method, path, headers, #body > 0 and body or nil)
  end
end

function request()
  next = next % #requests + 1
  return requests[next]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"requests": %d, "seconds": %.6f, "p50": %.6f, "p99": %.6f, "failed": %d, "broken": %d, "bytes": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e6, latency:percentile(99) / 1e6,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout, summary.bytes))
end
