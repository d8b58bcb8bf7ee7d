# What is still in the air at the deadline is cut; its place is kept.
subscription crm ordering=none
assign p0:100
    credit p0 100
fetch p0:100 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
fetch p0:101 to=crm
    start crm@p0:101 attempt 1
    credit p0 98
fetch p0:102 unreadable
    write dead letter nobody@p0:102: unreadable
    credit p0 97
answer crm@p0:100 delivered
    release payload p0:100
    commit p0 at 101
    credit p0 98
committed p0
drain 8s
    credit p0 0
wait 8s
  8s
    cancel crm@p0:101
    drained
answer crm@p0:101 delivered
written nobody@p0:102
show
    hand: 2 records, 20 bytes, 2 deliveries
    deliveries: 0 blocked, 1 ready, 0 waiting, 0 in air; dead letters: 0 writing, 1 waiting
    delivered 1, dead letters 0, late 2; lanes 1, halted 0
    p0: committed 101, frontier 101, next 103
