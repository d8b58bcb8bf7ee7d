# A stricter ordering: what was free to go stays free; what waited and what is fetched later waits for all before it.
subscription crm ordering=incident
assign p0:100
    credit p0 100
fetch p0:100 incident=1 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
fetch p0:101 incident=1 to=crm
    credit p0 98
fetch p0:102 incident=2 to=crm
    start crm@p0:102 attempt 1
    credit p0 97
answer crm@p0:102 failed
subscription crm ordering=tenant
replace
fetch p0:103 incident=3 to=crm
    credit p0 96
answer crm@p0:100 delivered
    release payload p0:100
    start crm@p0:101 attempt 1
    commit p0 at 101
    credit p0 97
answer crm@p0:101 delivered
    release payload p0:101
    credit p0 98
# The one that had failed was free: it goes when its time has come, and the later one waits for it.
wait
  5s
    start crm@p0:102 attempt 2
answer crm@p0:102 delivered
    release payload p0:102
    start crm@p0:103 attempt 1
    credit p0 99
answer crm@p0:103 delivered
    release payload p0:103
    credit p0 100
