# A partition may hold its share of the records. A halted lane holds it then, which is said once; the other partition,
# and the other lane's events in hand, go on. One that is only slow is not held.
settings records=6 halt_after=1
subscription dead ordering=none
subscription well ordering=none
assign p0:100
    credit p0 6
assign p1:500
    credit p0 3
    credit p1 3
fetch p0:100 to=dead
    start dead@p0:100 attempt 1
    credit p0 2
fetch p0:101 to=well
    start well@p0:101 attempt 1
    credit p0 1
fetch p0:102 to=well
    start well@p0:102 attempt 1
    credit p0 0
answer well@p0:101 delivered
    release payload p0:101
answer dead@p0:100 failed
    report dead on p0 halted: failing
    report p0 held: hand full, lane halted (dead), at 100
answer well@p0:102 delivered
    release payload p0:102
fetch p1:500 to=well
    start well@p1:500 attempt 1
    credit p1 2
answer well@p1:500 delivered
    release payload p1:500
    commit p1 at 501
    credit p1 3
committed p1
show
    hand: 3 records, 10 bytes, 1 deliveries
    deliveries: 0 blocked, 1 ready, 0 waiting, 0 in air; dead letters: 0 writing, 0 waiting
    delivered 3, dead letters 0, late 0; lanes 3, halted 1
    p0: committed 100, frontier 100, next 103
    p1: committed 501, frontier 501, next 501
wait
  5s
    start dead@p0:100 attempt 2, a probe
answer dead@p0:100 failed
wait
  15s
    start dead@p0:100 attempt 3, a probe
answer dead@p0:100 delivered
    report dead on p0 resumed
    release payload p0:100
    commit p0 at 103
    report p0 flowing: hand full, lane halted (dead), at 100
    credit p0 3
committed p0
