# Full behind an event that waits for its next attempt: said once, not anew with each attempt.
settings records=2 partitions=1 halt_after=100
subscription crm ordering=none
assign p0:100
    credit p0 2
fetch p0:100 to=crm
    start crm@p0:100 attempt 1
    credit p0 1
fetch p0:101 to=crm
    start crm@p0:101 attempt 1
    credit p0 0
answer crm@p0:100 failed
    report p0 held: hand full, lane waiting (crm), at 100
wait
  5s
    start crm@p0:100 attempt 2
answer crm@p0:101 delivered
    release payload p0:101
answer crm@p0:100 failed
wait
  305s
    start crm@p0:100 attempt 3
answer crm@p0:100 delivered
    release payload p0:100
    commit p0 at 102
    report p0 flowing: hand full, lane waiting (crm), at 100
    credit p0 2
