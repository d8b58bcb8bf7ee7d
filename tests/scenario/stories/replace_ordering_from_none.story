# From no order to one: events fetched later wait for every earlier one of their incident, however these settle.
subscription crm ordering=none
assign p0:100
    credit p0 100
fetch p0:100 incident=1 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
fetch p0:101 incident=1 to=crm
    start crm@p0:101 attempt 1
    credit p0 98
fetch p0:102 incident=2 to=crm
    start crm@p0:102 attempt 1
    credit p0 97
subscription crm ordering=incident
replace
fetch p0:103 incident=1 to=crm
    credit p0 96
fetch p0:104 incident=3 to=crm
    start crm@p0:104 attempt 1
    credit p0 95
answer crm@p0:101 delivered
    release payload p0:101
answer crm@p0:100 failed
answer crm@p0:102 delivered
    release payload p0:102
wait
  5s
    start crm@p0:100 attempt 2
answer crm@p0:100 delivered
    release payload p0:100
    start crm@p0:103 attempt 1
    commit p0 at 103
    credit p0 98
answer crm@p0:103 delivered
    release payload p0:103
    credit p0 99
