# An event fails three times while another gets through each time, so each attempt counts; then it is taken.
subscription crm
assign p0:100
    credit p0 100
fetch p0:100 incident=5 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
answer crm@p0:100 failed error=503
fetch p0:101 incident=6 to=crm
    start crm@p0:101 attempt 1
    credit p0 98
answer crm@p0:101 delivered
    release payload p0:101
wait
  5s
    start crm@p0:100 attempt 2
answer crm@p0:100 failed error=503
fetch p0:102 incident=7 to=crm
    start crm@p0:102 attempt 1
    credit p0 97
answer crm@p0:102 delivered
    release payload p0:102
wait
  305s
    start crm@p0:100 attempt 3
answer crm@p0:100 failed error=503
fetch p0:103 incident=8 to=crm
    start crm@p0:103 attempt 1
    credit p0 96
answer crm@p0:103 delivered
    release payload p0:103
wait
  2105s
    start crm@p0:100 attempt 4
answer crm@p0:100 delivered
    release payload p0:100
    commit p0 at 104
    credit p0 100
committed p0
show
    hand: 0 records, 0 bytes, 0 deliveries
    deliveries: 0 blocked, 0 ready, 0 waiting, 0 in air; dead letters: 0 writing, 0 waiting
    delivered 4, dead letters 0, late 0; lanes 1, halted 0
    p0: committed 104, frontier 104, next 104
