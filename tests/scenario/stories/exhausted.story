# An event fails to the end of its schedule while others get through.
settings schedule=0,5s,5m
subscription crm
assign p0:100
    credit p0 100
fetch p0:100 incident=5 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
answer crm@p0:100 failed error=500
fetch p0:101 incident=6 to=crm
    start crm@p0:101 attempt 1
    credit p0 98
answer crm@p0:101 delivered
    release payload p0:101
wait
  5s
    start crm@p0:100 attempt 2
answer crm@p0:100 failed error=500
fetch p0:102 incident=7 to=crm
    start crm@p0:102 attempt 1
    credit p0 97
answer crm@p0:102 delivered
    release payload p0:102
wait
  305s
    start crm@p0:100 attempt 3
answer crm@p0:100 failed error=502
    write dead letter crm@p0:100: exhausted, 3 attempts, the first at 0s, last error 502
written crm@p0:100
    release payload p0:100
    commit p0 at 103
    credit p0 100
committed p0
