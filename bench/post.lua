-- wrk's script: POST the body in the file args[1], to each of the paths args[2…] in turn; ends with a line of JSON.
function init(args)
    local file = assert(io.open(args[1], 'rb'))
    wrk.method = 'POST'
    wrk.body = file:read('*a')
    file:close()
    wrk.headers['Content-Type'] = 'application/json'
    if #args > 2 then
        local requests, turn = {}, 0
        for number = 2, #args do
            requests[number - 1] = wrk.format(nil, args[number])
        end
        request = function()
            turn = turn % #requests + 1
            return requests[turn]
        end
    end
end

function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '{"requests": %d, "seconds": %f, "p50": %f, "p99": %f, ' ..
        '"non_2xx": %d, "connect": %d, "read": %d, "write": %d, "timeout": %d}\n',
        summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        errors.status, errors.connect, errors.read, errors.write, errors.timeout
    ))
end
