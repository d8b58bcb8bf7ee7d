# Full behind a dead letter that cannot be written.
settings records=2 partitions=1
subscription crm ordering=none
assign p0:100
    credit p0 2
fetch p0:100 unreadable
    write dead letter nobody@p0:100: unreadable
    credit p0 1
fetch p0:101 to=crm
    start crm@p0:101 attempt 1
    credit p0 0
answer crm@p0:101 delivered
    release payload p0:101
written nobody@p0:100 failed
    report p0 held: hand full, dead letter (nobody), at 100
wait
  1s
    write dead letter nobody@p0:100: unreadable
written nobody@p0:100 failed
wait
  3s
    write dead letter nobody@p0:100: unreadable
written nobody@p0:100
    release payload p0:100
    commit p0 at 102
    report p0 flowing: hand full, dead letter (nobody), at 100
    credit p0 2
committed p0
