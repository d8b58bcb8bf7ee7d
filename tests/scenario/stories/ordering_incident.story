# One delivery of an incident in the air, the next one once it has settled; other incidents go on meanwhile.
subscription crm ordering=incident
assign p0:100
    credit p0 100
fetch p0:100 incident=5 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
fetch p0:101 incident=5 to=crm
    credit p0 98
fetch p0:102 incident=6 to=crm
    start crm@p0:102 attempt 1
    credit p0 97
fetch p0:103 incident=5 to=crm
    credit p0 96
show
    hand: 4 records, 40 bytes, 4 deliveries
    deliveries: 2 blocked, 0 ready, 0 waiting, 2 in air; dead letters: 0 writing, 0 waiting
    delivered 0, dead letters 0, late 0; lanes 1, halted 0
    p0: committed 100, frontier 100, next 104
answer crm@p0:100 failed
answer crm@p0:102 delivered
    release payload p0:102
wait
  5s
    start crm@p0:100 attempt 2
answer crm@p0:100 delivered
    release payload p0:100
    start crm@p0:101 attempt 1
    commit p0 at 101
    credit p0 97
answer crm@p0:101 delivered
    release payload p0:101
    start crm@p0:103 attempt 1
    credit p0 99
answer crm@p0:103 delivered
    release payload p0:103
    credit p0 100
committed p0
