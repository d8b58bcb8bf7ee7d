# Without a 2xx in between only the first failure counts: the waits are those of a probe, nothing is exhausted.
settings halt_after=100
subscription crm
assign p0:100
    credit p0 100
fetch p0:100 incident=5 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
answer crm@p0:100 failed
wait
  5s
    start crm@p0:100 attempt 2
answer crm@p0:100 failed
wait
  10s
    start crm@p0:100 attempt 3
answer crm@p0:100 failed
wait
  15s
    start crm@p0:100 attempt 4
answer crm@p0:100 failed
wait
  20s
    start crm@p0:100 attempt 5
answer crm@p0:100 failed
wait
  25s
    start crm@p0:100 attempt 6
answer crm@p0:100 delivered
    release payload p0:100
    commit p0 at 101
    credit p0 100
