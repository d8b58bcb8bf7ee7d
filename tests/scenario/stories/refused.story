# The endpoint refuses one event: at once, after 5 s, after 5 min, then a dead letter. Others of the lane go on; one
# of the same incident waits until the dead letter is acknowledged.
subscription crm
assign p0:100
    credit p0 100
fetch p0:100 incident=5 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
fetch p0:101 incident=6 to=crm
    start crm@p0:101 attempt 1
    credit p0 98
fetch p0:102 incident=5 to=crm
    credit p0 97
answer crm@p0:100 refused error=400
answer crm@p0:101 delivered
    release payload p0:101
wait
  5s
    start crm@p0:100 attempt 2
answer crm@p0:100 refused error=400
wait
  305s
    start crm@p0:100 attempt 3
answer crm@p0:100 refused error=422
    write dead letter crm@p0:100: refused, 3 attempts, the first at 0s, last error 422
show
    hand: 3 records, 20 bytes, 2 deliveries
    deliveries: 1 blocked, 0 ready, 0 waiting, 0 in air; dead letters: 1 writing, 0 waiting
    delivered 1, dead letters 0, late 0; lanes 1, halted 0
    p0: committed 100, frontier 100, next 103
written crm@p0:100
    release payload p0:100
    start crm@p0:102 attempt 1
    commit p0 at 102
    credit p0 99
answer crm@p0:102 delivered
    release payload p0:102
    credit p0 100
committed p0
wait 1s
  306s
    commit p0 at 103
