# Nothing to commit: given up at once, together with what is owed: a dead letter in flight, an event that waits.
subscription crm ordering=none
assign p0:100
    credit p0 100
fetch p0:100 to=crm
    start crm@p0:100 attempt 1
    credit p0 99
fetch p0:101 to=crm
    start crm@p0:101 attempt 1
    credit p0 98
fetch p0:102 unreadable
    write dead letter nobody@p0:102: unreadable
    credit p0 97
answer crm@p0:100 failed
revoke p0
    release payload p0:102
    cancel crm@p0:101
    release payload p0:101
    release payload p0:100
    release partition p0
    credit p0 0
written nobody@p0:102
wait 1s
show
    hand: 0 records, 0 bytes, 0 deliveries
    deliveries: 0 blocked, 0 ready, 0 waiting, 0 in air; dead letters: 0 writing, 0 waiting
    delivered 0, dead letters 0, late 1; lanes 0, halted 0
