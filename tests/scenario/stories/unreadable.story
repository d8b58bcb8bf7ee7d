# A record that nobody can read keeps its place and becomes one dead letter; the partition goes on.
subscription crm ordering=none
assign p0:100
    credit p0 100
fetch p0:100 unreadable
    write dead letter nobody@p0:100: unreadable
    credit p0 99
fetch p0:101 to=crm
    start crm@p0:101 attempt 1
    credit p0 98
answer crm@p0:101 delivered
    release payload p0:101
show
    hand: 2 records, 10 bytes, 1 deliveries
    deliveries: 0 blocked, 0 ready, 0 waiting, 0 in air; dead letters: 1 writing, 0 waiting
    delivered 1, dead letters 0, late 0; lanes 1, halted 0
    p0: committed 100, frontier 100, next 102
written nobody@p0:100
    release payload p0:100
    commit p0 at 102
    credit p0 100
committed p0
