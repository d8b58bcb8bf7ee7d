# A dead letter that cannot be written is tried again, 1 s doubling to 30 s; no commit passes it, nobody behind it goes.
settings refused=0
subscription crm
assign p0:100
    credit p0 100
fetch p0:100 incident=5 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
fetch p0:101 incident=5 to=crm
    credit p0 98
answer crm@p0:100 refused error=404
    write dead letter crm@p0:100: refused, 1 attempts, the first at 0s, last error 404
written crm@p0:100 failed
wait
  1s
    write dead letter crm@p0:100: refused, 1 attempts, the first at 0s, last error 404
written crm@p0:100 failed
wait
  3s
    write dead letter crm@p0:100: refused, 1 attempts, the first at 0s, last error 404
written crm@p0:100 failed
wait
  7s
    write dead letter crm@p0:100: refused, 1 attempts, the first at 0s, last error 404
written crm@p0:100 failed
wait
  15s
    write dead letter crm@p0:100: refused, 1 attempts, the first at 0s, last error 404
written crm@p0:100 failed
wait
  31s
    write dead letter crm@p0:100: refused, 1 attempts, the first at 0s, last error 404
written crm@p0:100 failed
wait
  61s
    write dead letter crm@p0:100: refused, 1 attempts, the first at 0s, last error 404
written crm@p0:100 failed
wait
  91s
    write dead letter crm@p0:100: refused, 1 attempts, the first at 0s, last error 404
show
    hand: 2 records, 20 bytes, 2 deliveries
    deliveries: 1 blocked, 0 ready, 0 waiting, 0 in air; dead letters: 1 writing, 0 waiting
    delivered 0, dead letters 0, late 0; lanes 1, halted 0
    p0: committed 100, frontier 100, next 102
written crm@p0:100
    release payload p0:100
    start crm@p0:101 attempt 1
    commit p0 at 101
    credit p0 99
answer crm@p0:101 delivered
    release payload p0:101
    credit p0 100
committed p0
