# One that is removed: what is in the air finishes, and any answer settles it, a refusal too. What waits for its time, for
# an earlier event or for its turn counts as not matching, so nothing of it holds the partition any longer.
subscription crm max_in_flight=2
subscription well
assign p0:100
    credit p0 100
fetch p0:100 incident=1 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
fetch p0:101 incident=2 to=crm,well
    start crm@p0:101 attempt 1
    start well@p0:101 attempt 1
    credit p0 98
fetch p0:102 incident=1 to=crm
    credit p0 97
fetch p0:103 incident=3 to=crm
    credit p0 96
fetch p0:104 incident=4 to=crm
    credit p0 95
answer crm@p0:101 failed
    start crm@p0:103 attempt 1
show
    hand: 5 records, 50 bytes, 6 deliveries
    deliveries: 1 blocked, 1 ready, 1 waiting, 3 in air; dead letters: 0 writing, 0 waiting
    delivered 0, dead letters 0, late 0; lanes 2, halted 0
    p0: committed 100, frontier 100, next 105
subscription well
replace
    release payload p0:104
    release payload p0:102
    dropped of crm: 3, awaited 2
answer crm@p0:103 refused error=404
    release payload p0:103
answer crm@p0:100 delivered
    release payload p0:100
    commit p0 at 101
    credit p0 96
answer well@p0:101 delivered
    release payload p0:101
    credit p0 100
show
    hand: 0 records, 0 bytes, 0 deliveries
    deliveries: 0 blocked, 0 ready, 0 waiting, 0 in air; dead letters: 0 writing, 0 waiting
    delivered 2, dead letters 0, late 0; lanes 1, halted 0
    p0: committed 100, frontier 105, next 105
# Added again it is a new one.
subscription crm
subscription well
replace
fetch p0:105 incident=1 to=crm
    start crm@p0:105 attempt 1
    credit p0 99
answer crm@p0:105 delivered
    release payload p0:105
    credit p0 100
