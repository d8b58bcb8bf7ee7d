# Refusals count by their own schedule whatever else gets through, and failures in between count for neither.
subscription crm
assign p0:100
    credit p0 100
fetch p0:100 incident=5 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
answer crm@p0:100 refused error=400
wait
  5s
    start crm@p0:100 attempt 2
answer crm@p0:100 failed error=503
wait
  10s
    start crm@p0:100 attempt 3
answer crm@p0:100 refused error=400
wait
  310s
    start crm@p0:100 attempt 4
answer crm@p0:100 refused error=400
    write dead letter crm@p0:100: refused, 4 attempts, the first at 0s, last error 400
written crm@p0:100
    release payload p0:100
    commit p0 at 101
    credit p0 100
