# A dead letter that is being written for one that is removed is awaited, and no commit passes it before; a failed write
# settles it as well. One that waits to be written is dropped.
settings refused=0
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
answer crm@p0:100 refused error=404
    write dead letter crm@p0:100: refused, 1 attempts, the first at 0s, last error 404
answer crm@p0:101 refused error=404
    write dead letter crm@p0:101: refused, 1 attempts, the first at 0s, last error 404
answer crm@p0:102 refused error=404
    write dead letter crm@p0:102: refused, 1 attempts, the first at 0s, last error 404
written crm@p0:101 failed
replace
    release payload p0:101
    dropped of crm: 1, awaited 2
written crm@p0:100
    release payload p0:100
    commit p0 at 102
    credit p0 99
committed p0
wait 1s
written crm@p0:102 failed
    release payload p0:102
    commit p0 at 103
    credit p0 100
wait 1m
show
    hand: 0 records, 0 bytes, 0 deliveries
    deliveries: 0 blocked, 0 ready, 0 waiting, 0 in air; dead letters: 0 writing, 0 waiting
    delivered 0, dead letters 1, late 0; lanes 0, halted 0
    p0: committed 102, frontier 103, next 103
