# A partition that comes later finds room, even when the first one holds all of the hand.
settings records=4
subscription crm ordering=none
assign p0:100
    credit p0 4
fetch p0:100 to=crm
    start crm@p0:100 attempt 1
    credit p0 3
fetch p0:101 to=crm
    start crm@p0:101 attempt 1
    credit p0 2
fetch p0:102 to=crm
    start crm@p0:102 attempt 1
    credit p0 1
fetch p0:103 to=crm
    start crm@p0:103 attempt 1
    credit p0 0
assign p1:500
    credit p1 1
fetch p1:500 to=crm
    start crm@p1:500 attempt 1
    credit p1 0
answer crm@p1:500 delivered
    release payload p1:500
    commit p1 at 501
    credit p1 1
answer crm@p0:100 delivered
    release payload p0:100
    commit p0 at 101
answer crm@p0:101 delivered
    release payload p0:101
    credit p1 2
answer crm@p0:102 delivered
    release payload p0:102
    credit p0 1
