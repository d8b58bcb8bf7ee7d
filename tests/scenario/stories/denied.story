# An address that may not be called halts at once, is probed, and goes on when it may be called. A refusal does not end
# such a halt, a failure of another kind makes it an ordinary one.
subscription crm ordering=none
assign p0:100
    credit p0 100
fetch p0:100 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
answer crm@p0:100 denied error=7
    report crm on p0 halted: denied
wait
  5s
    start crm@p0:100 attempt 2, a probe
answer crm@p0:100 refused error=400
wait
  15s
    start crm@p0:100 attempt 3, a probe
answer crm@p0:100 failed error=503
    report crm on p0 halted: failing
wait
  35s
    start crm@p0:100 attempt 4, a probe
answer crm@p0:100 denied error=7
    report crm on p0 halted: denied
wait
  75s
    start crm@p0:100 attempt 5, a probe
answer crm@p0:100 delivered
    report crm on p0 resumed
    release payload p0:100
    commit p0 at 101
    credit p0 100
