# A commit that is never answered keeps a revoked partition for 2 s, and is named.
subscription crm
assign p0:100
    credit p0 100
fetch p0:100 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
answer crm@p0:100 delivered
    release payload p0:100
    commit p0 at 101
    credit p0 100
revoke p0
    credit p0 0
wait 2s
  2s
    release partition p0, a commit unanswered
committed p0
show
    hand: 0 records, 0 bytes, 0 deliveries
    deliveries: 0 blocked, 0 ready, 0 waiting, 0 in air; dead letters: 0 writing, 0 waiting
    delivered 1, dead letters 0, late 1; lanes 0, halted 0
