# A hold also holds the probe.
settings halt_after=1
subscription crm
assign p0:100
    credit p0 100
fetch p0:100 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
answer crm@p0:100 failed retry_after=60s
    report crm on p0 halted: failing
wait 59s
wait 1s
  60s
    start crm@p0:100 attempt 2, a probe
