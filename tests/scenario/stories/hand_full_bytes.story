# Bytes count until the last delivery settles; the share may be passed by one record.
settings bytes=1000 partitions=1
subscription crm ordering=none
assign p0:100
    credit p0 100
fetch p0:100 bytes=600 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
fetch p0:101 bytes=600 to=crm
    start crm@p0:101 attempt 1
    credit p0 0
show
    hand: 2 records, 1200 bytes, 2 deliveries
    deliveries: 0 blocked, 0 ready, 0 waiting, 2 in air; dead letters: 0 writing, 0 waiting
    delivered 0, dead letters 0, late 0; lanes 1, halted 0
    p0: committed 100, frontier 100, next 102
answer crm@p0:101 delivered
    release payload p0:101
    credit p0 98
answer crm@p0:100 delivered
    release payload p0:100
    commit p0 at 102
    credit p0 100
# A record larger than everything is taken when nothing else is there.
fetch p0:102 bytes=5000 to=crm
    start crm@p0:102 attempt 1
    credit p0 0
answer crm@p0:102 delivered
    release payload p0:102
    credit p0 100
