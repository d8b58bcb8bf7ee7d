# A new max_in_flight holds at once: raised, more start; lowered, nothing starts until fewer are in the air.
subscription crm ordering=none max_in_flight=1
assign p0:100
    credit p0 100
fetch p0:100 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
fetch p0:101 to=crm
    credit p0 98
fetch p0:102 to=crm
    credit p0 97
fetch p0:103 to=crm
    credit p0 96
fetch p0:104 to=crm
    credit p0 95
subscription crm ordering=none max_in_flight=3
replace
    start crm@p0:101 attempt 1
    start crm@p0:102 attempt 1
subscription crm ordering=none max_in_flight=1
replace
answer crm@p0:101 delivered
    release payload p0:101
answer crm@p0:102 delivered
    release payload p0:102
answer crm@p0:100 delivered
    release payload p0:100
    start crm@p0:103 attempt 1
    commit p0 at 103
    credit p0 98
answer crm@p0:103 delivered
    release payload p0:103
    start crm@p0:104 attempt 1
    credit p0 99
