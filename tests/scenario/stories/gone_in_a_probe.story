# A halt that was probed ends in one that is not.
settings halt_after=1
subscription crm
assign p0:100
    credit p0 100
fetch p0:100 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
answer crm@p0:100 failed
    report crm on p0 halted: failing
wait
  5s
    start crm@p0:100 attempt 2, a probe
answer crm@p0:100 gone
    report crm on p0 halted: gone
wait 1h
