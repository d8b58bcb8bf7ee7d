# Every move of one delivery: fails, waits, is refused to the end, becomes a dead letter on the second write.
settings refused=0,5s
subscription crm
assign p0:100
    credit p0 100
moves
fetch p0:100 incident=5 to=crm
    (lane 0: free -> open)
    (delivery 0: free -> ready)
    (delivery 0: ready -> in air)
    start crm@p0:100 attempt 1
    credit p0 99
fetch p0:101 incident=5 to=crm
    (delivery 1: free -> blocked)
    credit p0 98
answer crm@p0:100 failed error=503
    (delivery 0: in air -> waiting)
wait
  5s
    (delivery 0: waiting -> ready)
    (delivery 0: ready -> in air)
    start crm@p0:100 attempt 2
answer crm@p0:100 refused error=404
    (delivery 0: in air -> waiting)
wait
  10s
    (delivery 0: waiting -> ready)
    (delivery 0: ready -> in air)
    start crm@p0:100 attempt 3
answer crm@p0:100 refused error=404
    (delivery 0: in air -> dead letter writing)
    write dead letter crm@p0:100: refused, 3 attempts, the first at 0s, last error 404
written crm@p0:100 failed
    (delivery 0: dead letter writing -> dead letter waiting)
wait
  11s
    (delivery 0: dead letter waiting -> dead letter writing)
    write dead letter crm@p0:100: refused, 3 attempts, the first at 0s, last error 404
written crm@p0:100
    (delivery 0: dead letter writing -> settled)
    (delivery 1: blocked -> ready)
    (delivery 0: settled -> free)
    (delivery 1: ready -> in air)
    release payload p0:100
    start crm@p0:101 attempt 1
    commit p0 at 101
    credit p0 99
answer crm@p0:101 delivered
    (delivery 1: in air -> settled)
    (delivery 1: settled -> free)
    release payload p0:101
    credit p0 100
committed p0
