# A probe that is refused ends a halt of endpoint failures: it answers again. The refusal counts for the event, the
# count of failures stands: the next one halts again.
settings halt_after=2
subscription crm ordering=none
assign p0:100
    credit p0 100
fetch p0:100 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
fetch p0:101 to=crm
    start crm@p0:101 attempt 1
    credit p0 98
answer crm@p0:100 failed
answer crm@p0:101 failed
    report crm on p0 halted: failing
wait
  5s
    start crm@p0:100 attempt 2, a probe
answer crm@p0:100 refused error=400
    report crm on p0 resumed
    start crm@p0:101 attempt 2
answer crm@p0:101 failed
    report crm on p0 halted: failing
wait
  10s
    start crm@p0:100 attempt 3, a probe
