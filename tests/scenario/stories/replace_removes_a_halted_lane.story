# A halted lane fills the hand and holds its partition; when its subscription is removed, the partition flows.
settings records=3 partitions=1 halt_after=1
subscription dead ordering=none
subscription well ordering=none
assign p0:100
    credit p0 3
fetch p0:100 to=dead
    start dead@p0:100 attempt 1
    credit p0 2
fetch p0:101 to=dead,well
    start dead@p0:101 attempt 1
    start well@p0:101 attempt 1
    credit p0 1
fetch p0:102 to=well
    start well@p0:102 attempt 1
    credit p0 0
answer dead@p0:100 failed
    report dead on p0 halted: failing
    report p0 held: hand full, lane halted (dead), at 100
answer dead@p0:101 failed
answer well@p0:101 delivered
subscription other ordering=none
subscription well ordering=none
subscription dead ordering=none
replace
wait 5s
  5s
    start dead@p0:100 attempt 2, a probe
subscription well ordering=none
replace
    release payload p0:101
    report p0 flowing: hand full, lane halted (nobody), at 100
    dropped of dead: 1, awaited 1
answer well@p0:102 delivered
    release payload p0:102
answer dead@p0:100 failed
    release payload p0:100
    commit p0 at 103
    credit p0 3
wait 1m
show
    hand: 0 records, 0 bytes, 0 deliveries
    deliveries: 0 blocked, 0 ready, 0 waiting, 0 in air; dead letters: 0 writing, 0 waiting
    delivered 2, dead letters 0, late 0; lanes 1, halted 0
    p0: committed 100, frontier 103, next 103
