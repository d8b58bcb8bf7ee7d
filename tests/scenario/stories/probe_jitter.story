# With jitter the waits of probes and of the schedule are up to 20 % more or less; the seed decides.
settings halt_after=1 jitter=200 seed=42
subscription crm ordering=none
assign p0:100
    credit p0 100
fetch p0:100 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
answer crm@p0:100 failed
    report crm on p0 halted: failing
wait
  5.888s
    start crm@p0:100 attempt 2, a probe
answer crm@p0:100 failed
wait
  15.096s
    start crm@p0:100 attempt 3, a probe
answer crm@p0:100 failed
wait
  39.043s
    start crm@p0:100 attempt 4, a probe
answer crm@p0:100 delivered
    report crm on p0 resumed
    release payload p0:100
    commit p0 at 101
    credit p0 100
