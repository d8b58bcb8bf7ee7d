# Paced for as long, but nothing else got through: not exhausted.
settings schedule=0,5s,5s halt_after=100
subscription crm ordering=none
assign p0:100
    credit p0 100
fetch p0:100 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
answer crm@p0:100 paced
wait
  5s
    start crm@p0:100 attempt 2
answer crm@p0:100 paced
wait
  10s
    start crm@p0:100 attempt 3
answer crm@p0:100 paced
wait
  15s
    start crm@p0:100 attempt 4
answer crm@p0:100 paced
wait
  20s
    start crm@p0:100 attempt 5
answer crm@p0:100 delivered
    release payload p0:100
    commit p0 at 101
    credit p0 100
