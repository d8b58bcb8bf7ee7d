# A lane is a subscription on one partition: the halt of one says nothing about the other.
settings halt_after=1
subscription crm
assign p0:100
    credit p0 100
assign p1:500
    credit p0 50
    credit p1 50
fetch p0:100 incident=5 to=crm
    start crm@p0:100 attempt 1
    credit p0 49
fetch p1:500 incident=5 to=crm
    start crm@p1:500 attempt 1
    credit p1 49
answer crm@p0:100 failed
    report crm on p0 halted: failing
answer crm@p1:500 delivered
    release payload p1:500
    commit p1 at 501
    credit p1 50
fetch p1:501 incident=5 to=crm
    start crm@p1:501 attempt 1
    credit p1 49
answer crm@p1:501 delivered
    release payload p1:501
    credit p1 50
show
    hand: 1 records, 10 bytes, 1 deliveries
    deliveries: 0 blocked, 1 ready, 0 waiting, 0 in air; dead letters: 0 writing, 0 waiting
    delivered 2, dead letters 0, late 0; lanes 2, halted 1
    p0: committed 100, frontier 100, next 101
    p1: committed 500, frontier 502, next 502
