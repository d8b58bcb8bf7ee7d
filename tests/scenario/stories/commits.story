# At most one commit per interval and one outstanding; one that failed is tried again; never backward.
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
wait 5s
committed p0 failed
answer crm@p0:102 delivered
    release payload p0:102
    credit p0 100
wait 1s
  6s
    commit p0 at 103
committed p0
wait 5s
show
    hand: 0 records, 0 bytes, 0 deliveries
    deliveries: 0 blocked, 0 ready, 0 waiting, 0 in air; dead letters: 0 writing, 0 waiting
    delivered 3, dead letters 0, late 0; lanes 1, halted 0
    p0: committed 103, frontier 103, next 103
