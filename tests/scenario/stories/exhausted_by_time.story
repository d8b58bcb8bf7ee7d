# Paced for longer than the whole schedule (10 s here) while others got through: exhausted, though no attempt counted.
settings schedule=0,5s,5s halt_after=100
subscription crm ordering=none
assign p0:100
    credit p0 100
fetch p0:100 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
answer crm@p0:100 paced error=429
fetch p0:101 to=crm
    start crm@p0:101 attempt 1
    credit p0 98
answer crm@p0:101 delivered
    release payload p0:101
wait
  5s
    start crm@p0:100 attempt 2
answer crm@p0:100 paced error=429
wait
  10s
    start crm@p0:100 attempt 3
answer crm@p0:100 paced error=429
# 10 s: not yet longer than the schedule.
wait
  15s
    start crm@p0:100 attempt 4
answer crm@p0:100 paced error=429
    write dead letter crm@p0:100: exhausted, 4 attempts, the first at 0s, last error 429
written crm@p0:100
    release payload p0:100
    commit p0 at 102
    credit p0 100
