# A new set is taken over: one that is added gets what is fetched from then on; the others change their place in the set
# and go on, and the fan-out grows.
settings records=1 partitions=1 fanout=1
subscription crm ordering=none
assign p0:100
    credit p0 1
fetch p0:100 to=crm
    start crm@p0:100 attempt 1
    credit p0 0
subscription desk ordering=none
subscription audit ordering=none
subscription mail ordering=none
subscription page ordering=none
subscription crm ordering=none
replace fanout=5
answer crm@p0:100 failed
    report p0 held: hand full, lane waiting (crm), at 100
wait
  5s
    start crm@p0:100 attempt 2
answer crm@p0:100 delivered
    release payload p0:100
    commit p0 at 101
    report p0 flowing: hand full, lane waiting (crm), at 100
    credit p0 1
fetch p0:101 to=desk,audit,mail,page,crm
    start desk@p0:101 attempt 1
    start audit@p0:101 attempt 1
    start mail@p0:101 attempt 1
    start page@p0:101 attempt 1
    start crm@p0:101 attempt 1
    credit p0 0
answer crm@p0:101 delivered
answer desk@p0:101 delivered
answer audit@p0:101 delivered
answer mail@p0:101 delivered
answer page@p0:101 delivered
    release payload p0:101
    credit p0 1
