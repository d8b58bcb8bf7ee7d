# 429: counts towards a halt, not against the schedule. Due again when the hold ends, without one in 5 s.
settings halt_after=3
subscription crm ordering=none
assign p0:100
    credit p0 100
fetch p0:100 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
answer crm@p0:100 paced retry_after=2s
fetch p0:101 to=crm
    credit p0 98
wait
  2s
    start crm@p0:100 attempt 2
    start crm@p0:101 attempt 1
answer crm@p0:100 paced
answer crm@p0:101 paced
    report crm on p0 halted: failing
wait
  7s
    start crm@p0:100 attempt 3, a probe
