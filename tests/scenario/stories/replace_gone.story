# 410 lasts until the document changes: then the lane opens again with no failures. Of a halted one the next probe is due.
settings halt_after=3 probe_first=1m
subscription crm ordering=none
subscription down ordering=none
assign p0:100
    credit p0 100
fetch p0:100 to=crm,down
    start crm@p0:100 attempt 1
    start down@p0:100 attempt 1
    credit p0 99
fetch p0:101 to=crm,down
    start crm@p0:101 attempt 1
    start down@p0:101 attempt 1
    credit p0 98
fetch p0:102 to=down
    start down@p0:102 attempt 1
    credit p0 97
answer crm@p0:100 gone
    report crm on p0 halted: gone
answer crm@p0:101 failed
answer down@p0:100 failed
answer down@p0:101 failed
answer down@p0:102 failed
    report down on p0 halted: failing
subscription down ordering=none
subscription crm ordering=none
replace
subscription crm ordering=none changed
subscription down ordering=none changed
replace
    report crm on p0 resumed
    start down@p0:100 attempt 2, a probe
    start crm@p0:100 attempt 2
    start crm@p0:101 attempt 2
answer down@p0:100 delivered
    report down on p0 resumed
    start down@p0:101 attempt 2
    start down@p0:102 attempt 2
answer crm@p0:100 failed
answer crm@p0:101 failed
