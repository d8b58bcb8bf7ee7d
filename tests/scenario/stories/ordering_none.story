# No order, up to max_in_flight; what is ready goes in log order.
subscription crm ordering=none max_in_flight=2
assign p0:100
    credit p0 100
fetch p0:100 incident=5 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
fetch p0:101 incident=5 to=crm
    start crm@p0:101 attempt 1
    credit p0 98
fetch p0:102 incident=5 to=crm
    credit p0 97
fetch p0:103 incident=5 to=crm
    credit p0 96
answer crm@p0:101 delivered
    release payload p0:101
    start crm@p0:102 attempt 1
answer crm@p0:102 failed
    start crm@p0:103 attempt 1
answer crm@p0:100 delivered
    release payload p0:100
    commit p0 at 102
    credit p0 98
answer crm@p0:103 delivered
    release payload p0:103
wait
  5s
    start crm@p0:102 attempt 2
