# One delivery of the tenant in the air: an event that fails holds the others until it settles.
subscription crm ordering=tenant
assign p0:100
    credit p0 100
fetch p0:100 incident=5 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
fetch p0:101 incident=6 to=crm
    credit p0 98
fetch p0:102 incident=7 to=crm
    credit p0 97
answer crm@p0:100 refused
wait
  5s
    start crm@p0:100 attempt 2
answer crm@p0:100 refused
wait
  305s
    start crm@p0:100 attempt 3
answer crm@p0:100 refused
    write dead letter crm@p0:100: refused, 3 attempts, the first at 0s, last error 0
written crm@p0:100
    release payload p0:100
    start crm@p0:101 attempt 1
    commit p0 at 101
    credit p0 98
answer crm@p0:101 delivered
    release payload p0:101
    start crm@p0:102 attempt 1
    credit p0 99
answer crm@p0:102 delivered
    release payload p0:102
    credit p0 100
