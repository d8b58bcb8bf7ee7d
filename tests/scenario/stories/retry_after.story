# Retry-After holds the whole lane; the wait of the event is the greater of it and its schedule's; at most a day.
subscription crm ordering=none
assign p0:100
    credit p0 100
fetch p0:100 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
fetch p0:101 to=crm
    start crm@p0:101 attempt 1
    credit p0 98
answer crm@p0:100 failed retry_after=60s error=503
fetch p0:102 to=crm
    credit p0 97
answer crm@p0:101 delivered
    release payload p0:101
wait 1m
  60s
    start crm@p0:100 attempt 2
    start crm@p0:102 attempt 1
answer crm@p0:102 delivered
    release payload p0:102
# Shorter than the schedule: the event waits 5 min, the lane 1 s.
answer crm@p0:100 failed retry_after=1s error=503
fetch p0:103 to=crm
    credit p0 96
wait 1s
  61s
    start crm@p0:103 attempt 1
answer crm@p0:103 delivered
    release payload p0:103
wait
  360s
    start crm@p0:100 attempt 3
answer crm@p0:100 failed retry_after=1000h error=503
wait
  86760s
    start crm@p0:100 attempt 4
answer crm@p0:100 delivered
    release payload p0:100
    commit p0 at 104
    credit p0 100
