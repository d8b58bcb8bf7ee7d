# One that is disabled owes nothing more, but what is in the air finishes. Enabled again before that, its order still holds:
# the next event of the incident waits for the attempt from before, whose answer settles it and says nothing of the lane.
settings halt_after=1
subscription crm
assign p0:100
    credit p0 100
fetch p0:100 incident=1 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
fetch p0:101 incident=1 to=crm
    credit p0 98
subscription crm disabled
replace
    release payload p0:101
    dropped of crm: 1, awaited 1
fetch p0:102
    release payload p0:102
    credit p0 97
subscription crm changed
replace
fetch p0:103 incident=1 to=crm
    credit p0 96
answer crm@p0:100 failed
    release payload p0:100
    start crm@p0:103 attempt 1
    commit p0 at 103
    credit p0 99
answer crm@p0:103 delivered
    release payload p0:103
    credit p0 100
show
    hand: 0 records, 0 bytes, 0 deliveries
    deliveries: 0 blocked, 0 ready, 0 waiting, 0 in air; dead letters: 0 writing, 0 waiting
    delivered 1, dead letters 0, late 0; lanes 1, halted 0
    p0: committed 100, frontier 104, next 104
