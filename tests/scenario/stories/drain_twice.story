# A second request cuts at once. A last commit that is not answered is awaited for 2 s.
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
answer crm@p0:100 delivered
    release payload p0:100
    commit p0 at 101
    credit p0 98
answer crm@p0:101 delivered
    release payload p0:101
    credit p0 99
drain 8s
    credit p0 0
wait 1s
drain
    cancel crm@p0:102
wait 2s
  3s
    drained
