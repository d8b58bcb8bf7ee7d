# Failures count in the order in which answers arrive; a 2xx, and nothing else, sets the count to zero.
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
fetch p0:102 to=crm
    start crm@p0:102 attempt 1
    credit p0 97
fetch p0:103 to=crm
    start crm@p0:103 attempt 1
    credit p0 96
answer crm@p0:100 failed
answer crm@p0:101 delivered
    release payload p0:101
answer crm@p0:102 failed
answer crm@p0:103 refused
wait
  5s
    start crm@p0:100 attempt 2
    start crm@p0:102 attempt 2
    start crm@p0:103 attempt 2
