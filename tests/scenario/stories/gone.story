# 410: the lane halts and is not probed; what it owes keeps its place, also what is answered later.
subscription crm ordering=none
subscription well ordering=none
assign p0:100
    credit p0 100
fetch p0:100 to=crm,well
    start crm@p0:100 attempt 1
    start well@p0:100 attempt 1
    credit p0 99
fetch p0:101 to=crm
    start crm@p0:101 attempt 1
    credit p0 98
fetch p0:102 to=crm
    start crm@p0:102 attempt 1
    credit p0 97
answer crm@p0:100 gone error=410
    report crm on p0 halted: gone
answer crm@p0:101 delivered
    release payload p0:101
answer crm@p0:102 failed error=503
answer well@p0:100 delivered
wait 10h
show
    hand: 3 records, 20 bytes, 2 deliveries
    deliveries: 0 blocked, 2 ready, 0 waiting, 0 in air; dead letters: 0 writing, 0 waiting
    delivered 2, dead letters 0, late 0; lanes 2, halted 1
    p0: committed 100, frontier 100, next 103
