# A lost partition: somebody else owns it, nothing is committed.
subscription crm
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
fetch p1:500 to=crm
    start crm@p1:500 attempt 1
    credit p1 49
answer crm@p0:100 delivered
    release payload p0:100
    commit p0 at 101
    credit p0 49
wait 1s
committed p0 failed
revoke p0 lost
    cancel crm@p0:101
    release payload p0:101
    release partition p0
    credit p0 0
    credit p1 99
answer crm@p0:101 delivered
answer crm@p1:500 delivered
    release payload p1:500
    commit p1 at 501
    credit p1 100
# Lost while the last commit of a revoke was awaited.
revoke p1
    credit p1 0
revoke p1 lost
    release partition p1, a commit unanswered
show
    hand: 0 records, 0 bytes, 0 deliveries
    deliveries: 0 blocked, 0 ready, 0 waiting, 0 in air; dead letters: 0 writing, 0 waiting
    delivered 2, dead letters 0, late 1; lanes 0, halted 0
