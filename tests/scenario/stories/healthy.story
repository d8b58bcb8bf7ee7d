# All goes well: one record for two subscriptions, one payload for both, a commit once both have it.
subscription crm
subscription audit ordering=none
assign p0:100
    credit p0 100
fetch p0:100 incident=5 to=crm,audit
    start crm@p0:100 attempt 1
    start audit@p0:100 attempt 1
    credit p0 99
fetch p0:101 incident=6
    release payload p0:101
    credit p0 98
answer crm@p0:100 delivered
answer audit@p0:100 delivered
    release payload p0:100
    commit p0 at 102
    credit p0 100
committed p0
# The record that nobody wants was settled when it came, but had to wait for the one before.
wait 1s
show
    hand: 0 records, 0 bytes, 0 deliveries
    deliveries: 0 blocked, 0 ready, 0 waiting, 0 in air; dead letters: 0 writing, 0 waiting
    delivered 2, dead letters 0, late 0; lanes 2, halted 0
    p0: committed 102, frontier 102, next 102
# A hole in the offsets (a transaction marker, a compacted record) is passed with the next commit.
fetch p0:110 incident=5 to=crm
    start crm@p0:110 attempt 1
    commit p0 at 110
    credit p0 99
answer crm@p0:110 delivered
    release payload p0:110
    credit p0 100
committed p0
show
    hand: 0 records, 0 bytes, 0 deliveries
    deliveries: 0 blocked, 0 ready, 0 waiting, 0 in air; dead letters: 0 writing, 0 waiting
    delivered 3, dead letters 0, late 0; lanes 2, halted 0
    p0: committed 110, frontier 111, next 111
