# In a drain, too: what a removed subscription has in the air is awaited, and cut like the rest; then it is read again.
subscription crm ordering=none max_in_flight=2
assign p0:100
    credit p0 100
fetch p0:100 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
fetch p0:101 to=crm
    start crm@p0:101 attempt 1
    credit p0 98
fetch p0:102 to=crm
    credit p0 97
drain 8s
    credit p0 0
replace
    release payload p0:102
    dropped of crm: 1, awaited 2
answer crm@p0:100 failed
    release payload p0:100
    commit p0 at 101
wait
  8s
    cancel crm@p0:101
committed p0
    drained
