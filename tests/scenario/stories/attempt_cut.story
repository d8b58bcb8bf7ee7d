# An attempt that was cut counts for nothing: not for the event, not for the lane.
settings halt_after=1
subscription crm
assign p0:100
    credit p0 100
fetch p0:100 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
answer crm@p0:100 cut
    start crm@p0:100 attempt 1
answer crm@p0:100 failed
    report crm on p0 halted: failing
wait
  5s
    start crm@p0:100 attempt 2, a probe
# A probe that was cut is tried again after the same wait.
answer crm@p0:100 cut
wait
  10s
    start crm@p0:100 attempt 2, a probe
answer crm@p0:100 delivered
    report crm on p0 resumed
    release payload p0:100
    commit p0 at 101
    credit p0 100
