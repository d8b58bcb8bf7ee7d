# A drain starts nothing and takes nothing, awaits what is in the air, commits, says so.
subscription crm ordering=none max_in_flight=2
assign p0:100
    credit p0 100
assign p1:500
    credit p0 50
    credit p1 50
fetch p0:100 to=crm
    start crm@p0:100 attempt 1
    credit p0 49
fetch p0:101 to=crm
    start crm@p0:101 attempt 1
    credit p0 48
fetch p0:102 to=crm
    credit p0 47
fetch p1:500 unreadable
    write dead letter nobody@p1:500: unreadable
    credit p1 49
drain 8s
    credit p0 0
    credit p1 0
fetch p0:103 to=crm
    release payload p0:103
answer crm@p0:100 delivered
    release payload p0:100
    commit p0 at 101
answer crm@p0:101 failed
written nobody@p1:500
    release payload p1:500
    commit p1 at 501
committed p0
committed p1
    drained
# The handle is closed afterwards: its partitions are revoked as always.
revoke p0
    release payload p0:102
    release payload p0:101
    release partition p0
revoke p1
    release partition p1
